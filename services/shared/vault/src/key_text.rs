//! A key as people and key stores write it down: 32 bytes, 64 hex digits, or base64.

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::cipher::{Key, key};

const ALPHABETS: [GeneralPurpose; 4] = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];

/// The key that `bytes` hold. 32 bytes are always a key; a text may be followed by white space. The three
/// forms differ in length, so that none is taken for another.
pub(crate) fn parse(bytes: &[u8]) -> Option<Key> {
    if let Some(key) = key(bytes) {
        return Some(key);
    }
    let text = bytes.trim_ascii_end();
    if text.len() == 64 {
        let digits: Option<Vec<u8>> = text.chunks(2).map(byte).collect();
        return key(&digits?);
    }
    ALPHABETS.iter().find_map(|alphabet| key(&alphabet.decode(text).ok()?))
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
        fn every_spelling_is_the_same_key(bytes: [u8; 32], end in "[ \r\n]{0,3}") {
            let digits = bytes.iter().flat_map(|it| [it >> 4, it & 15]);
            let hex: String = digits.filter_map(|it| char::from_digit(it.into(), 16)).collect();
            let mut spellings: Vec<String> = ALPHABETS.iter().map(|it| it.encode(bytes)).collect();
            spellings.extend([hex.to_uppercase(), hex]);
            prop_assert_eq!(parse(&bytes).as_ref().map(|it| *it.expose()), Some(bytes));
            for spelling in spellings {
                let spelling = spelling + &end;
                prop_assert_eq!(parse(spelling.as_bytes()).as_ref().map(|it| *it.expose()), Some(bytes), "{}", spelling);
            }
        }

        #[test]
        fn bytes_of_another_length_are_no_key(mut bytes in prop::collection::vec(any::<u8>(), 0..100), odd in 128_u8..) {
            bytes.push(odd);
            prop_assert_eq!(parse(&bytes).is_some(), bytes.len() == 32);
        }
    }

    #[test]
    fn odd_texts_are_refused() {
        for wrong in ["", "\n", &"+f".repeat(32), &"0".repeat(63), &"0".repeat(65), &"z".repeat(64), "c2hvcnQ="] {
            assert!(parse(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
