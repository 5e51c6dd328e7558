//! Addresses that one phone may report to, for a while: `/report/{token}`.
//!
//! The token is a JWT signed with a key that all gateways share (HS256), for exactly one MAC address.
//! It is carried in a URL because that is all a phone's `Report_Rule` has room for; so it is never
//! logged, and it is good for nothing but reports of that phone.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use vocabulary::{MacAddress, Secret, Timestamp};

/// Tells these tokens from any other that the same key might sign one day.
const AUDIENCE: &str = "dialtone-report";

/// Makes and checks report tokens.
pub(crate) struct ReportTokens {
    sign: EncodingKey,
    verify: DecodingKey,
    lifetime: Duration,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    /// The MAC address.
    sub: String,
    exp: i64,
}

impl ReportTokens {
    /// Tokens signed with `key`, good for `lifetime`.
    pub fn new(key: &Secret<[u8; 32]>, lifetime: Duration) -> Self {
        let (sign, verify) = (EncodingKey::from_secret(key.expose()), DecodingKey::from_secret(key.expose()));
        Self { sign, verify, lifetime }
    }

    /// A token with which the phone `mac` may report from `now` on. `None` only where the
    /// cryptographic library fails; the phone then gets its profile without a place to report to.
    pub fn issue(&self, mac: MacAddress, now: Timestamp) -> Option<Secret<String>> {
        let exp = now.plus(self.lifetime).as_seconds();
        let claims = Claims { aud: AUDIENCE.to_owned(), sub: mac.to_string(), exp };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign).ok().map(Secret::new)
    }

    /// The phone that `token` was issued to, unless it is forged or has expired.
    pub fn phone(&self, token: &str, now: Timestamp) -> Option<MacAddress> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["aud", "exp", "sub"]);
        // The library would compare with the machine's clock; ours is an argument.
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.verify, &rules).ok()?.claims;
        if claims.exp <= now.as_seconds() {
            return None;
        }
        claims.sub.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_370_400_000_000);
    const HOUR: Duration = Duration::from_hours(1);

    fn mac() -> MacAddress {
        "00562b043615".parse().expect("an address")
    }

    #[test]
    fn a_token_is_good_for_its_phone_until_it_expires() {
        let tokens = ReportTokens::new(&Secret::new([7; 32]), HOUR);
        let token = tokens.issue(mac(), NOW).expect("a token");
        assert_eq!(tokens.phone(token.expose(), NOW), Some(mac()));
        assert_eq!(tokens.phone(token.expose(), NOW.plus(Duration::from_secs(3599))), Some(mac()));
        assert_eq!(tokens.phone(token.expose(), NOW.plus(HOUR)), None);
    }

    #[test]
    fn forged_tokens_are_refused() {
        let tokens = ReportTokens::new(&Secret::new([7; 32]), HOUR);
        let foreign = ReportTokens::new(&Secret::new([8; 32]), HOUR).issue(mac(), NOW).expect("a token");
        assert_eq!(tokens.phone(foreign.expose(), NOW), None);
        let unsigned =
            "eyJhbGciOiJub25lIn0.eyJhdWQiOiJkaWFsdG9uZS1yZXBvcnQiLCJzdWIiOiIwMDU2MmIwNDM2MTUiLCJleHAiOjk5OTk5OTk5OTl9.";
        assert_eq!(tokens.phone(unsigned, NOW), None);
        let other_audience = Claims { aud: "dialtone-api".to_owned(), sub: mac().to_string(), exp: i64::MAX };
        let signed =
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &other_audience, &tokens.sign).expect("a token");
        assert_eq!(tokens.phone(&signed, NOW), None);
        assert_eq!(tokens.phone("", NOW), None);
    }
}
