//! What a user types on the phone: 3 to 16 digits (chapter, "Onboard Your Phone with the Activation
//! Code" and "Enable Auto Provisioning with Short Activation Code").

use std::fmt;
use std::str::FromStr;

/// How many digits a code can have.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=16;
/// A personal code always has this many.
const PERSONAL_LENGTH: usize = 16;

/// Which of the two namespaces a code belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// A name that a provider shares with all its users; the user presses `#` first.
    Directory,
    /// Sixteen secret digits for one phone.
    Personal,
}

/// A code as typed, checked and stripped of `#`, spaces and dashes. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ActivationCode {
    digits: String,
    kind: CodeKind,
}

/// The text cannot be an activation code. Does not repeat the text: it may be a secret mistyped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an activation code: expected 3 to 16 digits, with # in front for a directory code")]
pub struct InvalidActivationCode;

impl ActivationCode {
    /// The digits alone.
    pub fn expose_digits(&self) -> &str {
        &self.digits
    }

    /// The namespace: directory with a leading `#`, or when too short to be a personal code.
    pub const fn kind(&self) -> CodeKind {
        self.kind
    }
}

impl FromStr for ActivationCode {
    type Err = InvalidActivationCode;

    fn from_str(text: &str) -> Result<Self, InvalidActivationCode> {
        let text = text.trim();
        let (pound, rest) = match text.strip_prefix('#') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let digits: String = rest.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        if !LENGTHS.contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidActivationCode);
        }
        let kind = if pound || digits.len() != PERSONAL_LENGTH { CodeKind::Directory } else { CodeKind::Personal };
        Ok(Self { digits, kind })
    }
}

impl fmt::Debug for ActivationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActivationCode({:?}, {} digits)", self.kind, self.digits.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_spelling_gives_the_same_digits(digits in "[0-9]{3,16}", pound: bool, gaps in prop::collection::vec(0..3usize, 16)) {
            let mut spelled = String::from(if pound { "#" } else { "" });
            for (digit, gap) in digits.chars().zip(gaps) {
                spelled.push(digit);
                spelled.push_str(["", "-", " "][gap]);
            }
            let code: ActivationCode = spelled.parse().expect("a code");
            prop_assert_eq!(code.expose_digits(), digits.as_str());
            prop_assert_eq!(code.kind() == CodeKind::Personal, !pound && digits.len() == 16);
            let shown = format!("{code:?}");
            prop_assert!(!shown.contains(&digits));
        }
    }

    #[test]
    fn what_is_not_a_code_is_refused() {
        for text in ["", "#", "12", "12345678901234567", "12a4", "##123", "123#", "１２３"] {
            assert_eq!(text.parse::<ActivationCode>(), Err(InvalidActivationCode), "{text}");
        }
    }
}
