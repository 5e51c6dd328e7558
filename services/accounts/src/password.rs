//! Passwords of people: how long they are, and nothing about their letters (NIST SP 800-63B, section 3.1.1.2).

use std::ops::RangeInclusive;
use std::str::FromStr;

use vocabulary::Secret;

/// In characters.
const LENGTH: RangeInclusive<usize> = 12..=128;

/// A text that may be a password. `Debug` does not show it.
#[derive(Debug, Clone)]
pub(crate) struct Password(Secret<String>);

/// The text cannot be a password. Does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password has 12 to 128 characters")]
pub(crate) struct InvalidPassword;

impl Password {
    /// The text, to hash it.
    pub const fn text(&self) -> &Secret<String> {
        &self.0
    }
}

impl FromStr for Password {
    type Err = InvalidPassword;

    fn from_str(text: &str) -> Result<Self, InvalidPassword> {
        let fits = LENGTH.contains(&text.chars().count());
        if fits { Ok(Self(Secret::new(text.to_owned()))) } else { Err(InvalidPassword) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_count_and_not_bytes() {
        for (text, fits) in
            [("é".repeat(11), false), ("é".repeat(12), true), ("é".repeat(128), true), ("a".repeat(129), false)]
        {
            assert_eq!(text.parse::<Password>().is_ok(), fits, "{text}");
        }
        assert!(!format!("{:?}", "correct horse battery".parse::<Password>()).contains("horse"));
    }
}
