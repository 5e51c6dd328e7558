//! `POST /v1/token`: a client's secret for a token (OAuth 2 client credentials, RFC 6749, section 4.4);
//! and the keys that sign tokens and verify them.

use std::borrow::Cow;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contracts::accounts::{GetKeysRequest, IssueTokenRequest, RotateSigningKeyRequest};
use rpc::{within, within_as};
use serde::Serialize;
use serde_json::json;
use vocabulary::{ErrorKind, Secret};

use super::client_address::ClientAddress;
use super::json::unreadable;
use crate::Gateway;
use crate::auth::{Allowed, Operate};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// RFC 6749, section 5.1. Has no `Debug`.
#[derive(Serialize)]
struct TokenAnswer {
    access_token: String,
    token_type: &'static str,
    /// In seconds.
    expires_in: u32,
    /// Separated by spaces.
    scope: String,
}

/// Who logs in, and with what.
#[derive(Debug, PartialEq, Eq)]
struct Credentials {
    client_id: String,
    client_secret: Secret<String>,
}

/// What a token is asked for with.
#[derive(Debug, PartialEq, Eq)]
struct TokenQuestion {
    credentials: Credentials,
    /// Separated by spaces; empty for all that the client may do (RFC 6749, section 3.3).
    scope: String,
}

/// A token that has just been issued. It is to be kept by nobody on the way (RFC 6749, section 5.1).
pub(super) fn issued(token: String, expires_in: u32, scope: String) -> Response {
    let answer = TokenAnswer { access_token: token, token_type: "Bearer", expires_in, scope };
    ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

/// `POST /v1/token`.
pub(crate) async fn issue(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    ClientAddress(source): ClientAddress,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| unreadable(rejection.into_response().status()))?;
    let TokenQuestion { credentials, scope } = question(&headers, &body)?;
    let request = IssueTokenRequest {
        client_id: credentials.client_id,
        client_secret: credentials.client_secret.expose().clone(),
        source,
        scope,
    };
    let answer =
        gateway.backends().accounts.clone().issue_token(within(PROVIDER_DEADLINE, request)).await?.into_inner();
    Ok(issued(answer.token, answer.expires_in_seconds, answer.scope))
}

/// `POST /v1/keys/rotation`: a new key. It signs once everybody who verifies has had the time to fetch it.
pub(crate) async fn rotate(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<Operate>,
) -> Result<Response, Problem> {
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, RotateSigningKeyRequest {});
    let answer = gateway.backends().accounts.clone().rotate_signing_key(request).await?.into_inner();
    Ok((StatusCode::CREATED, Json(json!({ "kid": answer.kid }))).into_response())
}

/// `GET /.well-known/jwks.json`.
pub(crate) async fn keys(State(gateway): State<Gateway>) -> Result<Response, Problem> {
    let request = within(PROVIDER_DEADLINE, GetKeysRequest {});
    let answer = gateway.backends().accounts.clone().get_keys(request).await?.into_inner();
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "max-age=300")];
    Ok((headers, answer.jwks).into_response())
}

/// Parameters we do not know are ignored (RFC 6749, section 3.2).
fn question(headers: &HeaderMap, body: &[u8]) -> Result<TokenQuestion, Problem> {
    let form = Form::read(headers, body)?;
    let credentials = credentials(headers, &form)?;
    Ok(TokenQuestion { credentials, scope: form.get("scope")?.unwrap_or_default().into_owned() })
}

/// The credentials of a token request, from its form or from HTTP Basic, but not from both (RFC 6749,
/// section 2.3).
fn credentials(headers: &HeaderMap, form: &Form<'_>) -> Result<Credentials, Problem> {
    match form.get("grant_type")? {
        Some(grant) if grant == "client_credentials" => {}
        Some(_) => {
            let sentence = "the only grant type here is grant_type=client_credentials";
            return Err(Problem::malformed("unsupported_grant_type", sentence));
        }
        None => return Err(invalid_request("the form must hold grant_type=client_credentials")),
    }
    let (client_id, client_secret) = (form.get("client_id")?, form.get("client_secret")?);
    match (headers.get(header::AUTHORIZATION), client_id, client_secret) {
        (None, Some(id), Some(secret)) => {
            Ok(Credentials { client_id: id.into_owned(), client_secret: Secret::new(secret.into_owned()) })
        }
        (None, _, _) => Err(invalid_client("give client_id and client_secret, in the form or by HTTP Basic")),
        (Some(_), _, Some(_)) => Err(invalid_request("give the secret in the form or by HTTP Basic, not both")),
        (Some(basic), id, None) => {
            let told = basic.to_str().ok().and_then(basic_credentials);
            let told =
                told.ok_or_else(|| invalid_client("Authorization must be Basic, with client_id:client_secret"))?;
            match id {
                Some(id) if id != told.client_id => Err(invalid_request("two different clients are named")),
                Some(_) | None => Ok(told),
            }
        }
    }
}

/// `Basic …`: base64 of id and secret with a colon between them, each form-encoded first (RFC 6749,
/// section 2.3.1), so that either may hold a colon.
fn basic_credentials(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim_matches(' ')).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(Credentials { client_id: form_decoded(id)?, client_secret: Secret::new(form_decoded(secret)?) })
}

fn form_decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

/// The parameters of the body. Has no `Debug`: one is a secret.
struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Form<'a> {
    fn read(headers: &HeaderMap, body: &'a [u8]) -> Result<Self, Problem> {
        let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = value.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(invalid_request("the body must be a form; send it as application/x-www-form-urlencoded"));
        }
        Ok(Self(form_urlencoded::parse(body).collect()))
    }

    /// A parameter without a value is as if it were left out; one given twice is refused (RFC 6749,
    /// section 3.2).
    fn get(&self, name: &str) -> Result<Option<Cow<'a, str>>, Problem> {
        let mut values = self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.clone());
        let first = values.next();
        if values.next().is_some() {
            return Err(invalid_request(&format!("{name} is given twice")));
        }
        Ok(first.filter(|value| !value.is_empty()))
    }
}

fn invalid_request(sentence: &str) -> Problem {
    Problem::malformed("invalid_request", sentence)
}

fn invalid_client(sentence: &str) -> Problem {
    Problem::new(ErrorKind::Unauthenticated, "invalid_client", sentence)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(basic: Option<&str>, form: &str) -> Result<(String, String), String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some(basic) = basic {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(basic).expect("a header"));
        }
        let TokenQuestion { credentials, .. } =
            question(&headers, form.as_bytes()).map_err(|problem| problem.reason)?;
        Ok((credentials.client_id, credentials.client_secret.expose().clone()))
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    fn pair(id: &str, secret: &str) -> (String, String) {
        (id.to_owned(), secret.to_owned())
    }

    const GRANT: &str = "grant_type=client_credentials";

    #[test]
    fn credentials_come_in_the_form_or_by_basic() {
        assert_eq!(read(None, &format!("{GRANT}&client_id=cli_1&client_secret=a%2Bb+c")), Ok(pair("cli_1", "a+b c")));
        assert_eq!(read(Some(&basic("cli_1:secret")), GRANT), Ok(pair("cli_1", "secret")));
        let padded = basic("cli_1:secret").replacen("Basic ", "basic  ", 1);
        assert_eq!(
            read(Some(&padded), &format!("{GRANT}&client_id=cli_1&client_secret=")),
            Ok(pair("cli_1", "secret"))
        );
        // What we do not know is ignored.
        assert_eq!(read(Some(&basic("cli_1:secret")), &format!("{GRANT}&scope=all")), Ok(pair("cli_1", "secret")));
    }

    #[test]
    fn both_parts_of_basic_are_form_encoded() {
        assert_eq!(read(Some(&basic("cli%3A1:a%2Bb+c%25%c3%a9:d")), GRANT), Ok(pair("cli:1", "a+b c%é:d")));
        // An encoded NUL or line break reaches the service, which refuses it; invalid UTF-8 does not.
        assert_eq!(read(Some(&basic("cli_1:%ff")), GRANT), Err("invalid_client".to_owned()));
    }

    #[test]
    fn the_error_codes_are_those_of_the_rfc() {
        let both = format!("{GRANT}&client_id=cli_1&client_secret=s");
        let ours = basic("cli_1:secret");
        for (basic, form, reason) in [
            (None, "", "invalid_request"),
            (None, "grant_type=", "invalid_request"),
            (None, "grant_type=password", "unsupported_grant_type"),
            (None, "grant_type=Client_Credentials", "unsupported_grant_type"),
            (None, "grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
            (None, GRANT, "invalid_client"),
            (None, "grant_type=client_credentials&client_id=cli_1", "invalid_client"),
            (None, "grant_type=client_credentials&client_id=a&client_secret=b&client_secret=c", "invalid_request"),
            (Some(ours.as_str()), both.as_str(), "invalid_request"),
            (Some(ours.as_str()), "grant_type=client_credentials&client_id=cli_2", "invalid_request"),
            (Some("Bearer abc"), GRANT, "invalid_client"),
            (Some("Basic"), GRANT, "invalid_client"),
            (Some("Basic !!!"), GRANT, "invalid_client"),
            (Some("Basic Y2xpXzE="), GRANT, "invalid_client"),
        ] {
            assert_eq!(read(basic, form), Err(reason.to_owned()), "{basic:?} {form}");
        }
    }

    #[test]
    fn a_token_may_be_asked_for_less() {
        let value = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value)]);
        let scope = |rest: &str| {
            let form = format!("{GRANT}&client_id=cli_1&client_secret=s{rest}");
            question(&headers, form.as_bytes()).map(|question| question.scope).map_err(|problem| problem.reason)
        };
        assert_eq!(scope("").as_deref(), Ok(""));
        assert_eq!(scope("&scope=devices%3Aread+codes%3Aread").as_deref(), Ok("devices:read codes:read"));
        assert_eq!(scope("&scope=a&scope=b"), Err("invalid_request".to_owned()));
    }

    #[test]
    fn only_a_form_is_a_form() {
        for content_type in ["application/json", "", "multipart/form-data; boundary=x"] {
            let value = HeaderValue::from_str(content_type).expect("a header");
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value)]);
            let problem = question(&headers, GRANT.as_bytes()).expect_err(content_type);
            assert_eq!(problem.reason, "invalid_request");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let credentials = basic_credentials(&basic("cli_1:hunter2")).expect("credentials");
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}
