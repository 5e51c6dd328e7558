//! One key at work: AES-256-GCM (NIST SP 800-38D) with a place as additional data.
//!
//! A sealed value is the version, 1 byte; the nonce, 12 bytes; the ciphertext, as long as the plain text;
//! and the tag, 16 bytes. Nonces are random: a key may seal 2^32 values before two are likely to share one
//! (SP 800-38D, section 8.3), which is far more than a service has secrets.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use vocabulary::{Randomness, Secret};

use crate::VaultError;

/// The only form there is. Another one would have another number.
const VERSION: u8 = 1;

/// A key.
pub(crate) type Key = Secret<[u8; 32]>;

/// A key, ready to work.
#[derive(Debug)]
pub(crate) struct Cipher(LessSafeKey);

impl Cipher {
    /// `None` never happens: the key is as long as the algorithm wants it.
    pub fn new(key: &Key) -> Option<Self> {
        Some(Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose()).ok()?)))
    }

    /// `plain` for `place` and no other; `None` where it is too long (64 GiB).
    pub fn seal(&self, place: &str, plain: &[u8], randomness: &Randomness) -> Option<Vec<u8>> {
        let nonce = randomness.bytes::<NONCE_LEN>();
        let mut text = plain.to_vec();
        let additional = Aad::from(additional(place));
        self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), additional, &mut text).ok()?;
        Some([&[VERSION], nonce.as_slice(), &text].concat())
    }

    /// What was sealed for `place`; `None` where it was not, or was changed.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        let (&VERSION, rest) = sealed.split_first()? else { return None };
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let additional = Aad::from(additional(place));
        let plain = self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), additional, &mut text).ok()?.len();
        text.truncate(plain);
        Some(Secret::new(text))
    }
}

/// Bound to the version too, so that a later form cannot be passed off as this one.
fn additional(place: &str) -> Vec<u8> {
    [&[VERSION], place.as_bytes()].concat()
}

/// The key in `opened`, where it holds one.
pub(crate) fn key(opened: &[u8]) -> Option<Key> {
    Some(Secret::new(opened.try_into().ok()?))
}

/// The cipher of `key`, for `place`.
pub(crate) fn cipher(key: &Key, place: &str) -> Result<Cipher, VaultError> {
    Cipher::new(key).ok_or_else(|| VaultError::Unsealable { place: place.to_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cipher(byte: u8) -> Cipher {
        Cipher::new(&Secret::new([byte; 32])).expect("a cipher")
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_in_its_place_only(plain: Vec<u8>, place in ".{0,40}", other in ".{0,40}", seed: u64) {
            let sealed = cipher(1).seal(&place, &plain, &Randomness::seeded(seed)).expect("sealed");
            prop_assert_eq!(sealed.len(), plain.len() + 29);
            let opened = cipher(1).open(&place, &sealed);
            prop_assert_eq!(opened.as_ref().map(Secret::expose), Some(&plain));
            prop_assert_eq!(cipher(1).open(&other, &sealed).is_some(), place == other);
            prop_assert!(cipher(2).open(&place, &sealed).is_none());
        }

        #[test]
        fn no_bit_can_be_changed_and_no_byte_be_lost(plain: Vec<u8>, at: prop::sample::Index, bit in 0..8_u32) {
            let sealed = cipher(1).seal("place", &plain, &Randomness::seeded(1)).expect("sealed");
            let at = at.index(sealed.len());
            prop_assert!(cipher(1).open("place", &sealed[..at]).is_none());
            let mut changed = sealed;
            changed[at] ^= 1 << bit;
            prop_assert!(cipher(1).open("place", &changed).is_none());
        }

        #[test]
        fn no_bytes_are_too_odd_to_be_refused(bytes: Vec<u8>) {
            prop_assert!(cipher(1).open("place", &bytes).is_none());
        }
    }

    #[test]
    fn the_same_is_never_sealed_alike() {
        let randomness = Randomness::seeded(1);
        assert_ne!(cipher(1).seal("place", b"x", &randomness), cipher(1).seal("place", b"x", &randomness));
    }
}
