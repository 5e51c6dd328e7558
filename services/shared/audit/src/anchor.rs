//! What the log was at some time, small enough to be written on paper.

use std::fmt;
use std::str::FromStr;

use crate::chain::Hash;

/// The number and the hash of an act that was once seen, printed as `42:<64 hex digits>`. `0:` and zeros is
/// the empty log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The number of the act.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
}

/// The text is no anchor.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an anchor: expected a number, a colon and 64 hex digits, as `dialtone audit verify` prints them")]
pub struct InvalidAnchor;

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, hex(&self.hash))
    }
}

impl FromStr for Anchor {
    type Err = InvalidAnchor;

    fn from_str(text: &str) -> Result<Self, InvalidAnchor> {
        let (number, hash) = text.split_once(':').ok_or(InvalidAnchor)?;
        let number = number.parse().map_err(|_| InvalidAnchor)?;
        Ok(Self { number, hash: from_hex(hash).ok_or(InvalidAnchor)? })
    }
}

pub(crate) fn hex(hash: &Hash) -> String {
    let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

fn from_hex(text: &str) -> Option<Hash> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    bytes?.try_into().ok()
}

fn byte(pair: &[u8]) -> Option<u8> {
    let digit = |it: &u8| char::from(*it).to_digit(16);
    let value = pair.iter().try_fold(0, |value, it| Some(value * 16 + digit(it)?))?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_printed_is_read(number in any::<u64>(), hash in any::<Hash>()) {
            let anchor = Anchor { number, hash };
            prop_assert_eq!(anchor.to_string().parse(), Ok(anchor));
            prop_assert_eq!(anchor.to_string().to_uppercase().parse(), Ok(anchor));
        }

        #[test]
        fn no_text_is_too_odd_to_be_refused(text in "\\PC{0,80}|[0-9]{1,3}:[0-9a-f+é]{60,66}") {
            if let Ok(anchor) = text.parse::<Anchor>() {
                prop_assert!(text.ends_with(&hex(&anchor.hash)));
            }
        }
    }

    #[test]
    fn a_digit_too_few_or_too_many_is_refused() {
        let hash = "0".repeat(64);
        assert!(format!("0:{hash}").parse::<Anchor>().is_ok());
        for wrong in
            [format!("0:{hash}0"), format!("0:{}", &hash[1..]), hash.clone(), format!(":{hash}"), String::new()]
        {
            assert_eq!(wrong.parse::<Anchor>(), Err(InvalidAnchor), "{wrong}");
        }
    }
}
