//! `/v1/windows`: times in which phones that show their certificates become a tenant's.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::redirection::{CloseWindowRequest, ListWindowsRequest, OpenWindowRequest, Window};
use rpc::{within, within_as};
use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use super::code_body::required;
use super::devices::shown;
use super::json::{Body, moment};
use super::mac_block::{BlockBody, prefix_of};
use super::promised;
use crate::Gateway;
use crate::auth::{DevicesRead, DevicesWrite, Provider};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// A window.
#[derive(Serialize)]
struct WindowView {
    id: String,
    /// The profile's id.
    profile: String,
    first: String,
    last: String,
    /// `null` where no prefix is exactly this block.
    prefix: Option<String>,
    from: Option<String>,
    until: Option<String>,
    /// Phones that have become the tenant's through it.
    claimed: u64,
}

impl From<Window> for WindowView {
    fn from(window: Window) -> Self {
        Self {
            id: window.id,
            profile: window.profile_id,
            first: shown(window.first),
            last: shown(window.last),
            prefix: prefix_of(window.first, window.last),
            from: moment(window.from),
            until: moment(window.until),
            claimed: window.claimed,
        }
    }
}

/// The windows of a tenant.
#[derive(Serialize)]
struct Windows {
    windows: Vec<WindowView>,
}

/// A window to be opened.
#[derive(Deserialize)]
pub(crate) struct WindowBody {
    #[serde(flatten)]
    block: BlockBody,
    /// A profile of the tenant's, by its id or its name.
    profile: String,
    /// At most 30 days after now.
    until: String,
}

/// `POST /v1/windows`.
pub(crate) async fn open(
    State(gateway): State<Gateway>,
    Provider { id, caller, .. }: Provider<DevicesWrite>,
    Body(body): Body<WindowBody>,
) -> Result<Response, Problem> {
    let (first, last) = body.block.check()?;
    let until = required::<Timestamp>("until", &body.until)?.as_micros();
    let request = OpenWindowRequest { provider_id: id.to_string(), profile: body.profile, first, last, until };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().redirection.clone().open_window(request).await?.into_inner();
    let window = WindowView::from(promised(answer.window)?);
    let location = format!("/v1/windows/{}", window.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(window)).into_response())
}

/// `GET /v1/windows`: the open ones and those of the last 30 days, newest first.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Provider { id, .. }: Provider<DevicesRead>,
) -> Result<Response, Problem> {
    let request = within(PROVIDER_DEADLINE, ListWindowsRequest { provider_id: id.to_string() });
    let answer = gateway.backends().redirection.clone().list_windows(request).await?.into_inner();
    Ok(Json(Windows { windows: answer.windows.into_iter().map(WindowView::from).collect() }).into_response())
}

/// `DELETE /v1/windows/{window}`: closes it; what it has claimed stays.
pub(crate) async fn close(
    State(gateway): State<Gateway>,
    Provider { id, caller, .. }: Provider<DevicesWrite>,
    Path(window_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let request = CloseWindowRequest { provider_id: id.to_string(), window_id };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    gateway.backends().redirection.clone().close_window(request).await?;
    Ok(StatusCode::NO_CONTENT)
}
