//! A profile: what a provider gives its phones, checked so that every phone understands it.
//!
//! Values may be secret (a `--key` in a rule, a password parameter): no error and no `Debug` shows one.

mod proof;
mod secrecy;

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use vocabulary::{InvalidProfileRule, ProfileId, ProfileRule, ProviderId, RuleKind, Timestamp};

pub(crate) use proof::Proof;

use crate::profile_name::{InvalidProfileName, ProfileName};

/// The most parameters of one profile.
const MOST_PARAMETERS: usize = 200;
/// The longest parameter name, in bytes.
const LONGEST_NAME: usize = 64;
/// The longest value, in bytes.
const LONGEST_VALUE: usize = 4096;
/// The longest of all names and values together, in bytes: a phone's question is answered with them.
const LONGEST_TEXT: usize = 64 * 1024;

/// A profile as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub id: ProfileId,
    pub provider: ProviderId,
    pub content: ProfileContent,
    /// Counts replacements; starts at 1.
    pub version: u64,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
}

/// What its provider says of a profile.
#[derive(Debug, Clone)]
pub(crate) struct ProfileContent {
    pub name: ProfileName,
    pub parameters: Parameters,
    pub proof: Proof,
}

/// Parameters in the provider's order, exactly one `Profile_Rule` among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Parameters(Vec<Parameter>);

/// One element of a flat profile. `Debug` shows rules without their secrets and of other values only
/// the length.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parameter {
    name: String,
    value: String,
    user_access: UserAccess,
}

/// What the phone's user may do with a parameter: the `ua` attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UserAccess {
    /// Neither see nor change it.
    Na,
    /// See it.
    Ro,
    /// See and change it.
    Rw,
}

/// Why a phone, or this service, would not understand a profile. Quotes names, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidProfile {
    #[error(transparent)]
    Name(#[from] InvalidProfileName),
    #[error("a profile has at most 200 parameters")]
    TooMany,
    #[error("the names and values of a profile have at most 64 KiB together")]
    TooLarge,
    /// Counts from 1. The text is not repeated: it may be a value out of place.
    #[error("parameter {0} needs a name: a letter, then up to 63 letters, digits and underscores")]
    ParameterName(usize),
    #[error("{0} is given twice")]
    Duplicate(String),
    #[error("the user access of {0} must be na, ro or rw")]
    UserAccess(String),
    #[error("the value of {0} is longer than 4096 bytes")]
    ValueTooLong(String),
    #[error("the value of {0} holds a character that a flat profile cannot carry, such as a line break")]
    ValueCharacter(String),
    #[error("the profile needs a Profile_Rule, which says where its phones go")]
    NoProfileRule,
    #[error("{name}: {fault}")]
    Rule { name: String, fault: InvalidProfileRule },
    #[error(
        "Report_Rule: give one URL with its options, without conditions; \
         the second of a phone's two report places is used by this service"
    )]
    SecondReport,
    #[error(
        "this profile carries a secret, and with the proof mac whoever says a phone's address is given it; \
         ask for the proof serial, certificate or sealed, or leave the secret out"
    )]
    SecretNeedsProof,
}

impl ProfileContent {
    /// What a provider says of a profile, where phones must prove enough to be given it.
    pub fn new(name: ProfileName, parameters: Parameters, proof: Proof) -> Result<Self, InvalidProfile> {
        if proof == Proof::Mac && parameters.carry_secret() {
            return Err(InvalidProfile::SecretNeedsProof);
        }
        Ok(Self { name, parameters, proof })
    }
}

impl Parameters {
    /// Checks (name, value, user access) of each parameter and the set as a whole.
    pub fn parse(given: Vec<(String, String, String)>) -> Result<Self, InvalidProfile> {
        if given.len() > MOST_PARAMETERS {
            return Err(InvalidProfile::TooMany);
        }
        if given.iter().map(|(name, value, _)| name.len() + value.len()).sum::<usize>() > LONGEST_TEXT {
            return Err(InvalidProfile::TooLarge);
        }
        let mut names = HashSet::with_capacity(given.len());
        let mut parameters = Vec::with_capacity(given.len());
        for (position, (name, value, user_access)) in (1..).zip(given) {
            if !is_parameter_name(&name) {
                return Err(InvalidProfile::ParameterName(position));
            }
            if !names.insert(name.clone()) {
                return Err(InvalidProfile::Duplicate(name));
            }
            parameters.push(Parameter::parse(name, value, &user_access)?);
        }
        if !names.contains(PROFILE_RULE) {
            return Err(InvalidProfile::NoProfileRule);
        }
        Ok(Self(parameters))
    }

    /// The parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.0.iter()
    }
}

impl Parameter {
    fn parse(name: String, value: String, user_access: &str) -> Result<Self, InvalidProfile> {
        let Some(user_access) = UserAccess::from_word(user_access) else {
            return Err(InvalidProfile::UserAccess(name));
        };
        if value.len() > LONGEST_VALUE {
            return Err(InvalidProfile::ValueTooLong(name));
        }
        if !value.chars().all(is_carried) {
            return Err(InvalidProfile::ValueCharacter(name));
        }
        if let Some(kind) = rule_kind(&name) {
            check_rule(&name, kind, &value)?;
        }
        Ok(Self { name, value, user_access })
    }

    /// The element's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value with its secrets, for the phone and for the database.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// The `ua` attribute.
    pub const fn user_access(&self) -> UserAccess {
        self.user_access
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = rule_kind(&self.name).and_then(|kind| ProfileRule::parse(kind, &self.value).ok());
        match rule {
            Some(rule) => write!(f, "{}={rule}", self.name),
            None => write!(f, "{}=({} bytes)", self.name, self.value.len()),
        }
    }
}

impl UserAccess {
    /// The attribute's value.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Na => "na",
            Self::Ro => "ro",
            Self::Rw => "rw",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Na, Self::Ro, Self::Rw].into_iter().find(|access| access.word() == word)
    }
}

const PROFILE_RULE: &str = "Profile_Rule";

/// Which parameters are rules. Names are compared with case, as the phone does. `Profile_Rule_B` to `_D`
/// are followed after `Profile_Rule`.
fn rule_kind(name: &str) -> Option<RuleKind> {
    match name {
        PROFILE_RULE | "Profile_Rule_B" | "Profile_Rule_C" | "Profile_Rule_D" => Some(RuleKind::Profile),
        "Upgrade_Rule" => Some(RuleKind::Upgrade),
        "Custom_CA_Rule" => Some(RuleKind::CustomCa),
        "Report_Rule" => Some(RuleKind::Report),
        _ => None,
    }
}

fn check_rule(name: &str, kind: RuleKind, value: &str) -> Result<(), InvalidProfile> {
    let rule = match ProfileRule::parse(kind, value) {
        Ok(rule) => rule,
        // A second rule is read as the tail of the first one's URL.
        Err(InvalidProfileRule::SpaceInUrl) if kind == RuleKind::Report => return Err(InvalidProfile::SecondReport),
        Err(fault) => return Err(InvalidProfile::Rule { name: name.to_owned(), fault }),
    };
    // Our own rule is put behind this one: it must not become part of an alternative or hang on a condition.
    let is_plain = rule.urls().len() == 1 && !value.trim_start().starts_with('(');
    if kind == RuleKind::Report && !is_plain {
        return Err(InvalidProfile::SecondReport);
    }
    Ok(())
}

fn is_parameter_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let begins_right = bytes.first().is_some_and(u8::is_ascii_alphabetic);
    begins_right
        && bytes.len() <= LONGEST_NAME
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// XML 1.0, section 2.2: the last two code points of the plane are no characters of a document.
fn is_carried(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests;
