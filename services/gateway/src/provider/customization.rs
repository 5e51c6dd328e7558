//! `/v1/devices/{mac}/customization` and `/timeline`: how far a phone has come, and what led there.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use contracts::customization::{GetTimelineRequest, Observation, Phone, State as Customization};
use rpc::within;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vocabulary::ErrorKind;

use super::devices::shown;
use super::json::{JsonText, given, moment};
use super::owned::OwnedPhone;
use super::page::{Limit, Query};
use super::state_name::{phones, state_name};
use super::timeline_view::EntryView;
use crate::Gateway;
use crate::auth::{DevicesRead, DevicesWrite};
use crate::backends::PROVIDER_DEADLINE;
use crate::phone::Recorded;
use crate::problem::Problem;
use crate::report_event::ReportEvent;

/// Where a phone stands.
#[derive(Serialize)]
struct PhoneView {
    mac: String,
    state: Option<&'static str>,
    /// `null` where the phone was never heard of.
    first_contact: Option<String>,
    last_contact: Option<String>,
    firmware: Option<String>,
    model: Option<String>,
    /// When the phone is expected to try its provider again.
    next_retry: Option<String>,
    /// The last failure of the resync now awaited.
    failure: Option<FailureView>,
    /// How many entries its timeline has.
    entries: u64,
    /// When it last acquired its provider's profile.
    acquired_at: Option<String>,
    /// When it asked as after a factory reset, long after that: it may have a new user.
    second_hand_since: Option<String>,
}

#[derive(Serialize)]
struct FailureView {
    class: String,
    /// `null` where the server gave none.
    status: Option<u32>,
}

impl From<Phone> for PhoneView {
    fn from(phone: Phone) -> Self {
        let failure = |class, status: u32| FailureView { class, status: (status != 0).then_some(status) };
        Self {
            state: state_name(phone.state()),
            mac: shown(phone.mac),
            first_contact: moment(phone.first_contact),
            last_contact: moment(phone.last_contact),
            firmware: given(phone.firmware),
            model: given(phone.model),
            next_retry: moment(phone.next_retry),
            failure: phone.failure.map(|failed| failure(failed.class, failed.status)),
            entries: phone.entries,
            acquired_at: moment(phone.acquired_at),
            second_hand_since: moment(phone.second_hand_since),
        }
    }
}

/// Which part of a timeline.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// The `next` of the page before.
    #[serde(default)]
    before: u64,
    #[serde(default)]
    limit: Limit,
}

/// A page of a timeline, newest first.
#[derive(Serialize)]
struct Timeline {
    entries: Vec<EntryView>,
    /// The `before` of the page that follows; `null` at the beginning of the timeline.
    next: Option<u64>,
}

/// `GET /v1/devices/{mac}/customization`.
pub(crate) async fn state(State(gateway): State<Gateway>, phone: OwnedPhone<DevicesRead>) -> Result<Response, Problem> {
    phone.device(&gateway).await?;
    let mac = phone.mac.to_u64();
    let known = phones(&gateway, vec![mac]).await?.into_iter().find(|known| known.mac == mac);
    let known = known.unwrap_or_else(|| Phone { mac, state: Customization::Open.into(), ..Phone::default() });
    Ok(Json(PhoneView::from(known)).into_response())
}

/// `GET /v1/devices/{mac}/timeline?before=&limit=`.
pub(crate) async fn timeline(
    State(gateway): State<Gateway>,
    phone: OwnedPhone<DevicesRead>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    phone.device(&gateway).await?;
    let request = GetTimelineRequest {
        mac: phone.mac.to_u64(),
        provider_id: phone.owner.to_string(),
        before: part.before,
        limit: part.limit.0,
    };
    let answer = gateway.backends().customization.clone().get_timeline(within(PROVIDER_DEADLINE, request)).await?;
    let answer = answer.into_inner();
    let next = answer.entries.last().filter(|_| answer.more).map(|entry| entry.number);
    let entries = answer.entries.into_iter().map(EntryView::from).collect();
    Ok(Json(Timeline { entries, next }).into_response())
}

/// `POST /v1/devices/{mac}/timeline`: the owner states what became of the phone, in the words of a
/// phone's own report.
pub(crate) async fn state_event(
    State(gateway): State<Gateway>,
    phone: OwnedPhone<DevicesWrite>,
    JsonText(body): JsonText,
) -> Result<Response, Problem> {
    let event = ReportEvent::from_json(&body).map_err(|sentence| Problem::malformed("invalid_event", sentence))?;
    phone.device(&gateway).await?;
    let firmware = event.firmware().unwrap_or_default().to_owned();
    let event = event.into_event(gateway.clock().now());
    let observation = Observation { firmware, ..phone.stated(&gateway, event) };
    match gateway.journal().record(vec![observation]).await {
        Recorded::Durably => Ok(Json(json!({ "recorded": true })).into_response()),
        Recorded::Later => Ok((StatusCode::ACCEPTED, Json(json!({ "recorded": false }))).into_response()),
        Recorded::Never => Err(Problem::new(
            ErrorKind::Unavailable,
            "not_recorded",
            "the timeline cannot be written now, and too much waits to be written; try again later",
        )),
    }
}

#[cfg(test)]
mod tests {
    use contracts::customization::ResyncFailed;

    use super::*;

    fn json(phone: Phone) -> String {
        serde_json::to_string(&PhoneView::from(phone)).expect("JSON")
    }

    #[test]
    fn a_phone_never_heard_of_has_a_state_and_nulls() {
        let phone = Phone { mac: 0x0004_f2aa_bbcc, state: Customization::Open.into(), ..Phone::default() };
        assert_eq!(
            json(phone),
            concat!(
                r#"{"mac":"0004f2aabbcc","state":"Open","first_contact":null,"last_contact":null,"firmware":null,"#,
                r#""model":null,"next_retry":null,"failure":null,"entries":0,"acquired_at":null,"second_hand_since":null}"#,
            )
        );
    }

    #[test]
    fn a_failure_is_told_with_when_it_is_tried_again() {
        let failed = |status| Phone {
            mac: 0x0004_f2aa_bbcc,
            state: Customization::CustomPending.into(),
            next_retry: 1_795_370_400_000_000,
            failure: Some(ResyncFailed { class: "B".to_owned(), status, retry_at: 1_795_370_400_000_000 }),
            ..Phone::default()
        };
        assert!(
            json(failed(404))
                .contains(r#""next_retry":"2026-11-22T18:00:00.000000Z","failure":{"class":"B","status":404}"#)
        );
        assert!(json(failed(0)).contains(r#""failure":{"class":"B","status":null}"#));
    }
}
