//! The answers that phones get, byte for byte. The only place that makes them.

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use contracts::redirection::Parameter;

use super::flat_profile;
use super::sealed_answer::Sealed;

const REPORT_RULE: &str = "Report_Rule";

const XML: &str = "text/xml; charset=utf-8";

/// The flat profile, with the phone's own place to report to in its `Report_Rule`.
pub(super) fn profile_text(mut parameters: Vec<Parameter>, report_url: Option<&str>) -> String {
    if let Some(url) = report_url {
        add_report_rule(&mut parameters, url);
    }
    flat_profile::render(&parameters)
}

/// 200 and the flat profile.
pub(super) fn profile(text: String) -> Response {
    with_type(StatusCode::OK, XML, text)
}

/// 200 and the flat profile, sealed. The coding of RFC 8188 is announced, and what it holds is XML; the
/// other one is not announced, so that it is only bytes.
pub(super) fn sealed_profile(sealed: Sealed) -> Response {
    match sealed {
        Sealed::Aes128Gcm(bytes) => {
            let mut response = with_type(StatusCode::OK, XML, bytes);
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
            response
        }
        Sealed::Aes256Cbc(bytes) => with_type(StatusCode::OK, "application/octet-stream", bytes),
    }
}

/// A phone reports to at most two places, separated by a space: the provider's first, then ours.
fn add_report_rule(parameters: &mut Vec<Parameter>, url: &str) {
    let ours = format!("[--status] {url}");
    if let Some(theirs) = parameters.iter_mut().find(|parameter| parameter.name == REPORT_RULE) {
        theirs.value = format!("{} {ours}", theirs.value);
        return;
    }
    let (name, user_access) = (REPORT_RULE.to_owned(), "na".to_owned());
    parameters.push(Parameter { name, value: ours, user_access });
}

/// 200 with nothing in it: no provider, as far as this phone may know.
pub(super) fn nothing() -> Response {
    answer(StatusCode::OK, Body::empty())
}

/// 503: the phone asks again by itself (class C).
pub(super) fn ask_again() -> Response {
    text(StatusCode::SERVICE_UNAVAILABLE, "cannot answer now; ask again")
}

/// 400 and what was expected.
pub(super) fn no_address() -> Response {
    text(
        StatusCode::BAD_REQUEST,
        "no MAC address: expected id=MAC[:SERIAL[:MODEL]], such as id=00562b043615:FCH2034D0PL:CP-7832-3PCC",
    )
}

/// 405 and the methods that are taken (RFC 9110, section 15.5.6).
pub(super) fn wrong_method() -> Response {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "ask with GET, HEAD or POST");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET,HEAD,POST"));
    response
}

/// One line of text.
pub(super) fn text(status: StatusCode, line: &str) -> Response {
    with_type(status, "text/plain; charset=utf-8", format!("{line}\n"))
}

fn with_type(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = answer(status, body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// What is true for one phone at one moment must not be kept by a cache in between.
fn answer(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report_rule(parameters: &[Parameter]) -> &str {
        let rules: Vec<_> = parameters.iter().filter(|parameter| parameter.name == REPORT_RULE).collect();
        assert_eq!(rules.len(), 1);
        &rules[0].value
    }

    #[test]
    fn our_place_to_report_to_stands_after_the_providers() {
        let mut parameters = Vec::new();
        add_report_rule(&mut parameters, "https://d.example/report/t");
        assert_eq!(report_rule(&parameters), "[--status] https://d.example/report/t");
        parameters[0].value = "[--delta] https://nps.example/report".to_owned();
        add_report_rule(&mut parameters, "https://d.example/report/t");
        assert_eq!(
            report_rule(&parameters),
            "[--delta] https://nps.example/report [--status] https://d.example/report/t"
        );
    }
}
