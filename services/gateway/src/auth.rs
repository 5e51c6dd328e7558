//! Who asks under `/v1`: bearer tokens (RFC 6750) become a provider or an operator.
//!
//! A handler that takes a [`Provider`] or an [`Operator`] cannot be reached by anybody else. What the
//! provider owns is checked by the service that keeps it.

mod verifier;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use vocabulary::{ErrorKind, ProviderId};

use verifier::TokenRefused;
pub(crate) use verifier::Verifier;

use crate::Gateway;
use crate::problem::Problem;

/// Somebody whose token is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Runs this cloud service; has no phones.
    Operator(Operator),
    /// Speaks for one provider.
    Provider(Provider),
}

/// An operator, by the client it logged in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operator {
    /// The `client_id`, for the log of what operators do.
    pub client: String,
}

/// A provider's program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provider {
    pub id: ProviderId,
}

impl FromRequestParts<Gateway> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let token = bearer_token(&parts.headers)?;
        gateway.verifier().verify(token, gateway.clock().now()).await.map_err(refusal)
    }
}

impl FromRequestParts<Gateway> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, gateway).await? {
            Caller::Operator(operator) => Ok(operator),
            Caller::Provider(_) => Err(Problem::new(
                ErrorKind::Forbidden,
                "operator_only",
                "only an operator may do this; get a token with an operator's client",
            )),
        }
    }
}

impl FromRequestParts<Gateway> for Provider {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, gateway).await? {
            Caller::Provider(provider) => Ok(provider),
            Caller::Operator(_) => Err(Problem::new(
                ErrorKind::Forbidden,
                "provider_only",
                "only a provider may do this, an operator has no phones; get a token with a provider's client",
            )),
        }
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750, section 2.1); the scheme in any case.
fn bearer_token(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = headers.get(header::AUTHORIZATION).ok_or_else(token_missing)?;
    let text = value.to_str().map_err(|_| refusal(TokenRefused::Invalid))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(token_missing());
    }
    Ok(token.trim_matches(' '))
}

fn token_missing() -> Problem {
    Problem::new(
        ErrorKind::Unauthenticated,
        "token_missing",
        "this needs a token; get one at POST /v1/token and send it as Authorization: Bearer <token>",
    )
}

fn refusal(refused: TokenRefused) -> Problem {
    let reason = match refused {
        TokenRefused::Invalid => "token_invalid",
        TokenRefused::Expired => "token_expired",
    };
    Problem::new(ErrorKind::Unauthenticated, reason, refused.to_string())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn token(header: &'static str) -> Result<String, String> {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(header))]);
        bearer_token(&headers).map(str::to_owned).map_err(|problem| problem.reason)
    }

    #[test]
    fn the_token_is_found_behind_its_scheme() {
        assert_eq!(token("Bearer a.b.c").as_deref(), Ok("a.b.c"));
        assert_eq!(token("bearer  a.b.c").as_deref(), Ok("a.b.c"));
        assert_eq!(token("Basic a.b.c"), Err("token_missing".to_owned()));
        assert_eq!(token("a.b.c"), Err("token_missing".to_owned()));
        // An empty token is a token that cannot be valid.
        assert_eq!(token("Bearer").as_deref(), Ok(""));
        assert_eq!(bearer_token(&HeaderMap::new()).map_err(|problem| problem.reason), Err("token_missing".to_owned()));
    }

    #[test]
    fn a_refusal_says_where_to_get_a_new_token() {
        for refused in [TokenRefused::Invalid, TokenRefused::Expired] {
            assert!(refusal(refused).detail.contains("POST /v1/token"));
        }
    }
}
