//! What a provider calls a profile.

use std::str::FromStr;

use vocabulary::ProfileId;

/// The longest name, in characters.
const LONGEST: usize = 100;

/// A name of 1 to 100 visible characters, without white space around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProfileName(String);

/// The text cannot be a profile's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidProfileName {
    /// Empty, too long, or with characters that nobody can see.
    #[error("a profile's name has 1 to 100 visible characters")]
    Shape,
    /// A phone's profile can be given by id or by name, so that no name may be an id.
    #[error("a profile's name cannot be spelled like an id; give it a name that people can read")]
    Id,
}

impl ProfileName {
    /// A name that was accepted when it was stored; the rules may have become stricter since.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text, as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The spelling in which two names are compared.
    pub fn key(&self) -> String {
        Self::key_of(&self.0)
    }

    /// The spelling in which `text` is compared with names.
    pub fn key_of(text: &str) -> String {
        text.trim().to_lowercase()
    }
}

impl FromStr for ProfileName {
    type Err = InvalidProfileName;

    fn from_str(text: &str) -> Result<Self, InvalidProfileName> {
        let text = text.trim();
        if !(1..=LONGEST).contains(&text.chars().count()) || !text.chars().all(is_visible) {
            return Err(InvalidProfileName::Shape);
        }
        if text.to_lowercase().parse::<ProfileId>().is_ok() {
            return Err(InvalidProfileName::Id);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Characters without a shape, and those that turn the direction of writing, would let two names
/// look the same (Unicode TR 36, section 2).
fn is_visible(c: char) -> bool {
    match c {
        ' ' => true,
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{feff}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{e0000}'..='\u{e007f}' => false,
        other => !other.is_control() && !other.is_whitespace(),
    }
}

#[cfg(test)]
mod tests {
    use vocabulary::Randomness;

    use super::*;

    #[test]
    fn names_are_trimmed_and_compared_without_case() {
        let name: ProfileName = "  Büro ÜBERALL \n".parse().expect("a name");
        assert_eq!((name.as_str(), name.key().as_str()), ("Büro ÜBERALL", "büro überall"));
        assert_eq!(ProfileName::key_of(" büro Überall "), name.key());
        assert!("é".repeat(100).parse::<ProfileName>().is_ok());
    }

    #[test]
    fn what_people_cannot_read_is_no_name() {
        let long = "é".repeat(101);
        for text in ["", "   ", "Main\noffice", "Main\toffice", "Ma\u{200b}in", "\u{202e}niaM", "Ma\u{a0}in", &long] {
            assert_eq!(text.parse::<ProfileName>(), Err(InvalidProfileName::Shape), "{text:?}");
        }
    }

    #[test]
    fn a_name_cannot_pass_for_an_id() {
        let id = ProfileId::draw(&Randomness::seeded(1)).to_string();
        assert_eq!(id.parse::<ProfileName>(), Err(InvalidProfileName::Id));
        assert_eq!(id.to_uppercase().parse::<ProfileName>(), Err(InvalidProfileName::Id));
        assert!("prf_main".parse::<ProfileName>().is_ok());
    }
}
