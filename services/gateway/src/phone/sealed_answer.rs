//! Seals an answer with the key that is registered for its phone, in either way that phones understand
//! (wire-facts 4.4).
//!
//! | format | what it is |
//! |---|---|
//! | aes128gcm | RFC 8188: a header of salt, record size and an empty key id, then the records |
//! | aes256cbc | what `openssl enc -aes-256-cbc -md sha256 -salt -k PASSWORD` writes: `Salted__`, salt, CBC |

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::iv::FixedLength;
use contracts::redirection::{Seal, SealFormat};
use vocabulary::Randomness;

/// The size of a record with its tag, in bytes (RFC 8188, section 2.1).
const RECORD: u32 = 4096;
/// What a record holds besides its text: the delimiter and the tag.
const OVERHEAD: usize = 17;
/// Ends the text of a record, and of the last record (RFC 8188, section 2).
const DELIMITER: u8 = 1;
const LAST_DELIMITER: u8 = 2;
/// `openssl enc` begins with it when it salts.
const MAGIC: &[u8] = b"Salted__";

/// A sealed body, and how it is to be announced.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sealed {
    /// Has `Content-Encoding: aes128gcm`.
    Aes128Gcm(Vec<u8>),
    /// Has no content encoding: the phone knows by its profile rule, or by the first bytes.
    Aes256Cbc(Vec<u8>),
}

/// The key does not fit its format. Redirection keeps none that does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the phone's key does not fit the format of its seal; register it again")]
pub(super) struct KeyDoesNotFit;

impl From<Unspecified> for KeyDoesNotFit {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

/// Seals `text` so that only who has the key of `seal` can read it.
pub(super) fn seal(text: &[u8], seal: &Seal, randomness: &Randomness) -> Result<Sealed, KeyDoesNotFit> {
    match seal.format() {
        SealFormat::Aes128gcm => {
            let key = <[u8; 16]>::try_from(seal.key.as_slice()).map_err(|_| KeyDoesNotFit)?;
            Ok(Sealed::Aes128Gcm(aes128gcm(text, &key, randomness.bytes())?))
        }
        SealFormat::Aes256cbc if !seal.key.is_empty() => {
            Ok(Sealed::Aes256Cbc(aes256cbc(text, &seal.key, randomness.bytes())?))
        }
        SealFormat::Aes256cbc | SealFormat::Unspecified => Err(KeyDoesNotFit),
    }
}

/// RFC 8188, section 2.
fn aes128gcm(text: &[u8], input_key: &[u8; 16], salt: [u8; 16]) -> Result<Vec<u8>, Unspecified> {
    let secret = Salt::new(HKDF_SHA256, &salt).extract(input_key);
    let key = derived::<16>(&secret, b"Content-Encoding: aes128gcm\0")?;
    let first_nonce = u128_of(derived::<12>(&secret, b"Content-Encoding: nonce\0")?);
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
    let mut sealed = Vec::with_capacity(text.len() + 64);
    sealed.extend_from_slice(&salt);
    sealed.extend_from_slice(&RECORD.to_be_bytes());
    sealed.push(0);
    let longest = usize::try_from(RECORD).unwrap_or_default().saturating_sub(OVERHEAD);
    let mut rest = text;
    for number in 0_u128.. {
        let (piece, after) = rest.split_at(rest.len().min(longest));
        let delimiter = if after.is_empty() { LAST_DELIMITER } else { DELIMITER };
        let mut record = [piece, &[delimiter]].concat();
        let nonce = Nonce::assume_unique_for_key(nonce(first_nonce ^ number));
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record)?;
        sealed.append(&mut record);
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    Ok(sealed)
}

/// RFC 5869, for as many bytes as the caller keeps.
fn derived<const N: usize>(secret: &Prk, info: &[u8]) -> Result<[u8; N], Unspecified> {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut bytes = [0; N];
    secret.expand(&[info], Length(N))?.fill(&mut bytes)?;
    Ok(bytes)
}

/// Twelve bytes as a number, so that a record's number can be mixed in.
fn u128_of(bytes: [u8; 12]) -> u128 {
    bytes.into_iter().fold(0, |number, byte| number << 8 | u128::from(byte))
}

fn nonce(number: u128) -> [u8; 12] {
    let [_, _, _, _, nonce @ ..] = number.to_be_bytes();
    nonce
}

/// `EVP_BytesToKey` with SHA-256 and one round, then CBC with the padding of PKCS #7.
fn aes256cbc(text: &[u8], password: &[u8], salt: [u8; 8]) -> Result<Vec<u8>, Unspecified> {
    let key = digest(&SHA256, &[password, &salt].concat());
    let vector = digest(&SHA256, &[key.as_ref(), password, &salt].concat());
    let vector = vector.as_ref().first_chunk::<16>().ok_or(Unspecified)?;
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, key.as_ref())?)?;
    let mut body = text.to_vec();
    cipher.less_safe_encrypt(&mut body, EncryptionContext::Iv128(FixedLength::from(vector)))?;
    Ok([MAGIC, &salt, &body].concat())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn seal_with(format: SealFormat, key: &[u8], text: &[u8]) -> Result<Sealed, KeyDoesNotFit> {
        let with = Seal { format: format.into(), key: key.to_vec() };
        seal(text, &with, &Randomness::seeded(7))
    }

    /// What `program` makes of `input`.
    fn through(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut pipe = process.stdin.take().expect("its input");
        pipe.write_all(input).expect("it reads");
        drop(pipe);
        let output = process.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{program} {arguments:?}");
        output.stdout
    }

    #[test]
    fn the_example_of_rfc_8188_section_3_1() {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64");
        let key = decode("yqdlZ-tYemfogSmv7Ws5PQ").try_into().expect("16 bytes");
        let example = decode("I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg");
        let salt = example.first_chunk::<16>().expect("a salt");
        assert_eq!(aes128gcm(b"I am the walrus", &key, *salt), Ok(example));
    }

    #[test]
    fn a_long_text_has_several_records_and_each_its_nonce() {
        let text = vec![b'x'; 4079 * 2];
        let Ok(Sealed::Aes128Gcm(sealed)) = seal_with(SealFormat::Aes128gcm, &[1; 16], &text) else {
            panic!("sealed");
        };
        assert_eq!(sealed.len(), 21 + 2 * 4096);
        // The same text in both: with one nonce it would look the same.
        assert_ne!(sealed[21..4000], sealed[4117..8096]);
        let Ok(Sealed::Aes128Gcm(longer)) = seal_with(SealFormat::Aes128gcm, &[1; 16], &[text, vec![b'x']].concat())
        else {
            panic!("sealed");
        };
        assert_eq!(longer.len(), 21 + 2 * 4096 + 18);
    }

    /// The program that the phones' documents name reads what is written here.
    #[test]
    fn openssl_reads_what_is_sealed_as_it_would() {
        let password = "SecretPhrase1234";
        for text in [&b"<flat-profile/>"[..], &[b'x'; 16], &[b'y'; 10_000], b""] {
            let Ok(Sealed::Aes256Cbc(sealed)) = seal_with(SealFormat::Aes256cbc, password.as_bytes(), text) else {
                panic!("sealed");
            };
            let password = format!("pass:{password}");
            let arguments = ["enc", "-d", "-aes-256-cbc", "-md", "sha256", "-pass", &password];
            assert_eq!(through("openssl", &arguments, &sealed), text);
        }
    }

    /// `openssl enc -P -aes-256-cbc -md sha256 -S 0102030405060708 -k SecretPhrase` names key and vector.
    #[test]
    fn the_same_salt_gives_the_same_bytes_as_openssl() {
        let arguments =
            ["enc", "-e", "-aes-256-cbc", "-md", "sha256", "-S", "0102030405060708", "-pass", "pass:SecretPhrase"];
        let theirs = through("openssl", &arguments, b"<flat-profile/>");
        let ours = aes256cbc(b"<flat-profile/>", b"SecretPhrase", [1, 2, 3, 4, 5, 6, 7, 8]).expect("sealed");
        // OpenSSL 3 leaves the salt out where it was told the salt.
        assert_eq!(ours.strip_prefix(b"Salted__\x01\x02\x03\x04\x05\x06\x07\x08"), Some(theirs.as_slice()));
    }

    #[test]
    fn every_answer_has_a_salt_of_its_own() {
        let (randomness, seal_of) =
            (Randomness::seeded(1), |format: SealFormat, key: &[u8]| Seal { format: format.into(), key: key.to_vec() });
        for with in [seal_of(SealFormat::Aes128gcm, &[1; 16]), seal_of(SealFormat::Aes256cbc, b"a password of 20")] {
            assert_ne!(seal(b"the same", &with, &randomness), seal(b"the same", &with, &randomness));
        }
    }

    #[test]
    fn a_key_that_does_not_fit_seals_nothing() {
        for (format, key) in [
            (SealFormat::Aes128gcm, &[1; 15][..]),
            (SealFormat::Aes128gcm, &[1; 32]),
            (SealFormat::Aes256cbc, &[]),
            (SealFormat::Unspecified, &[1; 16]),
        ] {
            assert_eq!(seal_with(format, key, b"text"), Err(KeyDoesNotFit), "{format:?}");
        }
    }
}
