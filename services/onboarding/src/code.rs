//! The digits of a personal code: how they are drawn, and what is kept of them.
//!
//! The digits are shown once, to whoever made the code. What is stored and looked up is their HMAC under a key
//! that is not in the database: sixteen digits are few enough (2^53) that a plain hash could be searched.

use std::collections::BTreeSet;
use std::fmt;

use aws_lc_rs::hmac;
use serde::{Serialize, Serializer};
use vocabulary::{ActivationCode, Randomness, Secret};

/// How many digits a personal code has (chapter, "Onboard Your Phone with the Activation Code").
pub(crate) const PERSONAL_LENGTH: usize = 16;
/// Bytes below this give each digit equally often: 25 times. The six above it are thrown away.
const UNBIASED: u8 = 250;

/// Sixteen digits that nobody else has. `Debug` does not show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PersonalDigits(Secret<String>);

impl PersonalDigits {
    /// `count` codes, all different.
    pub fn draw(count: usize, randomness: &Randomness) -> Vec<Self> {
        let mut seen = BTreeSet::new();
        while seen.len() < count {
            seen.insert(digits(PERSONAL_LENGTH, randomness));
        }
        seen.into_iter().map(|digits| Self(Secret::new(digits))).collect()
    }

    /// For the one answer that shows them.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// `length` digits, each drawn without bias: by rejection.
pub(crate) fn digits(length: usize, randomness: &Randomness) -> String {
    let mut digits = String::with_capacity(length);
    while digits.len() < length {
        let drawn = randomness.bytes::<24>();
        let fair = drawn.into_iter().filter(|byte| *byte < UNBIASED).map(|byte| char::from(b'0' + byte % 10));
        digits.extend(fair.take(length - digits.len()));
    }
    digits
}

/// The key under which digits are digested. Whoever has it and the database can search for the codes.
pub(crate) struct CodeKey(hmac::Key);

impl CodeKey {
    pub fn new(key: &Secret<[u8; 32]>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
    }

    /// What is kept of a code that was made.
    pub fn digest(&self, digits: &PersonalDigits) -> CodeDigest {
        self.digest_text(digits.expose())
    }

    /// What is looked for when `code` was typed, whichever kind it is.
    pub fn digest_typed(&self, code: &ActivationCode) -> CodeDigest {
        self.digest_text(code.expose_digits())
    }

    fn digest_text(&self, digits: &str) -> CodeDigest {
        let mut digest = [0; 32];
        digest.copy_from_slice(hmac::sign(&self.0, digits.as_bytes()).as_ref());
        CodeDigest(digest)
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey(****)")
    }
}

/// HMAC-SHA256 of a code's digits. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CodeDigest([u8; 32]);

impl CodeDigest {
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// As SQLite's `unhex` reads it.
impl Serialize for CodeDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use std::fmt::Write;
        let hex = self.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        serializer.serialize_str(&hex)
    }
}

impl fmt::Debug for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeDigest(****)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pearson's test over a fixed sequence. 27.88 is passed by a fair source 999 times in 1000 (9 degrees of
    /// freedom).
    #[test]
    fn every_digit_comes_equally_often_at_every_place() {
        let codes = PersonalDigits::draw(20_000, &Randomness::seeded(3));
        for place in 0..PERSONAL_LENGTH {
            let mut counts = [0_u32; 10];
            for code in &codes {
                counts[usize::from(code.expose().as_bytes()[place] - b'0')] += 1;
            }
            let expected = 2_000.0;
            let chi_square: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
            assert!(chi_square < 27.88, "place {place}: {chi_square} {counts:?}");
        }
    }

    #[test]
    fn codes_made_together_differ_and_are_not_shown() {
        let codes = PersonalDigits::draw(10_000, &Randomness::seeded(4));
        let different: BTreeSet<&str> = codes.iter().map(PersonalDigits::expose).collect();
        assert_eq!((codes.len(), different.len()), (10_000, 10_000));
        let code = codes.first().expect("a code");
        assert!(!format!("{code:?}").contains(code.expose()));
    }

    proptest! {
        #[test]
        fn every_spelling_has_the_digest_of_the_code(seed: u64, key: [u8; 32], gap in "[ -]?") {
            let key = CodeKey::new(&Secret::new(key));
            let made = PersonalDigits::draw(1, &Randomness::seeded(seed)).remove(0);
            let (head, tail) = made.expose().split_at(7);
            let typed: ActivationCode = format!(" {head}{gap}{tail}").parse().expect("a code");
            prop_assert_eq!(key.digest(&made), key.digest_typed(&typed));
            let other = CodeKey::new(&Secret::new([7; 32]));
            prop_assert!(key.digest(&made) != other.digest(&made));
        }
    }
}
