//! What people call a provider, an operator or a profile.

use std::fmt;
use std::str::FromStr;

/// The longest name, in characters.
const LONGEST: usize = 100;

/// A name of 1 to 100 visible characters, without white space around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

/// The text cannot be a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 100 visible characters")]
pub struct InvalidName;

impl Name {
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

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let fits = (1..=LONGEST).contains(&text.chars().count()) && text.chars().all(is_visible);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidName) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Characters without a shape, and those that turn the direction of writing, would let two names
/// look the same (Unicode TR 36, section 2).
fn is_visible(c: char) -> bool {
    let hides = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{e0000}'..='\u{e007f}'
    );
    c == ' ' || !(hides || c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_compared_without_case() {
        let name: Name = "  Société Écho \n".parse().expect("a name");
        assert_eq!((name.as_str(), name.key().as_str()), ("Société Écho", "société écho"));
        assert_eq!(Name::key_of(" SOCIÉTÉ écho "), name.key());
        assert!("é".repeat(100).parse::<Name>().is_ok());
    }

    #[test]
    fn what_people_cannot_read_is_no_name() {
        let long = "é".repeat(101);
        for text in ["", "   ", "Acme\nCorp", "Acme\tCorp", "Ac\u{200b}me", "\u{202e}emcA", "Acme\u{a0}Corp", &long] {
            assert_eq!(text.parse::<Name>(), Err(InvalidName), "{text:?}");
        }
    }
}
