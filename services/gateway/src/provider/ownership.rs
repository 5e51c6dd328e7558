//! `/v1/devices/{mac}/history`: who has had a phone. It travels with the phone; its present owner reads it.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::redirection::{GetOwnershipRequest, Ownership};
use rpc::within;
use serde::Serialize;

use super::json::{given, moment};
use super::owned::NamedPhone;
use crate::Gateway;
use crate::auth::{Allowed, DevicesRead};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// A time in which somebody had the phone.
#[derive(Serialize)]
struct OwnershipView {
    number: u64,
    /// `null` where it was somebody else, who is not told.
    tenant: Option<String>,
    began_by: Option<String>,
    from: Option<String>,
    /// `null`, like `until`, for the present owner.
    ended_by: Option<String>,
    until: Option<String>,
}

impl From<Ownership> for OwnershipView {
    fn from(ownership: Ownership) -> Self {
        Self {
            number: ownership.number,
            tenant: given(ownership.provider_id),
            began_by: given(ownership.began_by),
            from: moment(ownership.from),
            ended_by: given(ownership.ended_by),
            until: moment(ownership.until),
        }
    }
}

/// All of them, newest first.
#[derive(Serialize)]
struct History {
    ownerships: Vec<OwnershipView>,
}

/// `GET /v1/devices/{mac}/history`: newest first. The operator sees everybody's names.
pub(crate) async fn history(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<DevicesRead>,
    NamedPhone(mac): NamedPhone,
) -> Result<Response, Problem> {
    let request = GetOwnershipRequest { provider_id: caller.provider_unless_operator(), mac: mac.to_u64() };
    let request = within(PROVIDER_DEADLINE, request);
    let answer = gateway.backends().redirection.clone().get_ownership(request).await?.into_inner();
    let ownerships = answer.ownerships.into_iter().map(OwnershipView::from).collect();
    Ok(Json(History { ownerships }).into_response())
}
