//! A phone tells what became of its resync: `POST /report/{token}`, or `PUT` where its parameter
//! `HTTP_Report_Method` says so.
//!
//! The virtual phone sends JSON (`report_event`). A stock phone sends the XML of its `--status` report;
//! of that only what is documented is used: the firmware, and the customization state where it is named.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::Response;
use contracts::customization::{Evidence, Observation};
use contracts::redirection::ResolveRequest;
use tracing::Instrument;
use vocabulary::MacAddress;

use super::answer;
use super::journal::Recorded;
use super::status_report;
use crate::Gateway;
use crate::listen::Source;
use crate::observation_id::observation_id;
use crate::questions::Resolved;
use crate::report_event::ReportEvent;
use crate::request_id::RequestId;

/// Records a report of the phone that the token was issued to.
///
/// 200: recorded for ever. 202: taken, and recorded as soon as that is possible. 403: no valid token
/// (a 401 would make the phone try its credentials, chapter, Table 2); it gets a new one when it next
/// asks. 400: not a report.
pub(crate) async fn report(
    State(gateway): State<Gateway>,
    Path(token): Path<String>,
    parts: Parts,
    body: Bytes,
) -> Response {
    let Some(mac) = gateway.report_tokens().phone(&token, gateway.clock().now()) else {
        return answer::text(StatusCode::FORBIDDEN, "this address to report to is not valid, or not any more");
    };
    let event = match understand(content_type(&parts), &body) {
        Ok(event) => event,
        Err(sentence) => return answer::text(StatusCode::BAD_REQUEST, &sentence),
    };
    let report =
        Report { mac, event, source: Source::of(&parts).address_text(), request_id: RequestId::draw(&gateway).0 };
    // Not the path: it holds the token.
    let span = tracing::debug_span!("phone.report", request.id = report.request_id, device.mac = %mac);
    record(&gateway, report).instrument(span).await
}

/// A phone's report, believed.
struct Report {
    mac: MacAddress,
    event: ReportEvent,
    /// The address it came from.
    source: String,
    request_id: String,
}

async fn record(gateway: &Gateway, report: Report) -> Response {
    let observation = observation(gateway, report).await;
    match gateway.journal().record(vec![observation]).await {
        Recorded::Durably => answer::text(StatusCode::OK, "recorded"),
        Recorded::Later => answer::text(StatusCode::ACCEPTED, "taken; not yet recorded"),
        Recorded::Never => answer::ask_again(),
    }
}

/// What the body says it is; empty where it says nothing.
pub(super) fn content_type(parts: &Parts) -> &str {
    parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn understand(content_type: &str, body: &Bytes) -> Result<ReportEvent, String> {
    let is_xml = content_type.contains("xml") || body.trim_ascii_start().starts_with(b"<");
    if is_xml { status_report::understand(body) } else { ReportEvent::from_json(body) }
}

async fn observation(gateway: &Gateway, report: Report) -> Observation {
    let Report { mac, event, source, request_id } = report;
    let now = gateway.clock().now();
    Observation {
        id: observation_id(gateway.randomness(), now),
        mac: mac.to_u64(),
        at: now.as_micros(),
        evidence: Evidence::Reported.into(),
        firmware: event.firmware().unwrap_or_default().to_owned(),
        event: Some(event.into_event(now)),
        source,
        request_id,
        provider_id: owner(gateway, mac).await,
        model: String::new(),
        subject: String::new(),
        subject_tenant: String::new(),
        subject_source: String::new(),
    }
}

/// Whose phone it is now; where that cannot be learned, nobody's, which hides nothing from its owner.
async fn owner(gateway: &Gateway, mac: MacAddress) -> String {
    let question = ResolveRequest { mac: mac.to_u64(), ..ResolveRequest::default() };
    match gateway.questions().ask(question).await {
        Ok(Resolved::Redirect(redirected)) => redirected.to.provider_id.clone(),
        Ok(Resolved::Refusal(refusal)) => refusal.provider_id,
        Err(_unanswered) => String::new(),
    }
}
