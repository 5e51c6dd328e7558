//! Whether a profile holds a secret, and so must not be reached with a directory code alone: such a code
//! is a name, and anybody may type it.

use contracts::redirection::{GetProfileRequest, Parameter};
use rpc::within;
use vocabulary::ProfileRule;

use super::profile_body::rule_kind;
use super::promised;
use crate::Gateway;
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// The phones' own words for what is secret, as their parameters' names hold them.
const SECRET_WORDS: [&str; 5] = ["password", "passwd", "key", "pin", "secret"];

/// Whether the provider's profile carries a secret; refused where it has no such profile.
pub(super) async fn carries_secret(
    gateway: &Gateway,
    provider_id: String,
    profile_id: String,
) -> Result<bool, Problem> {
    let request = GetProfileRequest { provider_id, profile_id };
    let answer = gateway.backends().redirection.clone().get_profile(within(PROVIDER_DEADLINE, request)).await?;
    Ok(promised(answer.into_inner().profile)?.parameters.iter().any(is_secret))
}

fn is_secret(parameter: &Parameter) -> bool {
    if parameter.value.is_empty() {
        return false;
    }
    if let Some(kind) = rule_kind(&parameter.name) {
        // A rule that cannot be read any more may hold anything.
        return ProfileRule::parse(kind, &parameter.value).map_or(true, |rule| rule.carries_secret());
    }
    let name = parameter.name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str, value: &str) -> bool {
        is_secret(&Parameter { name: name.to_owned(), value: value.to_owned(), user_access: "na".to_owned() })
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
