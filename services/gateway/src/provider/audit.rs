//! `/v1/audit`: who did what, for the tenant it concerns.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use contracts::audit::{Act, ListActsRequest};
use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use super::audit_cursor::Cursor;
use super::audit_export::{self, Lines};
use super::audit_merge::page;
use super::json::{given, moment};
use super::page::{Limit, Query, parsed};
use crate::Gateway;
use crate::auth::{Allowed, AuditRead, Caller};
use crate::problem::Problem;

/// An act as shown.
#[derive(Serialize)]
pub(super) struct ActView {
    service: String,
    number: u64,
    at: Option<String>,
    /// The tenant it concerns.
    tenant: Option<String>,
    subject: String,
    /// The tenant the subject belongs to; `null` for phones and services.
    subject_tenant: Option<String>,
    source: Option<String>,
    request_id: Option<String>,
    verb: String,
    target: String,
    detail: serde_json::Value,
    /// What chains it to the act before it in its log, in hexadecimal.
    previous: String,
    hash: String,
}

impl From<Act> for ActView {
    fn from(act: Act) -> Self {
        Self {
            service: act.service,
            number: act.number,
            at: moment(act.at),
            tenant: given(act.concerns),
            subject: act.subject,
            subject_tenant: given(act.subject_tenant),
            source: given(act.source),
            request_id: given(act.request_id),
            verb: act.verb,
            target: act.target,
            detail: serde_json::from_str(&act.detail).unwrap_or(serde_json::Value::String(act.detail)),
            previous: hex(&act.previous),
            hash: hex(&act.hash),
        }
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |four| char::from_digit(u32::from(four), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(digit).collect()
}

/// A page of acts, newest first.
#[derive(Serialize)]
struct Acts {
    acts: Vec<ActView>,
    /// The `cursor` of the page that follows; `null` at the end.
    next: Option<String>,
}

/// The filters of a list, all of which must hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filters {
    /// What the verb begins with, such as `device.`.
    #[serde(default)]
    verb: String,
    #[serde(default)]
    target: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    limit: Limit,
    #[serde(default)]
    cursor: String,
    /// `json` is a page; `csv` and `jsonl` are everything that is left, for export.
    #[serde(default)]
    format: String,
}

impl Filters {
    fn question(&self, caller: &Caller) -> Result<ListActsRequest, Problem> {
        let time = |name: &str, text: &str| -> Result<i64, Problem> {
            Ok(parsed::<Timestamp>(name, text)?.map(Timestamp::as_micros).unwrap_or_default())
        };
        Ok(ListActsRequest {
            // The operator, acting for itself, sees everybody's.
            concerns: if caller.is_operator() { vec![] } else { vec![caller.acting_for.id.clone()] },
            verb_prefix: self.verb.clone(),
            target: self.target.clone(),
            subject: self.subject.clone(),
            from: time("from", &self.from)?,
            until: time("until", &self.until)?,
            before: 0,
            limit: self.limit.0,
        })
    }

    /// `None` for a page of JSON.
    fn export(&self, headers: &HeaderMap) -> Result<Option<Lines>, Problem> {
        let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match self.format.as_str() {
            "csv" => Ok(Some(Lines::Csv)),
            "jsonl" => Ok(Some(Lines::Json)),
            "" if accepted.contains("text/csv") => Ok(Some(Lines::Csv)),
            "" | "json" => Ok(None),
            _ => Err(Problem::malformed("invalid_query", "format: expected json, csv or jsonl")),
        }
    }
}

/// `GET /v1/audit?verb=&target=&subject=&from=&until=&limit=&cursor=&format=`.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<AuditRead>,
    headers: HeaderMap,
    Query(filters): Query<Filters>,
) -> Result<Response, Problem> {
    let question = filters.question(&caller)?;
    let at = parsed::<Cursor>("cursor", &filters.cursor)?.unwrap_or_default();
    if let Some(lines) = filters.export(&headers)? {
        return audit_export::answer(gateway, question, (at, lines)).await;
    }
    let page = page(&gateway, &question, at).await?;
    let next = (!page.next.is_over()).then(|| page.next.text());
    Ok(Json(Acts { acts: page.acts.into_iter().map(ActView::from).collect(), next }).into_response())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn an_act_is_shown_with_its_detail_as_json() {
        let act = Act {
            service: "redirection".to_owned(),
            number: 7,
            verb: "device.put".to_owned(),
            detail: r#"{"profile":"prf_1"}"#.to_owned(),
            previous: vec![0, 255],
            ..Act::default()
        };
        let json = serde_json::to_string(&ActView::from(act)).expect("JSON");
        assert!(json.contains(r#""detail":{"profile":"prf_1"},"previous":"00ff","hash":"""#), "{json}");
        assert!(json.starts_with(r#"{"service":"redirection","number":7,"at":null,"tenant":null"#), "{json}");
    }

    #[test]
    fn what_is_exported_is_asked_for() {
        let lines = |format: &str, accept: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            let filters: Filters = serde_json::from_value(serde_json::json!({ "format": format })).expect("filters");
            filters.export(&headers).map_err(|problem| problem.reason)
        };
        assert_eq!(lines("", "*/*"), Ok(None));
        assert_eq!(lines("", "text/csv"), Ok(Some(Lines::Csv)));
        assert_eq!(lines("json", "text/csv"), Ok(None));
        assert_eq!(lines("jsonl", "*/*"), Ok(Some(Lines::Json)));
        assert_eq!(lines("xml", "*/*"), Err("invalid_query".to_owned()));
    }
}
