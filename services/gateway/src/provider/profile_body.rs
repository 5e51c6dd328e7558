//! What a provider writes when it makes or replaces a profile, and what is checked of it here: that
//! phones will understand its rules. The service checks the rest.

use contracts::redirection::{Parameter, Proof};
use serde::{Deserialize, Serialize};
use vocabulary::{ProfileRule, RuleKind};

use super::settings::{Setting, Settings, UserAccess};
use crate::problem::Problem;

/// The rules with a member of their own, by flat-profile name, in the order phones are given them.
const MEMBERS: [(&str, &str); 4] = [
    ("Profile_Rule", "profile_rule"),
    ("Upgrade_Rule", "upgrade_rule"),
    ("Custom_CA_Rule", "custom_ca_rule"),
    ("Report_Rule", "report_rule"),
];
/// Whether the phone follows its `Upgrade_Rule`.
const UPGRADE_ENABLE: &str = "Upgrade_Enable";

/// The kind of rule that this flat-profile parameter holds, if it holds one. `Profile_Rule_B` to `_D`
/// are followed after `Profile_Rule` (phone-facts, "Rules").
pub(super) fn rule_kind(parameter: &str) -> Option<RuleKind> {
    match parameter {
        "Profile_Rule" | "Profile_Rule_B" | "Profile_Rule_C" | "Profile_Rule_D" => Some(RuleKind::Profile),
        "Upgrade_Rule" => Some(RuleKind::Upgrade),
        "Custom_CA_Rule" => Some(RuleKind::CustomCa),
        "Report_Rule" => Some(RuleKind::Report),
        _ => None,
    }
}

/// A profile as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileBody {
    name: String,
    profile_rule: Setting,
    upgrade_rule: Option<Setting>,
    custom_ca_rule: Option<Setting>,
    report_rule: Option<Setting>,
    #[serde(default)]
    parameters: Settings,
    /// What a phone must prove; its address only where nothing is said.
    #[serde(default)]
    proof: ProofWord,
}

/// What a phone must prove to be given a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ProofWord {
    /// Nothing: it says its address.
    #[default]
    Mac,
    /// It says the serial number that is registered.
    Serial,
    /// Its manufacturer's certificate names its address.
    Certificate,
    /// It can read what is sealed with its registered key.
    Sealed,
}

impl ProofWord {
    /// `None` where the service names none.
    pub const fn of(proof: Proof) -> Option<Self> {
        match proof {
            Proof::Unspecified => None,
            Proof::Mac => Some(Self::Mac),
            Proof::Serial => Some(Self::Serial),
            Proof::Certificate => Some(Self::Certificate),
            Proof::Sealed => Some(Self::Sealed),
        }
    }

    const fn proof(self) -> Proof {
        match self {
            Self::Mac => Proof::Mac,
            Self::Serial => Proof::Serial,
            Self::Certificate => Proof::Certificate,
            Self::Sealed => Proof::Sealed,
        }
    }
}

/// A profile whose rules phones understand. Has no `Debug`: its rules may carry keys.
pub(crate) struct CheckedProfile {
    pub name: String,
    pub parameters: Vec<Parameter>,
    pub proof: Proof,
    /// What the provider should look at again.
    pub warnings: Vec<String>,
}

impl ProfileBody {
    /// Checks the rules, and puts everything in the order in which phones are given it.
    pub fn check(self) -> Result<CheckedProfile, Problem> {
        refuse_misplaced_rules(&self.parameters)?;
        let says_enable = self.parameters.0.iter().any(|(name, _)| name == UPGRADE_ENABLE);
        let proof = self.proof.proof();
        let mut checked = CheckedProfile { name: self.name, parameters: Vec::new(), proof, warnings: Vec::new() };
        let rules = [Some(self.profile_rule), self.upgrade_rule, self.custom_ca_rule, self.report_rule];
        for ((parameter, member), rule) in MEMBERS.into_iter().zip(rules) {
            let Some(rule) = rule else { continue };
            if parameter == "Upgrade_Rule" && !says_enable {
                // Without it a phone whose last profile said No would not upgrade.
                let yes = Setting { value: "Yes".to_owned(), access: UserAccess::Na };
                checked.parameters.push(yes.into_parameter(UPGRADE_ENABLE.to_owned()));
            }
            checked.take_rule(member, parameter, &rule)?;
        }
        for (name, setting) in self.parameters.0 {
            if rule_kind(&name).is_some() && !setting.value.trim().is_empty() {
                checked.take_rule(&format!("parameters.{name}"), &name, &setting)?;
            } else {
                checked.parameters.push(setting.into_parameter(name));
            }
        }
        Ok(checked)
    }
}

impl CheckedProfile {
    /// `member` is where the provider wrote the rule, `parameter` what phones call it.
    fn take_rule(&mut self, member: &str, parameter: &str, setting: &Setting) -> Result<(), Problem> {
        let kind = rule_kind(parameter).unwrap_or(RuleKind::Profile);
        let rule = ProfileRule::parse(kind, &setting.value)
            .map_err(|error| Problem::malformed("invalid_rule", format!("{member}: {error}")))?;
        self.warnings.extend(rule.warnings().into_iter().map(|warning| format!("{member}: {warning}")));
        let trimmed = Setting { value: rule.expose().to_owned(), access: setting.access };
        self.parameters.push(trimmed.into_parameter(parameter.to_owned()));
        Ok(())
    }
}

/// A rule has one place, so that a reader of a profile cannot overlook where phones go.
fn refuse_misplaced_rules(parameters: &Settings) -> Result<(), Problem> {
    for (name, _) in &parameters.0 {
        if let Some((_, member)) = MEMBERS.iter().find(|(parameter, _)| name.eq_ignore_ascii_case(parameter)) {
            let sentence = format!("parameters: {name} does not belong here; give it as the member {member}");
            return Err(Problem::malformed("misplaced_rule", sentence));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::json;

    fn check(json: &str) -> Result<CheckedProfile, String> {
        let body: ProfileBody = serde_json::from_str(json).map_err(|error| json::sentence(&error))?;
        body.check().map_err(|problem| problem.detail)
    }

    fn refusal(json: &str) -> String {
        check(json).err().unwrap_or_else(|| panic!("{json} was accepted"))
    }

    fn names(profile: &CheckedProfile) -> Vec<&str> {
        profile.parameters.iter().map(|parameter| parameter.name.as_str()).collect()
    }

    #[test]
    fn a_rule_alone_is_enough() {
        let profile = check(r#"{"name":"Main","profile_rule":" https://nps.example/$MA.xml "}"#).expect("a profile");
        let rule = Parameter {
            name: "Profile_Rule".to_owned(),
            value: "https://nps.example/$MA.xml".to_owned(),
            user_access: "na".to_owned(),
        };
        assert_eq!((profile.name.as_str(), profile.parameters, profile.warnings), ("Main", vec![rule], vec![]));
    }

    #[test]
    fn rules_come_first_and_parameters_keep_their_order() {
        let profile = check(
            r#"{"parameters":{"Zulu":"1","Alpha":{"value":"2","ua":"rw"}},"report_rule":"https://nps.example/r",
                "custom_ca_rule":null,"upgrade_rule":{"value":"http://nps.example/a.loads","ua":"ro"},
                "profile_rule":"https://nps.example/$MA.xml","name":"Main"}"#,
        )
        .expect("a profile");
        let wanted = ["Profile_Rule", "Upgrade_Enable", "Upgrade_Rule", "Report_Rule", "Zulu", "Alpha"];
        assert_eq!(names(&profile), wanted);
        assert_eq!(profile.parameters[1].value, "Yes");
        assert_eq!(profile.parameters[2].user_access, "ro");
        assert_eq!(profile.parameters[5].user_access, "rw");
    }

    #[test]
    fn a_profile_asks_for_the_address_unless_it_says_more() {
        let proof = |more: &str| {
            let profile = check(&format!(r#"{{"name":"Main","profile_rule":"/a.xml"{more}}}"#));
            profile.map(|profile| ProofWord::of(profile.proof))
        };
        assert_eq!(proof(""), Ok(Some(ProofWord::Mac)));
        assert_eq!(proof(r#","proof":"sealed""#), Ok(Some(ProofWord::Sealed)));
        assert!(proof(r#","proof":"none""#).is_err_and(|sentence| sentence.contains("`mac`, `serial`")));
    }

    #[test]
    fn upgrade_enable_is_the_providers_if_it_says_so() {
        let profile = check(
            r#"{"name":"Main","profile_rule":"/a.xml","upgrade_rule":"http://nps.example/a.loads",
                "parameters":{"Upgrade_Enable":"No"}}"#,
        )
        .expect("a profile");
        assert_eq!(names(&profile), ["Profile_Rule", "Upgrade_Rule", "Upgrade_Enable"]);
        assert_eq!(profile.parameters[2].value, "No");
    }

    #[test]
    fn mistakes_are_told_with_the_members_name() {
        let with = |rest: &str| format!(r#"{{"name":"Main","profile_rule":"/a.xml",{rest}}}"#);
        for (json, wanted) in [
            (r#"{"name":"Main","profile_rule":""}"#.to_owned(), "profile_rule: the rule is empty"),
            (r#"{"name":"Main"}"#.to_owned(), "missing field `profile_rule`"),
            (r#"{"name":"Main","profile_rule":null}"#.to_owned(), "expected a text, or an object"),
            (with(r#""upgrade_rule":"/a.loads""#), "upgrade_rule: this rule must name its server"),
            (with(r#""report_rule":"ftp://nps.example/""#), "report_rule: the scheme must be"),
            (with(r#""custom_ca_rule":"[--key x] https://nps.example/ca""#), "custom_ca_rule: --key is not an option"),
            (
                with(r#""parameters":{"Profile_Rule":"/b"}"#),
                "Profile_Rule does not belong here; give it as the member profile_rule",
            ),
            (with(r#""parameters":{"upgrade_rule":"/b"}"#), "give it as the member upgrade_rule"),
            (with(r#""parameters":{"Profile_Rule_B":"ftp://x/"}"#), "parameters.Profile_Rule_B: the scheme must be"),
            (with(r#""parameters":{"A":"1","A":"2"}"#), "parameter A is given twice"),
            (with(r#""profil":1"#), "unknown field `profil`"),
        ] {
            let sentence = refusal(&json);
            assert!(sentence.contains(wanted), "{json}: {sentence}");
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_a_key() {
        for json in [
            r#"{"name":"Main","profile_rule":"[--key hunter2 https://nps.example/"}"#,
            r#"{"name":"Main","profile_rule":["[--key hunter2] https://nps.example/"]}"#,
            r#"{"name":"Main","profile_rule":"/a","parameters":"[--key hunter2] https://nps.example/"}"#,
            r#"{"name":"Main","profile_rule":{"value":"/a","ua":"hunter2"#,
        ] {
            let sentence = refusal(json);
            assert!(!sentence.contains("hunter2"), "{sentence}");
        }
    }

    #[test]
    fn unknown_macros_are_warned_about() {
        let profile = check(
            r#"{"name":"Main","profile_rule":"https://nps.example/$FOO",
                "parameters":{"Profile_Rule_B":"https://nps.example/$BAR","Profile_Rule_C":""}}"#,
        )
        .expect("a profile");
        assert_eq!(profile.warnings.len(), 2, "{:?}", profile.warnings);
        assert!(profile.warnings[0].starts_with("profile_rule: $FOO "), "{:?}", profile.warnings);
        assert!(profile.warnings[1].starts_with("parameters.Profile_Rule_B: $BAR "), "{:?}", profile.warnings);
        assert_eq!(names(&profile), ["Profile_Rule", "Profile_Rule_B", "Profile_Rule_C"]);
    }
}
