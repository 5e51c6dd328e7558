//! A profile as its provider sees it: its rules, with the secrets in them struck out, and the rest.

use contracts::redirection::{Parameter, Profile};
use serde::Serialize;
use vocabulary::ProfileRule;

use super::json::moment;
use super::profile_body::{ProofWord, rule_kind};
use super::settings::{SettingView, SettingsView};

/// What is shown of a rule that cannot be read any more; better too little than a key.
const UNREADABLE: &str = "****";

/// The JSON of a profile.
#[derive(Serialize)]
pub(super) struct ProfileView {
    id: String,
    name: String,
    profile_rule: Option<SettingView>,
    upgrade_rule: Option<SettingView>,
    custom_ca_rule: Option<SettingView>,
    report_rule: Option<SettingView>,
    parameters: SettingsView,
    /// Whether a rule carries a key, a user name or a password, and so is shown with `****` in it.
    secret: bool,
    /// What a phone must prove to be given it.
    proof: Option<ProofWord>,
    /// Whether a rule or a parameter carries a secret; then its proof is more than the address.
    carries_secret: bool,
    version: u64,
    created_at: Option<String>,
    changed_at: Option<String>,
    /// What to look at again; only in the answer to writing.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<String>>,
}

impl ProfileView {
    /// The profile as its writer is answered.
    pub fn warning(self, warnings: Vec<String>) -> Self {
        Self { warnings: Some(warnings), ..self }
    }
}

impl From<Profile> for ProfileView {
    fn from(profile: Profile) -> Self {
        let proof = ProofWord::of(profile.proof());
        let mut view = Self {
            id: profile.id,
            name: profile.name,
            profile_rule: None,
            upgrade_rule: None,
            custom_ca_rule: None,
            report_rule: None,
            parameters: SettingsView(Vec::with_capacity(profile.parameters.len())),
            secret: false,
            proof,
            carries_secret: profile.carries_secret,
            version: profile.version,
            created_at: moment(profile.created_at),
            changed_at: moment(profile.changed_at),
            warnings: None,
        };
        for parameter in profile.parameters {
            view.show(parameter);
        }
        view
    }
}

impl ProfileView {
    fn show(&mut self, parameter: Parameter) {
        let Parameter { name, value, user_access: ua } = parameter;
        let setting = SettingView { value: self.strike_out(&name, value), ua };
        match name.as_str() {
            "Profile_Rule" => self.profile_rule = Some(setting),
            "Upgrade_Rule" => self.upgrade_rule = Some(setting),
            "Custom_CA_Rule" => self.custom_ca_rule = Some(setting),
            "Report_Rule" => self.report_rule = Some(setting),
            _ => self.parameters.0.push((name, setting)),
        }
    }

    fn strike_out(&mut self, name: &str, value: String) -> String {
        let Some(kind) = rule_kind(name).filter(|_| !value.is_empty()) else { return value };
        let Ok(rule) = ProfileRule::parse(kind, &value) else {
            self.secret = true;
            return UNREADABLE.to_owned();
        };
        self.secret |= rule.carries_secret();
        rule.to_string()
    }
}

#[cfg(test)]
mod tests {
    use contracts::redirection::Proof;

    use super::*;

    fn profile(parameters: &[(&str, &str)]) -> Profile {
        let parameter = |(name, value): &(&str, &str)| Parameter {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            user_access: "na".to_owned(),
        };
        Profile {
            id: "prf_1".to_owned(),
            provider_id: "prv_1".to_owned(),
            name: "Main".to_owned(),
            parameters: parameters.iter().map(parameter).collect(),
            version: 3,
            created_at: 1_795_370_400_000_000,
            changed_at: 1_795_370_401_000_000,
            proof: Proof::Mac.into(),
            carries_secret: false,
        }
    }

    fn json(profile: Profile) -> String {
        serde_json::to_string(&ProfileView::from(profile)).expect("JSON")
    }

    #[test]
    fn a_profile_is_shown_as_it_was_written() {
        let rules = [("Profile_Rule", "/$MA.xml"), ("Upgrade_Enable", "Yes"), ("Zulu", "1"), ("Alpha", "2")];
        assert_eq!(
            json(profile(&rules)),
            concat!(
                r#"{"id":"prf_1","name":"Main","profile_rule":{"value":"/$MA.xml","ua":"na"},"upgrade_rule":null,"#,
                r#""custom_ca_rule":null,"report_rule":null,"parameters":{"Upgrade_Enable":{"value":"Yes","ua":"na"},"#,
                r#""Zulu":{"value":"1","ua":"na"},"Alpha":{"value":"2","ua":"na"}},"secret":false,"#,
                r#""proof":"mac","carries_secret":false,"version":3,"#,
                r#""created_at":"2026-11-22T18:00:00.000000Z","changed_at":"2026-11-22T18:00:01.000000Z"}"#,
            )
        );
    }

    #[test]
    fn secrets_are_struck_out_wherever_a_rule_stands() {
        for name in ["Profile_Rule", "Profile_Rule_B", "Report_Rule"] {
            let json = json(profile(&[(name, "[--key hunter2] https://nps.example/a")]));
            assert!(!json.contains("hunter2"), "{json}");
            assert!(json.contains("[--key ****] https://nps.example/a") && json.contains(r#""secret":true"#), "{json}");
        }
        // A rule that was accepted once and is not any more.
        let json = json(profile(&[("Upgrade_Rule", "[--key hunter2] https://nps.example/a")]));
        assert!(!json.contains("hunter2") && json.contains(r#""upgrade_rule":{"value":"****""#), "{json}");
    }

    #[test]
    fn warnings_are_in_the_writers_answer_only() {
        let view = || ProfileView::from(profile(&[]));
        let written = serde_json::to_string(&view().warning(vec!["look".to_owned()])).expect("JSON");
        assert!(written.ends_with(r#""warnings":["look"]}"#), "{written}");
        assert!(serde_json::to_string(&view().warning(vec![])).expect("JSON").contains(r#""warnings":[]"#));
        assert!(!serde_json::to_string(&view()).expect("JSON").contains("warnings"));
    }
}
