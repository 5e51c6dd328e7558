//! Headers that keep a browser from doing anything with an answer but read it.
//!
//! Every answer has them, a phone's too: they say nothing of the question, and phones read over them.

use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue};

/// A year, which is what the lists of browsers ask for at least (RFC 6797).
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds them. A page that brings a policy of its own keeps it.
pub(super) fn add(headers: &mut HeaderMap, scheme: &str) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let nothing =
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(nothing);
    if scheme == "https" {
        headers.insert(STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_keeps_its_own_policy_and_only_tls_promises_tls() {
        let mut headers = HeaderMap::new();
        add(&mut headers, "http");
        assert_eq!(headers.len(), 3);
        let own = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
        headers.insert(CONTENT_SECURITY_POLICY, own.clone());
        add(&mut headers, "https");
        assert_eq!((headers.len(), headers.get(CONTENT_SECURITY_POLICY)), (4, Some(&own)));
    }
}
