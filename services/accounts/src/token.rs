//! The tokens that clients carry: JWTs signed with `EdDSA` (RFC 7519, RFC 8037), and the public key
//! that verifies them (RFC 7517).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use vocabulary::{ClientId, ProviderId, Randomness, Secret, Timestamp};

use crate::SigningKeyError;

/// Who signs.
const ISSUER: &str = "dialtone";
/// Who believes it: the gateway's `/v1`.
const AUDIENCE: &str = "dialtone-api";
/// How long a token is good for. Short, because nobody is asked when it is used: a frozen provider
/// keeps its last token for this long.
pub(crate) const LIFETIME: Duration = Duration::from_mins(15);
/// How much of the key's thumbprint names it; 96 bits tell keys apart.
const KID_LENGTH: usize = 16;

/// What a client speaks as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// Runs this cloud service.
    Operator,
    /// Speaks for this provider.
    Provider(ProviderId),
}

impl Role {
    /// The word in tokens and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Provider(_) => "provider",
        }
    }

    /// Whom it speaks for, if anybody.
    pub const fn provider(&self) -> Option<&ProviderId> {
        match self {
            Self::Operator => None,
            Self::Provider(id) => Some(id),
        }
    }
}

/// A token as sent. `Debug` does not show it.
#[derive(Debug)]
pub(crate) struct Token(Secret<String>);

impl Token {
    /// The JWT, for the client that logged in.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'static str,
    aud: &'static str,
    sub: &'a str,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    iat: i64,
    exp: i64,
    jti: String,
}

/// Signs tokens with one key. `Debug` does not show the key.
#[derive(Debug)]
pub(crate) struct TokenSigner {
    key: Secret<EncodingKey>,
    header: Header,
    jwks: String,
}

impl TokenSigner {
    /// A signer with this key, which is named by its RFC 7638 thumbprint.
    pub fn new(key: Secret<EncodingKey>) -> Result<Self, SigningKeyError> {
        let mut jwk = Jwk::from_encoding_key(key.expose(), Algorithm::EdDSA)?;
        let mut kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
        kid.truncate(KID_LENGTH);
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let jwks = serde_json::to_string(&JwkSet { keys: vec![jwk] }).map_err(jsonwebtoken::errors::Error::from)?;
        let header = Header { kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
        Ok(Self { key, header, jwks })
    }

    /// A token for `client`, good from `now` for [`LIFETIME`].
    pub fn sign(&self, subject: &Subject<'_>) -> Result<Token, jsonwebtoken::errors::Error> {
        let claims = Claims {
            iss: ISSUER,
            aud: AUDIENCE,
            sub: subject.client.as_str(),
            role: subject.role.name(),
            provider: subject.role.provider().map(ProviderId::as_str),
            iat: subject.now.as_seconds(),
            exp: subject.now.plus(LIFETIME).as_seconds(),
            jti: URL_SAFE_NO_PAD.encode(subject.randomness.bytes::<16>()),
        };
        jsonwebtoken::encode(&self.header, &claims, self.key.expose()).map(|token| Token(Secret::new(token)))
    }

    /// The public key as a JWK set, in JSON.
    pub fn jwks(&self) -> &str {
        &self.jwks
    }
}

/// Whom a token is for, and the moment and the randomness it is made with.
pub(crate) struct Subject<'a> {
    pub client: &'a ClientId,
    pub role: &'a Role,
    pub now: Timestamp,
    pub randomness: &'a Randomness,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The key of RFC 8037, appendix A.1.
    fn signer() -> TokenSigner {
        let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        der.extend(URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").expect("base64"));
        TokenSigner::new(Secret::new(EncodingKey::from_ed_der(&der))).expect("a key")
    }

    #[test]
    fn the_public_key_and_its_name_are_those_of_the_rfc() {
        let jwks: Value = serde_json::from_str(signer().jwks()).expect("json");
        // Appendix A.2 and, for the name, the first 16 characters of A.3.
        let key = json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "kPrK_qmxVWaYVA9w",
            "use": "sig",
            "alg": "EdDSA",
        });
        assert_eq!(jwks, json!({ "keys": [key] }));
    }

    fn part(token: &Token, nth: usize) -> Value {
        let part = token.expose().split('.').nth(nth).expect("three parts");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("json")
    }

    #[test]
    fn a_token_says_who_and_until_when_and_nothing_more() {
        let randomness = Randomness::seeded(1);
        let client = ClientId::draw(&randomness);
        let provider = ProviderId::draw(&randomness);
        let now = Timestamp::from_micros(1_795_370_400_999_999);
        let sign = |role: &Role| {
            signer().sign(&Subject { client: &client, role, now, randomness: &randomness }).expect("a token")
        };
        let token = sign(&Role::Provider(provider.clone()));
        assert_eq!(part(&token, 0), json!({ "typ": "JWT", "alg": "EdDSA", "kid": "kPrK_qmxVWaYVA9w" }));
        let mut claims = part(&token, 1);
        let id = claims.as_object_mut().and_then(|claims| claims.remove("jti")).expect("jti");
        assert_eq!(id.as_str().map(str::len), Some(22));
        assert_eq!(
            claims,
            json!({
                "iss": "dialtone", "aud": "dialtone-api", "sub": client.as_str(), "role": "provider",
                "provider": provider.as_str(), "iat": 1_795_370_400, "exp": 1_795_371_300,
            })
        );
        let operators = part(&sign(&Role::Operator), 1);
        assert_eq!((operators.get("role"), operators.get("provider")), (Some(&json!("operator")), None));
        assert_ne!(operators.get("jti"), Some(&id));
    }

    #[test]
    fn debug_shows_neither_key_nor_token() {
        let randomness = Randomness::seeded(1);
        let client = ClientId::draw(&randomness);
        let now = Timestamp::from_micros(0);
        let signer = signer();
        let subject = Subject { client: &client, role: &Role::Operator, now, randomness: &randomness };
        let token = signer.sign(&subject).expect("a token");
        let shown = format!("{token:?} {signer:?}");
        assert!(!shown.contains("eyJ") && !shown.contains("157, 97, 177"), "{shown}");
    }
}
