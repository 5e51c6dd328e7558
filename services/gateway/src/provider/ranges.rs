//! `/v1/ranges`: blocks of addresses that the operator has assigned to a tenant.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::redirection::{ChangeRangeRequest, CreateRangeRequest, DeleteRangeRequest, ListRangesRequest, Range};
use rpc::{within, within_as};
use serde::{Deserialize, Serialize};
use vocabulary::RangeId;

use super::devices::shown;
use super::json::{Body, moment};
use super::mac_block::{BlockBody, prefix_of};
use super::page::{Page, Query, parsed};
use super::promised;
use crate::Gateway;
use crate::auth::{Allowed, DevicesRead, DevicesWrite, Operate, Provider};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// A block.
#[derive(Serialize)]
struct RangeView {
    id: String,
    /// The tenant it is assigned to.
    tenant: String,
    /// The profile's id.
    profile: String,
    first: String,
    last: String,
    /// `null` where no prefix is exactly this block.
    prefix: Option<String>,
    created_at: Option<String>,
}

impl From<Range> for RangeView {
    fn from(range: Range) -> Self {
        Self {
            id: range.id,
            tenant: range.provider_id,
            profile: range.profile_id,
            first: shown(range.first),
            last: shown(range.last),
            prefix: prefix_of(range.first, range.last),
            created_at: moment(range.created_at),
        }
    }
}

/// A page of blocks.
#[derive(Serialize)]
struct Ranges {
    ranges: Vec<RangeView>,
    /// The `after` of the page that follows; `null` at the end.
    next: Option<String>,
}

/// A block to be assigned.
#[derive(Deserialize)]
pub(crate) struct RangeBody {
    #[serde(flatten)]
    block: BlockBody,
    /// A profile of the tenant's, by its id or its name.
    profile: String,
}

/// Where a block goes from now on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RangeChange {
    profile: String,
}

/// `POST /v1/ranges`: by the operator, acting for the tenant that is to have the block.
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    Provider { id, caller, .. }: Provider<Operate>,
    Body(body): Body<RangeBody>,
) -> Result<Response, Problem> {
    let (first, last) = body.block.check()?;
    let request = CreateRangeRequest { provider_id: id.to_string(), profile: body.profile, first, last };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().redirection.clone().create_range(request).await?.into_inner();
    let range = RangeView::from(promised(answer.range)?);
    let location = format!("/v1/ranges/{}", range.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(range)).into_response())
}

/// `GET /v1/ranges?after=&limit=`: a tenant's own, or everybody's for the operator.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<DevicesRead>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let after = parsed::<RangeId>("after", &page.after)?;
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let request = ListRangesRequest { provider_id: caller.provider_unless_operator(), after, limit: page.limit.0 };
    let request = within(PROVIDER_DEADLINE, request);
    let answer = gateway.backends().redirection.clone().list_ranges(request).await?.into_inner();
    let last = answer.ranges.last().map(|range| range.id.clone());
    let ranges = answer.ranges.into_iter().map(RangeView::from).collect();
    Ok(Json(Ranges { ranges, next: last.filter(|_| answer.more) }).into_response())
}

/// `PATCH /v1/ranges/{range}`: sends its phones to another profile of the tenant's.
pub(crate) async fn change(
    State(gateway): State<Gateway>,
    Provider { id, caller, .. }: Provider<DevicesWrite>,
    Path(range_id): Path<String>,
    Body(body): Body<RangeChange>,
) -> Result<Response, Problem> {
    let request = ChangeRangeRequest { provider_id: id.to_string(), range_id, profile: body.profile };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().redirection.clone().change_range(request).await?.into_inner();
    Ok(Json(RangeView::from(promised(answer.range)?)).into_response())
}

/// `DELETE /v1/ranges/{range}`: by the operator, acting for the tenant that has the block.
pub(crate) async fn delete(
    State(gateway): State<Gateway>,
    Provider { id, caller, .. }: Provider<Operate>,
    Path(range_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let request = DeleteRangeRequest { provider_id: id.to_string(), range_id };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    gateway.backends().redirection.clone().delete_range(request).await?;
    Ok(StatusCode::NO_CONTENT)
}
