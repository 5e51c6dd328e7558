//! `/v1/transfers`: a phone asked for by somebody who does not have it, and what its owner says.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::customization::observation::Event;
use contracts::customization::{Associated, Dissociated, Observation};
use contracts::redirection::{
    DecideTransferRequest, GetDeviceRequest, ListTransfersRequest, RequestTransferRequest, Transfer, TransferDecision,
    TransferState,
};
use rpc::{within, within_as};
use serde::{Deserialize, Serialize};
use vocabulary::{MacAddress, Scope, SerialNumber, TransferId};

use super::code_body::required;
use super::devices::{member, shown};
use super::json::{Body, given, moment};
use super::owned::{Said, stated};
use super::page::{Page, Query, parsed};
use super::promised;
use crate::Gateway;
use crate::auth::{Allowed, Caller, DevicesRead, DevicesWrite, Provider};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// A request for a phone.
#[derive(Serialize)]
struct TransferView {
    id: String,
    mac: String,
    claimant: Option<String>,
    /// `null` for the claimant, who is not told whose the phone is.
    owner: Option<String>,
    state: Option<&'static str>,
    statement: Option<String>,
    /// How the claim is proven: `serial`, `manifest` or `none`.
    proof: Option<String>,
    requested_at: Option<String>,
    /// Until when the owner may answer.
    answer_by: Option<String>,
    decided_at: Option<String>,
    decided_by: Option<String>,
    reason: Option<String>,
}

impl From<Transfer> for TransferView {
    fn from(transfer: Transfer) -> Self {
        Self {
            state: state_name(transfer.state()),
            id: transfer.id,
            mac: shown(transfer.mac),
            claimant: given(transfer.claimant_id),
            owner: given(transfer.owner_id),
            statement: given(transfer.statement),
            proof: given(transfer.proof),
            requested_at: moment(transfer.requested_at),
            answer_by: moment(transfer.answer_by),
            decided_at: moment(transfer.decided_at),
            decided_by: given(transfer.decided_by),
            reason: given(transfer.reason),
        }
    }
}

const fn state_name(state: TransferState) -> Option<&'static str> {
    match state {
        TransferState::Unspecified => None,
        TransferState::Requested => Some("requested"),
        TransferState::Escalated => Some("escalated"),
        TransferState::Done => Some("done"),
        TransferState::Refused => Some("refused"),
        TransferState::Cancelled => Some("cancelled"),
        TransferState::Overtaken => Some("overtaken"),
    }
}

/// A page of requests.
#[derive(Serialize)]
struct Transfers {
    transfers: Vec<TransferView>,
    /// The `after` of the page that follows; `null` at the end.
    next: Option<String>,
}

/// A phone that is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferBody {
    mac: String,
    /// Where it goes once it is the claimant's, by id or name.
    profile: String,
    serial: Option<String>,
    /// Why it is the claimant's.
    #[serde(default)]
    statement: String,
}

/// What is said to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DecisionWord {
    Agree,
    Refuse,
    /// The claimant takes it back.
    Cancel,
}

impl DecisionWord {
    const fn decision(self) -> TransferDecision {
        match self {
            Self::Agree => TransferDecision::Agree,
            Self::Refuse => TransferDecision::Refuse,
            Self::Cancel => TransferDecision::Cancel,
        }
    }
}

/// `PUT /v1/transfers/{transfer}/decision`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionBody {
    decision: DecisionWord,
    /// For a refusal.
    #[serde(default)]
    reason: String,
}

/// `POST /v1/transfers`.
pub(crate) async fn request(
    State(gateway): State<Gateway>,
    Provider { id, caller, .. }: Provider<DevicesWrite>,
    Body(body): Body<TransferBody>,
) -> Result<Response, Problem> {
    let serial = member::<SerialNumber>("serial", body.serial.as_deref())?;
    let request = RequestTransferRequest {
        provider_id: id.to_string(),
        mac: required::<MacAddress>("mac", &body.mac)?.to_u64(),
        profile: body.profile,
        serial: serial.map(|serial| serial.to_string()).unwrap_or_default(),
        statement: body.statement,
        ancestors: caller.ancestors.clone(),
    };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().redirection.clone().request_transfer(request).await?.into_inner();
    let transfer = promised(answer.transfer)?;
    tell(&gateway, &caller, &transfer).await;
    let headers = [(header::LOCATION, "/v1/transfers")];
    Ok((StatusCode::CREATED, headers, Json(TransferView::from(transfer))).into_response())
}

/// `GET /v1/transfers?after=&limit=`: a tenant's own requests and those about its phones; for the operator
/// those that wait for it.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<DevicesRead>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let after = parsed::<TransferId>("after", &page.after)?;
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let request = ListTransfersRequest { provider_id: caller.provider_unless_operator(), after, limit: page.limit.0 };
    let request = within(PROVIDER_DEADLINE, request);
    let answer = gateway.backends().redirection.clone().list_transfers(request).await?.into_inner();
    let last = answer.transfers.last().map(|transfer| transfer.id.clone());
    let transfers = answer.transfers.into_iter().map(TransferView::from).collect();
    Ok(Json(Transfers { transfers, next: last.filter(|_| answer.more) }).into_response())
}

/// `PUT /v1/transfers/{transfer}/decision`: the owner, or after its time the operator, agrees or refuses;
/// the claimant takes back.
pub(crate) async fn decide(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<DevicesWrite>,
    Path(transfer_id): Path<String>,
    Body(body): Body<DecisionBody>,
) -> Result<Response, Problem> {
    if caller.is_operator() {
        caller.demand(Scope::Operate)?;
    }
    let request = DecideTransferRequest {
        provider_id: caller.provider_unless_operator(),
        transfer_id,
        decision: body.decision.decision().into(),
        reason: body.reason,
    };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().redirection.clone().decide_transfer(request).await?.into_inner();
    let transfer = promised(answer.transfer)?;
    tell(&gateway, &caller, &transfer).await;
    Ok(Json(TransferView::from(transfer)).into_response())
}

/// Tells the timelines of both where the phone has changed hands. It has whether or not they are told.
async fn tell(gateway: &Gateway, caller: &Caller, transfer: &Transfer) {
    if transfer.state() != TransferState::Done {
        return;
    }
    let request = GetDeviceRequest { provider_id: transfer.claimant_id.clone(), mac: transfer.mac };
    let answer = gateway.backends().redirection.clone().get_device(within(PROVIDER_DEADLINE, request)).await;
    let profile_id = answer.ok().and_then(|answer| answer.into_inner().device).map(|device| device.profile_id);
    let gone = Some((&transfer.owner_id, Event::Dissociated(Dissociated {})));
    let come = profile_id.map(|profile_id| (&transfer.claimant_id, Event::Associated(Associated { profile_id })));
    let events = [gone, come].into_iter().flatten().filter(|(tenant, _)| !tenant.is_empty());
    let told = |(tenant, event): (&String, Event)| {
        let said = Said { mac: transfer.mac, provider_id: tenant.clone(), event };
        let observation = stated(gateway, caller, said);
        // Who decided is the business of whom it decided for.
        if *tenant == caller.acting_for.id {
            observation
        } else {
            Observation { subject: String::new(), ..observation }
        }
    };
    gateway.journal().record(events.map(told).collect()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimant_is_not_told_whose_the_phone_is() {
        let transfer = Transfer {
            id: "trf_1".to_owned(),
            mac: 0x0004_f2aa_bbcc,
            claimant_id: "prv_1".to_owned(),
            state: TransferState::Requested.into(),
            ..Transfer::default()
        };
        let json = serde_json::to_string(&TransferView::from(transfer)).expect("JSON");
        let wanted = r#"{"id":"trf_1","mac":"0004f2aabbcc","claimant":"prv_1","owner":null,"state":"requested","#;
        assert!(json.starts_with(wanted), "{json}");
    }

    #[test]
    fn a_decision_is_one_of_three() {
        let decision = |json: &str| serde_json::from_str::<DecisionBody>(json).map(|body| body.decision).ok();
        assert_eq!(decision(r#"{"decision":"agree"}"#), Some(DecisionWord::Agree));
        assert_eq!(decision(r#"{"decision":"refuse","reason":"no"}"#), Some(DecisionWord::Refuse));
        assert_eq!(decision(r#"{"decision":"perhaps"}"#), None);
    }
}
