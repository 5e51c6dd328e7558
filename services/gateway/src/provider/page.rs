//! Query strings: cursors, limits and filters. What is not understood is refused, so that a typing
//! error in a filter does not show everything.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// How long a page can be.
const LIMITS: std::ops::RangeInclusive<u32> = 1..=1000;

/// The query string as a `T`, each of whose members is optional.
pub(crate) struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri).map(|axum::extract::Query(query)| Self(query)).map_err(
            |rejection| {
                let text = rejection.body_text();
                let sentence = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
                Problem::malformed("invalid_query", sentence)
            },
        )
    }
}

/// How many things a page holds, 1 to 1000; 100 where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Limit(pub u32);

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

impl TryFrom<String> for Limit {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let limit = text.parse().ok().filter(|limit| LIMITS.contains(limit));
        limit.map(Self).ok_or("expected a number from 1 to 1000")
    }
}

/// Where a list goes on, and how long the page is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// The `next` of the page before.
    #[serde(default)]
    pub after: String,
    #[serde(default)]
    pub limit: Limit,
}

/// The member `name` of a query, where it is given, as a `T`.
pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &str,
    text: &str,
) -> Result<Option<T>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| Problem::malformed("invalid_query", format!("{name}: {error}")))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use vocabulary::MacAddress;

    use super::*;

    async fn page(query: &str) -> Result<(String, u32), String> {
        let request = Request::builder().uri(format!("/v1/profiles{query}")).body(()).expect("a request");
        let (mut parts, ()) = request.into_parts();
        let page = Query::<Page>::from_request_parts(&mut parts, &()).await.map_err(|problem| problem.detail)?;
        Ok((page.0.after, page.0.limit.0))
    }

    #[tokio::test]
    async fn a_page_has_1_to_1000_things() {
        assert_eq!(page("").await, Ok((String::new(), 100)));
        assert_eq!(page("?limit=1000&after=prf_1").await, Ok(("prf_1".to_owned(), 1000)));
        for bad in ["0", "1001", "-1", "+", "ten", "", "4294967297"] {
            let wanted = "limit: expected a number from 1 to 1000";
            assert_eq!(page(&format!("?limit={bad}")).await, Err(wanted.to_owned()), "{bad}");
        }
    }

    #[tokio::test]
    async fn typing_errors_are_refused() {
        let unknown = page("?limt=5").await.expect_err("a typing error");
        assert!(unknown.contains("unknown field `limt`, expected `after` or `limit`"), "{unknown}");
        assert!(page("?limit=5&limit=6").await.expect_err("twice").contains("duplicate field"));
    }

    #[test]
    fn what_cannot_be_parsed_is_named() {
        assert_eq!(parsed::<MacAddress>("after", ""), Ok(None));
        assert!(parsed::<MacAddress>("after", "0004f2aabbcc").is_ok_and(|mac| mac.is_some()));
        let problem = parsed::<MacAddress>("after", "x").expect_err("no address");
        assert!(problem.detail.starts_with("after: not a MAC address"), "{}", problem.detail);
    }
}
