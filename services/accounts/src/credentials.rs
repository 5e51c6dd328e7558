//! What programs prove themselves with: client secrets, as they are drawn, read and shown once.

use std::str::FromStr;

use vocabulary::{ClientId, Randomness, Secret};

/// What every secret begins with, so that people and secret scanners know one when they see it.
const PREFIX: &str = "dts_";
/// Forty characters of five bits: 200 random bits.
const LENGTH: usize = 40;
/// The first of them are kept beside the hash, to know which of a client's hashes to try; 160 bits stay secret.
const SELECTOR: usize = 8;
/// Crockford's base 32 in lower case, as in ids: nothing to misread.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A client that was just made, or a further secret of one. The secret is shown once and cannot be read back.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// Names the login: the `client_id` of OAuth 2.
    pub client_id: ClientId,
    /// Proves it: the `client_secret` of OAuth 2.
    pub client_secret: Secret<String>,
}

/// A secret of the right shape. `Debug` does not show it.
#[derive(Debug, Clone)]
pub(crate) struct ClientSecret(Secret<String>);

/// The text cannot be a secret of ours. Does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidSecret;

impl ClientSecret {
    /// A new secret that nobody can guess.
    pub fn draw(randomness: &Randomness) -> Self {
        let mut text = String::from(PREFIX);
        for byte in randomness.bytes::<LENGTH>() {
            let letter = ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or(b'0');
            text.push(char::from(letter));
        }
        Self(Secret::new(text))
    }

    /// Which of its client's secrets it is.
    pub fn selector(&self) -> &str {
        self.0.expose().get(PREFIX.len()..PREFIX.len() + SELECTOR).unwrap_or_default()
    }

    /// The text, to hash it.
    pub const fn text(&self) -> &Secret<String> {
        &self.0
    }

    /// The text to show, this once.
    pub fn into_shown(self) -> Secret<String> {
        self.0
    }
}

impl FromStr for ClientSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let rest = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let fits = rest.len() == LENGTH && rest.bytes().all(|byte| ALPHABET.contains(&byte));
        if fits { Ok(Self(Secret::new(text.to_owned()))) } else { Err(InvalidSecret) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(seed: u64) -> ClientSecret {
        ClientSecret::draw(&Randomness::seeded(seed))
    }

    #[test]
    fn a_secret_parses_back_and_nothing_else_does() {
        let shown = secret(1).into_shown();
        assert_eq!(shown.expose().len(), PREFIX.len() + LENGTH);
        assert_eq!(shown.expose().parse::<ClientSecret>().map(|s| s.into_shown() == shown), Ok(true));
        let upper = shown.expose().to_uppercase();
        let padded = format!("{} ", shown.expose());
        for text in ["", "dts_", upper.as_str(), padded.as_str(), "dts_iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii"] {
            assert_eq!(text.parse::<ClientSecret>().err(), Some(InvalidSecret), "{text}");
        }
    }

    #[test]
    fn a_selector_tells_secrets_apart_and_leaves_the_rest() {
        assert_eq!(secret(1).selector().len(), SELECTOR);
        assert_ne!(secret(1).selector(), secret(2).selector());
        assert!(secret(1).text().expose().starts_with(&format!("dts_{}", secret(1).selector())));
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        let client =
            NewClient { client_id: ClientId::draw(&Randomness::seeded(1)), client_secret: secret(1).into_shown() };
        let shown = format!("{client:?} {:?}", secret(1));
        assert!(!shown.contains(PREFIX), "{shown}");
    }
}
