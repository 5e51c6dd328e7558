//! Opens what a server sealed for this phone alone (provisioning guides, "Optional HTTP Content Encryption"
//! and "Open Profile Encryption").
//!
//! `Content-Encoding: aes128gcm` is RFC 8188 with the phone's own key. Without it, a body that begins with
//! `Salted__` is what `openssl enc -aes-256-cbc` writes; the rule's `--key` opens it, or else the phone's own
//! key. Anything else is not sealed.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use vocabulary::Secret;

/// Salt, record size and the length of the key's id (RFC 8188, section 2.1).
const HEADER: usize = 21;
/// The tag of AES-GCM.
const TAG: usize = 16;
const MAGIC: &[u8] = b"Salted__";

/// A key that only this phone and its provider have.
#[derive(Debug, Clone)]
pub struct SealKey(Secret<String>);

/// The file of the key is unusable.
#[derive(Debug, thiserror::Error)]
#[error("the seal key in {file} cannot be used: {cause}", file = file.display())]
pub struct CannotUseKey {
    file: PathBuf,
    cause: io::Error,
}

/// How a body was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Aes128Gcm,
    Aes256Cbc,
}

/// A body that stays shut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StaysSealed {
    /// The phone has no key for it.
    #[error("what arrived is sealed, and the phone has no key for it; give it the key's file with --seal-key")]
    NoKey,
    /// The registered key is no key of RFC 8188.
    #[error("what arrived is sealed with aes128gcm, and the phone's key is not 16 bytes in hex or base64url")]
    NoSuchKey,
    /// Another key, or damaged on the way.
    #[error("what arrived is sealed with another key than the phone's, or damaged")]
    WrongKey,
    /// A coding that phones do not know.
    #[error("what arrived has a content encoding that phones do not know")]
    UnknownCoding,
}

impl SealKey {
    /// The key in a file: for aes128gcm 16 bytes as hex digits or base64url (no public text says how a phone
    /// is told them), or the password for AES-256-CBC. A line break at the end does not count.
    pub fn from_file(file: &Path) -> Result<Self, CannotUseKey> {
        let fail = |cause| CannotUseKey { file: file.to_path_buf(), cause };
        let text = std::fs::read_to_string(file).map_err(fail)?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(fail(io::Error::other("it is empty")));
        }
        Ok(Self(Secret::new(text.to_owned())))
    }

    fn sixteen_bytes(&self) -> Option<[u8; 16]> {
        let text = self.0.expose();
        if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes);
        }
        URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?.try_into().ok()
    }
}

/// The keys that may open a body.
#[derive(Clone, Copy, Default)]
pub(crate) struct Keys<'a> {
    /// The phone's own.
    pub(crate) own: Option<&'a SealKey>,
    /// That of the rule by which the body was asked for.
    pub(crate) of_rule: Option<&'a Secret<String>>,
}

impl Keys<'_> {
    /// What `body` holds, and how it was sealed if it was.
    pub(crate) fn open(self, body: Bytes, coding: Option<&str>) -> Result<(Bytes, Option<Format>), StaysSealed> {
        match coding.map(str::trim) {
            Some(coding) if coding.eq_ignore_ascii_case("aes128gcm") => {
                let key = self.own.ok_or(StaysSealed::NoKey)?.sixteen_bytes().ok_or(StaysSealed::NoSuchKey)?;
                let text = aes128gcm(&body, &key).ok_or(StaysSealed::WrongKey)?;
                Ok((text.into(), Some(Format::Aes128Gcm)))
            }
            Some(coding) if !coding.eq_ignore_ascii_case("identity") => Err(StaysSealed::UnknownCoding),
            Some(_) | None => match body.strip_prefix(MAGIC) {
                None => Ok((body, None)),
                Some(sealed) => {
                    let own = self.own.map(|key| &key.0);
                    let password = self.of_rule.or(own).ok_or(StaysSealed::NoKey)?;
                    let text = aes256cbc(sealed, password.expose().as_bytes()).ok_or(StaysSealed::WrongKey)?;
                    Ok((text.into(), Some(Format::Aes256Cbc)))
                }
            },
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aes128Gcm => "aes128gcm",
            Self::Aes256Cbc => "aes-256-cbc",
        })
    }
}

/// RFC 8188, section 2; `None` where the key is wrong or anything else is.
fn aes128gcm(sealed: &[u8], key: &[u8; 16]) -> Option<Vec<u8>> {
    let (header, rest) = sealed.split_at_checked(HEADER)?;
    let (salt, header) = header.split_first_chunk::<16>()?;
    let (size, id_length) = header.split_first_chunk::<4>()?;
    let records = rest.get(usize::from(*id_length.first()?)..)?;
    let size = usize::try_from(u32::from_be_bytes(*size)).ok().filter(|size| *size > TAG + 1)?;

    // HKDF (RFC 5869) with one block of output, which is all that is needed.
    let secret = mac(salt, &[key]);
    let cipher = mac(&secret, &[b"Content-Encoding: aes128gcm\0", &[1]]);
    let nonce = mac(&secret, &[b"Content-Encoding: nonce\0", &[1]]);
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, cipher.get(..16)?).ok()?);
    let nonce = nonce.first_chunk::<12>()?;

    let mut text = Vec::with_capacity(records.len());
    let mut left = records;
    for number in 0_u32.. {
        let (record, after) = left.split_at(left.len().min(size));
        let mut record = record.to_vec();
        let nonce = Nonce::assume_unique_for_key(numbered(*nonce, number));
        let opened = cipher.open_in_place(nonce, Aad::empty(), &mut record).ok()?;
        // Zeros after the delimiter are padding.
        let end = opened.iter().rposition(|byte| *byte != 0)?;
        let (piece, delimiter) = opened.get(..=end)?.split_at(end);
        let expected = if after.is_empty() { 2 } else { 1 };
        if delimiter != [expected] {
            return None;
        }
        text.extend_from_slice(piece);
        if after.is_empty() {
            break;
        }
        left = after;
    }
    Some(text)
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    context.sign().as_ref().to_vec()
}

/// The last four bytes with the record's number mixed in; no profile has 2^32 records.
fn numbered(nonce: [u8; 12], number: u32) -> [u8; 12] {
    let [head @ .., a, b, c, d] = nonce;
    let tail = (u32::from_be_bytes([a, b, c, d]) ^ number).to_be_bytes();
    let mut bytes = [0; 12];
    for (byte, value) in bytes.iter_mut().zip(head.into_iter().chain(tail)) {
        *byte = value;
    }
    bytes
}

/// What follows the magic. OpenSSL since 1.1.0 makes key and vector with SHA-256.
fn aes256cbc(sealed: &[u8], password: &[u8]) -> Option<Vec<u8>> {
    let (salt, body) = sealed.split_first_chunk::<8>()?;
    let hash = |before: &[u8]| {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in [before, password, salt] {
            context.update(part);
        }
        context.finish()
    };
    let key = hash(&[]);
    let vector = hash(key.as_ref());
    let vector = FixedLength::from(vector.as_ref().first_chunk::<16>()?);
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, key.as_ref()).ok()?).ok()?;
    let mut body = body.to_vec();
    let text = key.decrypt(&mut body, DecryptionContext::Iv128(vector)).ok()?;
    Some(text.to_vec())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    fn key(text: &str) -> SealKey {
        SealKey(Secret::new(text.to_owned()))
    }

    fn decode(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).expect("base64")
    }

    #[test]
    fn the_examples_of_rfc_8188_are_opened() {
        let first = "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg";
        // Two records of 25 bytes, padding, and a key id.
        let second =
            "uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA";
        for (sealed, key) in [(first, "yqdlZ-tYemfogSmv7Ws5PQ"), (second, "BO3ZVPxUlnLORbVGMpbT1Q")] {
            let key = decode(key).try_into().expect("16 bytes");
            assert_eq!(aes128gcm(&decode(sealed), &key).as_deref(), Some(&b"I am the walrus"[..]));
        }
    }

    #[test]
    fn what_is_damaged_or_cut_stays_shut() {
        let whole = decode("I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg");
        let right: [u8; 16] = decode("yqdlZ-tYemfogSmv7Ws5PQ").try_into().expect("16 bytes");
        for length in 0..whole.len() {
            assert_eq!(aes128gcm(&whole[..length], &right), None, "{length}");
        }
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            // A record size that still fits one record changes nothing; the size is in bytes 16 to 19.
            assert!((16..20).contains(&place) || aes128gcm(&damaged, &right).is_none(), "{place}");
        }
        let cut = decode(
            "uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA",
        );
        let key = decode("BO3ZVPxUlnLORbVGMpbT1Q").try_into().expect("16 bytes");
        // The first record alone is no whole text: its delimiter says that another follows.
        assert_eq!(aes128gcm(&cut[..23 + 25], &key), None);
    }

    fn openssl(password: &str, text: &[u8]) -> Bytes {
        let mut process = Command::new("openssl")
            .args(["enc", "-e", "-aes-256-cbc", "-k", password])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        process.stdin.take().expect("its input").write_all(text).expect("it reads");
        process.wait_with_output().expect("it ends").stdout.into()
    }

    /// The documented command line, and nothing else.
    #[test]
    fn what_openssl_seals_is_opened_by_the_rules_key_before_the_phones_own() {
        let text = b"<flat-profile/>";
        let sealed = openssl("SecretPhrase1234", text);
        let (right, wrong) = (key("SecretPhrase1234"), key("another"));
        let (rule, other_rule) = (Secret::new("SecretPhrase1234".to_owned()), Secret::new("another".to_owned()));
        let open = |own, of_rule| Keys { own, of_rule }.open(sealed.clone(), None);
        let opened = Ok((Bytes::from_static(text), Some(Format::Aes256Cbc)));
        assert_eq!(open(Some(&right), None), opened);
        assert_eq!(open(None, Some(&rule)), opened);
        assert_eq!(open(Some(&wrong), Some(&rule)), opened);
        assert_ne!(open(Some(&right), Some(&other_rule)), opened);
        assert_eq!(open(None, None), Err(StaysSealed::NoKey));
    }

    #[test]
    fn the_content_encoding_decides() {
        let plain = Bytes::from_static(b"<flat-profile/>");
        assert_eq!(Keys::default().open(plain.clone(), None), Ok((plain.clone(), None)));
        assert_eq!(Keys::default().open(plain.clone(), Some("identity")), Ok((plain.clone(), None)));
        assert_eq!(Keys::default().open(plain.clone(), Some("br")), Err(StaysSealed::UnknownCoding));
        assert_eq!(Keys::default().open(plain.clone(), Some("aes128gcm")), Err(StaysSealed::NoKey));
        let password = key("a password");
        let with = Keys { own: Some(&password), of_rule: None };
        assert_eq!(with.open(plain.clone(), Some("aes128gcm")), Err(StaysSealed::NoSuchKey));
        let hex = key("000102030405060708090a0b0c0d0e0f");
        assert_eq!(hex.sixteen_bytes(), key("AAECAwQFBgcICQoLDA0ODw").sixteen_bytes());
        let with = Keys { own: Some(&hex), of_rule: None };
        assert_eq!(with.open(plain, Some("AES128GCM")), Err(StaysSealed::WrongKey));
    }
}
