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
pub(super) fn profile_text(parameters: &[Parameter], report_url: Option<&str>) -> String {
    let theirs = parameters.iter().find(|parameter| parameter.name == REPORT_RULE);
    let rule = report_url.map(|url| report_rule(theirs, url));
    let kept = parameters.iter().map(|given| rule.as_ref().filter(|rule| rule.name == given.name).unwrap_or(given));
    flat_profile::render(kept.chain(rule.as_ref().filter(|_| theirs.is_none())))
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
fn report_rule(theirs: Option<&Parameter>, url: &str) -> Parameter {
    let name = REPORT_RULE.to_owned();
    match theirs {
        Some(Parameter { value, user_access, .. }) => {
            Parameter { name, value: format!("{value} [--status] {url}"), user_access: user_access.clone() }
        }
        None => Parameter { name, value: format!("[--status] {url}"), user_access: "na".to_owned() },
    }
}

/// 200 with nothing in it: no provider, as far as this phone may know.
pub(super) fn nothing() -> Response {
    answer(StatusCode::OK, Body::empty())
}

/// 503: the phone asks again by itself (class C).
pub(crate) fn ask_again() -> Response {
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

    fn parameter(name: &str, value: &str) -> Parameter {
        Parameter { name: name.to_owned(), value: value.to_owned(), user_access: "rw".to_owned() }
    }

    #[test]
    fn our_place_to_report_to_stands_after_the_providers() {
        let url = Some("https://d.example/report/t");
        let only_ours = profile_text(&[parameter("A", "a")], url);
        assert!(only_ours.contains(
            "<A ua=\"rw\">a</A>\n<Report_Rule ua=\"na\">[--status] https://d.example/report/t</Report_Rule>\n</flat"
        ));
        let parameters = [parameter(REPORT_RULE, "[--delta] https://nps.example/report"), parameter("A", "a")];
        assert!(profile_text(&parameters, url).contains(
            "<Report_Rule ua=\"rw\">[--delta] https://nps.example/report [--status] https://d.example/report/t\
             </Report_Rule>\n<A ua=\"rw\">a</A>\n</flat"
        ));
        assert!(profile_text(&parameters, None).contains(">[--delta] https://nps.example/report</Report_Rule>"));
    }
}
