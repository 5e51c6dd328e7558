//! The configuration a phone holds: parameter names and values.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::flat_profile::Entries;
use crate::report_rule::ReportRule;
use crate::rule::Rule;

/// What is shown in place of a secret.
const HIDDEN: &str = "****";
/// Words in the name of a parameter whose value is nobody else's business.
const SECRET_WORDS: [&str; 7] = ["password", "passwd", "passphrase", "secret", "key", "token", "credential"];

/// Parameters by name, case-sensitive. `Debug` shows no values.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// The value of a parameter that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Takes over what a profile or an assignment says: the last of two wins, an empty value is a
    /// value, and what is not named stays as it was.
    pub(crate) fn apply(&mut self, entries: Entries) {
        self.0.extend(entries);
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A profile's parameters as they may be printed.
pub(crate) fn shown(entries: &Entries) -> BTreeMap<String, String> {
    entries.iter().map(|(name, value)| (name.clone(), shown_value(name, value))).collect()
}

/// A value as it may be printed: rules without their options' values, passwords and keys not at all.
pub(crate) fn shown_value(name: &str, value: &str) -> String {
    if value.is_empty() {
        return String::new();
    }
    if name.contains("Report_Rule") {
        return ReportRule::read(value).map_or(HIDDEN.to_owned(), |rule| rule.to_string());
    }
    if name.contains("_Rule") {
        return Rule::parse(value).map_or(HIDDEN.to_owned(), |rule| rule.to_string());
    }
    if is_secret(name) { HIDDEN.to_owned() } else { value.to_owned() }
}

fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    // Providers keep keys and random paths in the general purpose parameters (GPP_A … GPP_SD).
    SECRET_WORDS.iter().any(|word| lower.contains(word))
        || name.contains("PIN")
        || name.starts_with("GPP_")
        || name.starts_with("IKM_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn the_last_wins_and_what_is_not_named_stays() {
        let mut parameters = Parameters::default();
        parameters.apply(vec![entry("A", "1"), entry("A", "2"), entry("B", "x")]);
        parameters.apply(vec![entry("B", "")]);
        assert_eq!((parameters.get("A"), parameters.get("B"), parameters.get("a")), (Some("2"), None, None));
        assert!(!format!("{parameters:?}").contains('2'));
    }

    #[test]
    fn secrets_are_not_shown() {
        for name in
            ["Password_1_", "Admin_Passwd", "SIP_TLS_Private_Key", "PIN", "GPP_A", "GPP_SD", "IKM_HTTP_Encrypt_Content"]
        {
            assert_eq!(shown_value(name, "hush"), HIDDEN, "{name}");
            assert_eq!(shown_value(name, ""), "", "{name}");
        }
        assert_eq!(shown_value("Profile_Rule_B", "[--key hush] http://h/$MA.xml"), "[--key …] http://h/$MA.xml");
        assert_eq!(shown_value("Profile_Rule", "[--key hush"), HIDDEN);
        assert_eq!(shown_value("Report_Rule", "[--status]https://h/report/hush"), "[--status] https://h/…");
        assert_eq!(shown_value("Display_Name_1_", "Reception"), "Reception");
    }
}
