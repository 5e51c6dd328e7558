//! `/v1/devices/{mac}/key`: the key that a phone's answers are sealed with.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::redirection::{Device, SealFormat, SetDeviceKeyRequest};
use rpc::within_as;
use serde::{Deserialize, Serialize};
use vocabulary::Randomness;

use super::devices::{DeviceView, one};
use super::json::Body;
use super::owned::OwnedPhone;
use super::promised;
use crate::Gateway;
use crate::auth::DevicesWrite;
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// Bytes of a key for AES-128.
const KEY: usize = 16;
/// Bytes that a password of ours is drawn from: 192 bits, more than the 128 that would do.
const DRAWN: usize = 24;

/// How a sealed answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SealWord {
    /// RFC 8188.
    Aes128gcm,
    /// As `openssl enc -aes-256-cbc` writes it with a password.
    Aes256cbc,
}

impl SealWord {
    /// `None` where the phone has no key.
    pub const fn of(format: SealFormat) -> Option<Self> {
        match format {
            SealFormat::Unspecified => None,
            SealFormat::Aes128gcm => Some(Self::Aes128gcm),
            SealFormat::Aes256cbc => Some(Self::Aes256cbc),
        }
    }

    const fn format(self) -> SealFormat {
        match self {
            Self::Aes128gcm => SealFormat::Aes128gcm,
            Self::Aes256cbc => SealFormat::Aes256cbc,
        }
    }

    /// The bytes of a key as it is written: base64url or hexadecimal for `aes128gcm`, the password itself
    /// for `aes256cbc`.
    fn read(self, text: &str) -> Result<Vec<u8>, Problem> {
        let malformed = |sentence| Problem::malformed("invalid_body", sentence);
        match self {
            Self::Aes128gcm => sixteen_bytes(text)
                .ok_or_else(|| malformed("key: expected 16 bytes for aes128gcm, in base64url or hexadecimal")),
            Self::Aes256cbc => {
                let is_password = (KEY..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
                let refused =
                    || malformed("key: expected a password of 16 to 128 visible ASCII characters for aes256cbc");
                is_password.then(|| text.as_bytes().to_vec()).ok_or_else(refused)
            }
        }
    }

    /// A new key, as it is written.
    fn draw(self, randomness: &Randomness) -> String {
        match self {
            Self::Aes128gcm => URL_SAFE_NO_PAD.encode(randomness.bytes::<KEY>()),
            Self::Aes256cbc => URL_SAFE_NO_PAD.encode(randomness.bytes::<DRAWN>()),
        }
    }
}

fn sixteen_bytes(text: &str) -> Option<Vec<u8>> {
    if text.len() == 2 * KEY && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let number = u128::from_str_radix(text, 16).ok()?;
        return Some(number.to_be_bytes().to_vec());
    }
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok().filter(|bytes| bytes.len() == KEY)
}

/// A key to be registered. Has no `Debug`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyBody {
    format: SealWord,
    /// One is made where it is left out.
    key: Option<String>,
}

/// The phone; with the only sight there will ever be of a key that was made here. Has no `Debug`.
#[derive(Serialize)]
struct WithKey {
    device: DeviceView,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// `PUT /v1/devices/{mac}/key`.
pub(crate) async fn put(
    State(gateway): State<Gateway>,
    phone: OwnedPhone<DevicesWrite>,
    Body(KeyBody { format, key }): Body<KeyBody>,
) -> Result<Response, Problem> {
    let made = key.is_none().then(|| format.draw(gateway.randomness()));
    let text = key.as_ref().or(made.as_ref()).map(String::as_str).unwrap_or_default();
    let device = set(&gateway, &phone, format.format(), format.read(text)?).await?;
    let shown = WithKey { device: one(&gateway, device).await, key: made };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(shown)).into_response())
}

/// `DELETE /v1/devices/{mac}/key`: its answers are not sealed any more.
pub(crate) async fn delete(
    State(gateway): State<Gateway>,
    phone: OwnedPhone<DevicesWrite>,
) -> Result<Response, Problem> {
    let device = set(&gateway, &phone, SealFormat::Unspecified, Vec::new()).await?;
    Ok(Json(one(&gateway, device).await).into_response())
}

async fn set(
    gateway: &Gateway,
    phone: &OwnedPhone<DevicesWrite>,
    format: SealFormat,
    key: Vec<u8>,
) -> Result<Device, Problem> {
    let (provider_id, mac) = (phone.owner.to_string(), phone.mac.to_u64());
    let request = SetDeviceKeyRequest { provider_id, mac, format: format.into(), key };
    let request = within_as(&phone.caller.actor, PROVIDER_DEADLINE, request);
    promised(gateway.backends().redirection.clone().set_device_key(request).await?.into_inner().device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let bytes: Vec<u8> = (0..16).collect();
        for text in [
            "000102030405060708090a0b0c0d0e0f",
            "000102030405060708090A0B0C0D0E0F",
            "AAECAwQFBgcICQoLDA0ODw",
            "AAECAwQFBgcICQoLDA0ODw==",
        ] {
            assert_eq!(SealWord::Aes128gcm.read(text).as_ref(), Ok(&bytes), "{text}");
        }
        for bad in ["", "AAECAwQFBgcICQoLDA0O", "000102030405060708090a0b0c0d0e0g", "+/ECAwQFBgcICQoLDA0ODw"] {
            assert!(SealWord::Aes128gcm.read(bad).is_err(), "{bad}");
        }
        assert_eq!(SealWord::Aes256cbc.read("correct-horse-battery").as_deref(), Ok(&b"correct-horse-battery"[..]));
        for bad in ["too-short", "with a space in the middle", "é-and-more-than-sixteen"] {
            let problem = SealWord::Aes256cbc.read(bad).expect_err(bad);
            assert!(!problem.detail.contains(bad), "{}", problem.detail);
        }
    }

    #[test]
    fn a_key_made_here_is_one_that_can_be_read() {
        let randomness = Randomness::seeded(1);
        let first = SealWord::Aes128gcm.draw(&randomness);
        assert_ne!(first, SealWord::Aes128gcm.draw(&randomness));
        assert_eq!(SealWord::Aes128gcm.read(&first).map(|key| key.len()), Ok(16));
        let password = SealWord::Aes256cbc.draw(&randomness);
        assert_eq!(SealWord::Aes256cbc.read(&password).as_deref(), Ok(password.as_bytes()));
    }
}
