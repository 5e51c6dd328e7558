//! The second factor: codes of six digits that change every 30 seconds (TOTP, RFC 6238).

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Algorithm, Builder, Secret as Shared, TotpError};
use vault::{Vault, VaultError};
use vocabulary::{PersonId, Randomness, Secret, Timestamp};

use crate::email::Email;

/// Who it is for, as an authenticator shows it.
const ISSUER: &str = "Dialtone";
const DIGITS: u8 = 6;
const STEP: Duration = Duration::from_secs(30);
/// How many steps before and after the present one are believed, for clocks that are a little wrong.
const SKEW: u16 = 1;

/// The secret that a person's authenticator and we share: 160 bits, as RFC 4226 recommends. `Debug` does not show it.
#[derive(Debug)]
pub(crate) struct SecondFactor(Secret<Vec<u8>>);

impl SecondFactor {
    /// A new secret that nobody can guess.
    pub fn draw(randomness: &Randomness) -> Self {
        Self(Secret::new(randomness.bytes::<20>().to_vec()))
    }

    /// A secret as it was stored for this person.
    pub fn unseal(vault: &Vault, person: &PersonId, sealed: &[u8]) -> Result<Self, VaultError> {
        vault.unseal(&place(person), sealed).map(Self)
    }

    /// As it is stored for this person.
    pub fn seal(&self, vault: &Vault, person: &PersonId) -> Result<Vec<u8>, VaultError> {
        vault.seal(&place(person), self.0.expose())
    }

    /// The step whose code this is, of those around `now`; `None` where it is wrong.
    pub fn step_of(&self, code: &str, now: Timestamp) -> Result<Option<i64>, TotpError> {
        let totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_skew(SKEW)
            .with_step_duration(STEP.as_secs())
            .with_secret(self.0.expose().clone())
            .build()?;
        let seconds = u64::try_from(now.as_seconds()).unwrap_or_default();
        Ok(totp.check(code, seconds).and_then(|step| i64::try_from(step).ok()))
    }

    /// Base32, to type into an authenticator.
    pub fn to_base32(&self) -> String {
        Shared::from(self.0.expose().clone()).to_base32()
    }

    /// For an authenticator to scan (the Key URI format that they all read).
    pub fn to_uri(&self, email: &Email) -> String {
        let account = utf8_percent_encode(email.as_str(), NON_ALPHANUMERIC);
        let (secret, period) = (self.to_base32(), STEP.as_secs());
        format!(
            "otpauth://totp/{ISSUER}:{account}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits={DIGITS}&period={period}"
        )
    }
}

fn place(person: &PersonId) -> String {
    format!("person.totp/{person}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, SHA-1; the last six of its eight digits.
    fn of_the_rfc() -> SecondFactor {
        SecondFactor(Secret::new(b"12345678901234567890".to_vec()))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")]
        {
            assert_eq!(of_the_rfc().step_of(code, at(seconds)).expect("a factor"), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn clocks_may_be_wrong_by_a_step_and_no_more() {
        let step = |seconds| of_the_rfc().step_of("081804", at(seconds)).expect("a factor");
        let right = Some(1_111_111_109 / 30);
        assert_eq!((step(1_111_111_080 - 30), step(1_111_111_109 + 30)), (right, right));
        assert_eq!((step(1_111_111_080 - 31), step(1_111_111_110 + 30)), (None, None));
    }

    #[test]
    fn what_is_no_code_is_wrong() {
        for code in ["", "08180", "0818040", "o81804", "０８１８０４"] {
            assert_eq!(of_the_rfc().step_of(code, at(1_111_111_109)).expect("a factor"), None, "{code}");
        }
    }

    #[test]
    fn the_uri_is_what_authenticators_read() {
        let email: Email = "jo+nights@example.com".parse().expect("an address");
        assert_eq!(
            of_the_rfc().to_uri(&email),
            "otpauth://totp/Dialtone:jo%2Bnights%40example%2Ecom?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Dialtone&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(format!("{:?}", of_the_rfc()), "SecondFactor(Secret(****))");
    }
}
