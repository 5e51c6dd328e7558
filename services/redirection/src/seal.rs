//! How a phone's answers are sealed, and with what. The gateway seals them; this service keeps the key.

use vocabulary::Secret;

/// The length of a key for RFC 8188's aes128gcm, in bytes.
const AES128: usize = 16;
/// The shortest and the longest password, in characters.
const PASSWORD: std::ops::RangeInclusive<usize> = 16..=128;

/// How a sealed answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SealFormat {
    /// RFC 8188 aes128gcm, with `Content-Encoding`.
    Aes128Gcm,
    /// As `openssl enc -aes-256-cbc` writes it with a password.
    Aes256Cbc,
}

/// A phone's key and what it is for.
#[derive(Debug, Clone)]
pub(crate) struct SealKey {
    pub format: SealFormat,
    /// For AES-256-CBC the bytes of the password.
    pub key: Secret<Vec<u8>>,
}

/// Why a key is not taken. Quotes nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidSealKey {
    #[error("key: aes128gcm takes a key of exactly 16 bytes")]
    Aes128Gcm,
    #[error("key: aes256cbc takes a password of 16 to 128 printable ASCII characters")]
    Aes256Cbc,
    #[error("format: expected aes128gcm or aes256cbc")]
    Format,
}

impl SealFormat {
    /// The word that stands in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Aes128Gcm => "aes128gcm",
            Self::Aes256Cbc => "aes256cbc",
        }
    }

    /// The reverse of [`SealFormat::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Aes128Gcm, Self::Aes256Cbc].into_iter().find(|format| format.word() == word)
    }
}

impl SealKey {
    /// Checks a key given by a provider.
    pub fn parse(format: SealFormat, key: Vec<u8>) -> Result<Self, InvalidSealKey> {
        let key = match format {
            SealFormat::Aes128Gcm if key.len() == AES128 => key,
            SealFormat::Aes128Gcm => return Err(InvalidSealKey::Aes128Gcm),
            SealFormat::Aes256Cbc if is_password(&key) => key,
            SealFormat::Aes256Cbc => return Err(InvalidSealKey::Aes256Cbc),
        };
        Ok(Self { format, key: Secret::new(key) })
    }
}

fn is_password(key: &[u8]) -> bool {
    PASSWORD.contains(&key.len()) && key.iter().all(|byte| (b' '..=b'~').contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_fits_its_format() {
        let parse = |format, key: &[u8]| SealKey::parse(format, key.to_vec()).map(drop);
        assert_eq!(parse(SealFormat::Aes128Gcm, &[0; 16]), Ok(()));
        for length in [0, 15, 17, 32] {
            assert_eq!(parse(SealFormat::Aes128Gcm, &vec![0; length]), Err(InvalidSealKey::Aes128Gcm));
        }
        for (length, fits) in [(15, false), (16, true), (128, true), (129, false)] {
            assert_eq!(parse(SealFormat::Aes256Cbc, &vec![b'x'; length]).is_ok(), fits, "{length}");
        }
        assert_eq!(
            parse(SealFormat::Aes256Cbc, "sixteen bytes \u{e9}\u{e9}".as_bytes()),
            Err(InvalidSealKey::Aes256Cbc)
        );
    }

    #[test]
    fn no_debug_shows_a_key() {
        let key = SealKey::parse(SealFormat::Aes256Cbc, b"correct horse battery".to_vec()).expect("a key");
        assert!(!format!("{key:?}").contains("horse") && !format!("{key:?}").contains("104, 111"));
    }
}
