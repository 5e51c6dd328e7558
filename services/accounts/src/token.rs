//! The tokens that are carried: JWTs signed with `EdDSA` (RFC 7519, RFC 8037), and the public key that verifies them
//! (RFC 7517).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use vocabulary::{Randomness, Scopes, Secret, Timestamp};

use crate::role::Role;
use crate::signing_key::{Pkcs8, SigningKeyError};
use crate::tenant::Tenant;

/// Who signs.
const ISSUER: &str = "dialtone";
/// Who believes it: the gateway's `/v1`.
const AUDIENCE: &str = "dialtone-api";
/// How long a token is good for. What is revoked or frozen ends earlier, because its carrier is looked up at each use.
pub(crate) const LIFETIME: Duration = Duration::from_mins(15);
/// How much of the key's thumbprint names it; 96 bits tell keys apart.
const KID_LENGTH: usize = 16;

/// A token as sent. `Debug` does not show it.
#[derive(Debug)]
pub(crate) struct Token(Secret<String>);

impl Token {
    /// The JWT, for the client that logged in.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// What a token says of its carrier.
#[derive(Debug)]
pub(crate) struct Claimed<'a> {
    /// A client's or a person's id.
    pub subject: &'a str,
    pub tenant: &'a Tenant,
    pub role: Role,
    pub scopes: Scopes,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'static str,
    aud: &'static str,
    sub: &'a str,
    tenant: &'a str,
    kind: &'static str,
    role: &'static str,
    scope: String,
    iat: i64,
    exp: i64,
    jti: String,
}

/// The name of a key, which is the beginning of its RFC 7638 thumbprint, and its public part as a JWK in JSON.
pub(crate) fn public_part(secret: &Pkcs8) -> Result<(String, String), SigningKeyError> {
    let mut jwk = Jwk::from_encoding_key(&EncodingKey::from_ed_der(secret.expose()), Algorithm::EdDSA)?;
    let mut kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
    kid.truncate(KID_LENGTH);
    jwk.common.key_id = Some(kid.clone());
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    let jwk = serde_json::to_string(&jwk).map_err(jsonwebtoken::errors::Error::from)?;
    Ok((kid, jwk))
}

/// A token that says what is claimed, good from `now` for [`LIFETIME`], signed with the key of that name.
pub(crate) fn sign(
    claimed: &Claimed<'_>,
    (kid, secret): (&str, &Pkcs8),
    (now, randomness): (Timestamp, &Randomness),
) -> Result<Token, jsonwebtoken::errors::Error> {
    let claims = Claims {
        iss: ISSUER,
        aud: AUDIENCE,
        sub: claimed.subject,
        tenant: claimed.tenant.id.as_str(),
        kind: claimed.tenant.kind.word(),
        role: claimed.role.word(),
        scope: claimed.scopes.to_string(),
        iat: now.as_seconds(),
        exp: now.plus(LIFETIME).as_seconds(),
        jti: URL_SAFE_NO_PAD.encode(randomness.bytes::<16>()),
    };
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) };
    let key = EncodingKey::from_ed_der(secret.expose());
    jsonwebtoken::encode(&header, &claims, &key).map(|token| Token(Secret::new(token)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use vocabulary::{ClientId, Name, ProviderId};

    use super::*;
    use crate::tenant::TenantKind;

    /// The key of RFC 8037, appendix A.1.
    fn key() -> Pkcs8 {
        let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        der.extend(URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").expect("base64"));
        Secret::new(der)
    }

    fn tenant() -> Tenant {
        Tenant {
            id: ProviderId::draw(&Randomness::seeded(3)),
            parent: Some(ProviderId::operator()),
            kind: TenantKind::Reseller,
            level: 2,
            name: Name::stored("Acme".to_owned()),
            frozen_at: None,
            is_stopped: false,
            created_at: Timestamp::from_micros(0),
        }
    }

    #[test]
    fn the_public_key_and_its_name_are_those_of_the_rfc() {
        let (kid, jwk) = public_part(&key()).expect("a key");
        // Appendix A.2 and, for the name, the first 16 characters of A.3.
        let expected = json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "kPrK_qmxVWaYVA9w",
            "use": "sig",
            "alg": "EdDSA",
        });
        assert_eq!(serde_json::from_str::<Value>(&jwk).expect("json"), expected);
        assert_eq!(kid, "kPrK_qmxVWaYVA9w");
    }

    fn part(token: &Token, nth: usize) -> Value {
        let part = token.expose().split('.').nth(nth).expect("three parts");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("json")
    }

    #[test]
    fn a_token_says_who_for_whom_and_until_when_and_nothing_more() {
        let (randomness, tenant) = (Randomness::seeded(1), tenant());
        let client = ClientId::draw(&randomness);
        let now = Timestamp::from_micros(1_795_370_400_999_999);
        let scopes = "devices:read devices:write".parse().expect("scopes");
        let claimed = Claimed { subject: client.as_str(), tenant: &tenant, role: Role::Engineer, scopes };
        let token = sign(&claimed, ("kPrK_qmxVWaYVA9w", &key()), (now, &randomness)).expect("a token");
        assert_eq!(part(&token, 0), json!({ "typ": "JWT", "alg": "EdDSA", "kid": "kPrK_qmxVWaYVA9w" }));
        let mut claims = part(&token, 1);
        let id = claims.as_object_mut().and_then(|claims| claims.remove("jti")).expect("jti");
        assert_eq!(id.as_str().map(str::len), Some(22));
        assert_eq!(
            claims,
            json!({
                "iss": "dialtone", "aud": "dialtone-api", "sub": client.as_str(), "tenant": tenant.id.as_str(),
                "kind": "reseller", "role": "engineer", "scope": "devices:read devices:write",
                "iat": 1_795_370_400, "exp": 1_795_371_300,
            })
        );
        let second = sign(&claimed, ("kPrK_qmxVWaYVA9w", &key()), (now, &randomness)).expect("a token");
        assert_ne!(part(&second, 1).get("jti"), Some(&id));
        assert!(!format!("{token:?}").contains("eyJ"));
    }
}
