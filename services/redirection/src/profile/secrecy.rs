//! Whether a profile carries a secret, and so must not be given to whoever merely says an address or
//! types a directory code: both are names, and anybody may say them.

use vocabulary::ProfileRule;

use super::{Parameter, Parameters, rule_kind};

/// The phones' own words for what is secret, as their parameters' names hold them.
const SECRET_WORDS: [&str; 5] = ["password", "passwd", "key", "pin", "secret"];

impl Parameters {
    /// Whether a rule has a key or a password in it, or a parameter is named like one.
    pub fn carry_secret(&self) -> bool {
        self.iter().any(is_secret)
    }
}

fn is_secret(parameter: &Parameter) -> bool {
    if parameter.expose().is_empty() {
        return false;
    }
    if let Some(kind) = rule_kind(parameter.name()) {
        // A rule that cannot be read any more may hold anything.
        return ProfileRule::parse(kind, parameter.expose()).map_or(true, |rule| rule.carries_secret());
    }
    let name = parameter.name().to_ascii_lowercase();
    // The chapter's secret macros ("Macro Variables"): GPP_SA to GPP_SD.
    name.starts_with("gpp_s") || SECRET_WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::UserAccess;

    fn secret(name: &str, value: &str) -> bool {
        is_secret(&Parameter { name: name.to_owned(), value: value.to_owned(), user_access: UserAccess::Na })
    }

    #[test]
    fn keys_in_rules_and_parameters_named_like_a_secret_are_secret() {
        assert!(secret("Profile_Rule", "[--key k] https://nps.example/$MA.xml"));
        assert!(secret("Profile_Rule_B", "[--uid u --pwd p] https://nps.example/$MA.xml"));
        assert!(secret("Profile_Rule", "not a rule ["));
        for name in ["Password_1_", "User_Password", "SIP_Secret", "Encryption_Key", "Lock_PIN"] {
            assert!(secret(name, "x"), "{name}");
            assert!(!secret(name, ""), "{name}");
        }
        assert!(!secret("Profile_Rule", "https://nps.example/$MA.xml"));
        assert!(!secret("Proxy_1_", "sip.example"));
    }
}
