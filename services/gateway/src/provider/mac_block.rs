//! A block of MAC addresses as people write it: a prefix with a mask, or the first and the last.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use vocabulary::MacAddress;

use super::code_body::required;
use crate::problem::Problem;

/// How many bits an address has.
const BITS: u32 = 48;
/// All of them set.
const ALL: u64 = (1 << BITS) - 1;

/// The beginning that many addresses share, such as `00:04:f2:aa:b0:00/36`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prefix {
    /// The bits that do not count are zero.
    pub prefix: u64,
    /// 0 to 48.
    pub bits: u32,
}

/// The text is no prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidPrefix {
    #[error("expected an address, a slash and the number of bits that count, such as 00:04:f2:aa:b0:00/36")]
    Form,
    #[error("the bits behind the first {0} must be zero")]
    BitsBehind(u32),
}

impl Prefix {
    pub const fn first(self) -> u64 {
        self.prefix
    }

    pub const fn last(self) -> u64 {
        self.prefix | free(self.bits)
    }
}

/// The bits behind the first `bits`, set.
const fn free(bits: u32) -> u64 {
    match ALL.checked_shr(bits) {
        Some(free) => free,
        None => 0,
    }
}

impl FromStr for Prefix {
    type Err = InvalidPrefix;

    /// In any spelling of an address. Groups that are left out at the end are zero: `00:04:f2/24`.
    fn from_str(text: &str) -> Result<Self, InvalidPrefix> {
        let (address, bits) = text.split_once('/').ok_or(InvalidPrefix::Form)?;
        let is_number = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits = bits.parse().ok().filter(|bits| is_number && *bits <= BITS).ok_or(InvalidPrefix::Form)?;
        let digits = hex_digits(address).ok_or(InvalidPrefix::Form)?;
        let prefix = u64::from_str_radix(&format!("{digits:0<12}"), 16).map_err(|_| InvalidPrefix::Form)?;
        if prefix & free(bits) == 0 { Ok(Self { prefix, bits }) } else { Err(InvalidPrefix::BitsBehind(bits)) }
    }
}

/// The digits of an address, or of its first groups, in any one spelling.
fn hex_digits(address: &str) -> Option<String> {
    let spelling = [(':', 2), ('-', 2), ('.', 4)].into_iter().find(|(separator, _)| address.contains(*separator));
    if let Some((separator, width)) = spelling
        && address.split(separator).any(|group| group.len() != width)
    {
        return None;
    }
    let digits: String = address.chars().filter(|c| spelling.is_none_or(|(separator, _)| *c != separator)).collect();
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && matches!(digits.len(), 2 | 4 | 6 | 8 | 10 | 12)).then_some(digits)
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}/{}", self.prefix, self.bits)
    }
}

/// The members of a body that name a block: `prefix`, or `first` and `last`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct BlockBody {
    pub prefix: Option<String>,
    pub first: Option<String>,
    pub last: Option<String>,
}

impl BlockBody {
    /// The first and the last address of the block.
    pub fn check(&self) -> Result<(u64, u64), Problem> {
        let malformed = |sentence: String| Problem::malformed("invalid_body", sentence);
        match (&self.prefix, &self.first, &self.last) {
            (Some(prefix), None, None) => {
                let prefix = prefix.parse::<Prefix>().map_err(|error| malformed(format!("prefix: {error}")))?;
                Ok((prefix.first(), prefix.last()))
            }
            (None, Some(first), Some(last)) => {
                let first = required::<MacAddress>("first", first)?.to_u64();
                let last = required::<MacAddress>("last", last)?.to_u64();
                if first > last {
                    Err(malformed("last: expected no less than first".to_owned()))
                } else {
                    Ok((first, last))
                }
            }
            _ => Err(malformed("expected prefix alone, or first and last".to_owned())),
        }
    }
}

/// The prefix that is exactly this block, if one is.
pub(super) fn prefix_of(first: u64, last: u64) -> Option<String> {
    let bits = (0..=BITS).find(|bits| last.checked_sub(first) == Some(free(*bits)))?;
    (first & free(bits) == 0).then(|| Prefix { prefix: first, bits }.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_prefix_comes_back_and_covers_its_block(address in 0..=ALL, bits in 0..=BITS) {
            let prefix = Prefix { prefix: address & !free(bits), bits };
            prop_assert_eq!(prefix.to_string().parse(), Ok(prefix));
            prop_assert_eq!(prefix.last() - prefix.first(), (1u64 << (BITS - bits)) - 1);
            prop_assert!((prefix.first()..=prefix.last()).contains(&address));
            prop_assert_eq!(prefix_of(prefix.first(), prefix.last()), Some(prefix.to_string()));
            let octets: Vec<String> = address.to_be_bytes()[2..].iter().map(|octet| format!("{octet:02X}")).collect();
            let spelled = format!("{}/{bits}", octets.join(":")).parse::<Prefix>();
            if address & free(bits) == 0 {
                prop_assert_eq!(spelled, Ok(prefix));
            } else {
                prop_assert_eq!(spelled, Err(InvalidPrefix::BitsBehind(bits)));
            }
        }

        #[test]
        fn a_block_that_is_no_prefix_is_shown_as_none(first in 0..=ALL, more in 0..1000u64) {
            let last = (first + more).min(ALL);
            if let Some(text) = prefix_of(first, last) {
                let prefix: Prefix = text.parse().expect("a prefix");
                prop_assert_eq!((prefix.first(), prefix.last()), (first, last));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,24}") {
            let _ = text.parse::<Prefix>();
        }
    }

    #[test]
    fn short_prefixes_and_wrong_ones() {
        assert_eq!("00:04:f2/24".parse(), Ok(Prefix { prefix: 0x0004_f200_0000, bits: 24 }));
        assert_eq!("000000000000/0".parse(), Ok(Prefix { prefix: 0, bits: 0 }));
        for bad in [
            "",
            "/",
            "00:04:f2",
            "00:04:f2/",
            "00:04:f2/49",
            "00:04:f2/+24",
            "0:4:f2/24",
            "00:04:f2:/x",
            "00:04-f2/24",
            "0004:f2/24",
            "00:04:g2/24",
        ] {
            assert_eq!(bad.parse::<Prefix>(), Err(InvalidPrefix::Form), "{bad}");
        }
        assert_eq!("00:04:f2/16".parse::<Prefix>(), Err(InvalidPrefix::BitsBehind(16)));
    }

    fn block(json: &str) -> Result<(u64, u64), String> {
        serde_json::from_str::<BlockBody>(json).expect("JSON").check().map_err(|problem| problem.detail)
    }

    #[test]
    fn a_block_is_named_in_one_of_two_ways() {
        let wanted = Ok((0x0004_f2aa_b000, 0x0004_f2aa_bfff));
        assert_eq!(block(r#"{"prefix":"00:04:f2:aa:b0:00/36"}"#), wanted);
        assert_eq!(block(r#"{"first":"0004f2aab000","last":"00-04-f2-aa-bf-ff"}"#), wanted);
        for (json, wanted) in [
            ("{}", "expected prefix alone, or first and last"),
            (r#"{"first":"0004f2aab000"}"#, "expected prefix alone, or first and last"),
            (
                r#"{"prefix":"0004f2/24","first":"0004f2aab000","last":"0004f2aab000"}"#,
                "expected prefix alone, or first and last",
            ),
            (r#"{"first":"0004f2aab001","last":"0004f2aab000"}"#, "last: expected no less than first"),
            (r#"{"prefix":"0004f2"}"#, "prefix: expected an address, a slash"),
            (r#"{"first":"x","last":"0004f2aab000"}"#, "first: not a MAC address"),
        ] {
            let sentence = block(json).expect_err(json);
            assert!(sentence.starts_with(wanted), "{json}: {sentence}");
        }
    }
}
