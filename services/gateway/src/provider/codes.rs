//! `/v1/codes`: the activation codes of a provider, and those that wait for an operator.

use std::marker::PhantomData;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::onboarding::{
    ChangeDirectoryCodeRequest, Code, CodeState, CreateDirectoryCodeRequest, CreatePersonalCodesRequest,
    DecideDirectoryCodeRequest, ExtendPersonalCodeRequest, GetCodeRequest, Kind, ListCodesRequest, RevokeCodeRequest,
    Risk,
};
use contracts::redirection::GetProfileRequest;
use rpc::{Actor, within, within_as};
use serde::{Deserialize, Serialize};
use tonic::Request;
use vocabulary::ProviderId;

use super::code_body::{ChangeBody, DecisionBody, LimitsBody, NewCodes, profile_id, time};
use super::code_lines;
use super::code_sheet;
use super::code_view::{CodeView, NewCodeView, RiskView, kind_name, state_name};
use super::json::Body;
use super::owned::last_of_path;
use super::page::{Limit, Query};
use super::promised;
use crate::Gateway;
use crate::auth::{Allowed, Caller, CodesRead, CodesWrite, Operate, Provider, RouteScope};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// Ten thousand new codes with the longest notes; the usual limit is 4 MiB.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// `/v1/codes/{code}`. Whether the provider has such a code is for the service to say.
pub(crate) struct OwnedCode<S> {
    pub owner: ProviderId,
    pub id: String,
    caller: Caller,
    scope: PhantomData<S>,
}

impl<S: RouteScope> FromRequestParts<Gateway> for OwnedCode<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let Provider { id: owner, caller, .. } = Provider::<S>::from_request_parts(parts, gateway).await?;
        Ok(Self { owner, id: last_of_path(parts).await?, caller, scope: PhantomData })
    }
}

/// A directory code that was just written.
#[derive(Serialize)]
struct Written {
    #[serde(flatten)]
    code: CodeView,
    risk: RiskView,
}

/// Personal codes that were just made.
#[derive(Serialize)]
struct Made {
    codes: Vec<NewCodeView>,
    risk: RiskView,
}

/// A page of codes.
#[derive(Serialize)]
struct Page {
    codes: Vec<CodeView>,
    /// The `after` of the page that follows; `null` at the end.
    next: Option<String>,
    /// Personal codes of the provider that can still be redeemed, and those whose time is over.
    outstanding: u64,
    expired: u64,
}

/// The filters of a list, all of which must hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filters {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    limit: Limit,
}

/// `POST /v1/codes`.
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    Provider { id, caller, .. }: Provider<CodesWrite>,
    headers: HeaderMap,
    Body(body): Body<NewCodes>,
) -> Result<Response, Problem> {
    match body {
        NewCodes::Directory(body) => create_directory(&gateway, &caller.actor, body.check(&id)?).await,
        NewCodes::Personal(body) => {
            let request = within_as(&caller.actor, PROVIDER_DEADLINE, body.check(&id)?);
            create_personal(&gateway, &headers, request).await
        }
    }
}

async fn create_directory(
    gateway: &Gateway,
    actor: &Actor,
    request: CreateDirectoryCodeRequest,
) -> Result<Response, Problem> {
    let profile_carries_secret =
        carries_secret(gateway, request.provider_id.clone(), request.profile_id.clone()).await?;
    let request = CreateDirectoryCodeRequest { profile_carries_secret, ..request };
    let request = within_as(actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().onboarding.clone().create_directory_code(request).await?.into_inner();
    let written = written(answer.code, answer.risk)?;
    let location = format!("/v1/codes/{}", written.code.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(written)).into_response())
}

fn written(code: Option<Code>, risk: Option<Risk>) -> Result<Written, Problem> {
    Ok(Written { code: promised(code)?.into(), risk: promised(risk)?.into() })
}

/// The only sight there will ever be of the digits: as JSON, or as a file for whoever prints letters.
async fn create_personal(
    gateway: &Gateway,
    headers: &HeaderMap,
    request: Request<CreatePersonalCodesRequest>,
) -> Result<Response, Problem> {
    let mut onboarding = gateway.backends().onboarding.clone().max_decoding_message_size(LONGEST_ANSWER);
    let answer = onboarding.create_personal_codes(request).await?.into_inner();
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepted.contains("text/csv") {
        return Ok(code_lines::answer(answer.codes));
    }
    if accepted.contains("text/html") {
        return Ok(code_sheet::answer(answer.codes));
    }
    let risk = promised(answer.risk)?.into();
    let made = Made { codes: answer.codes.into_iter().map(Into::into).collect(), risk };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(made)).into_response())
}

/// `GET /v1/codes?kind=&state=&after=&limit=`: a provider's own codes, or everybody's for an operator,
/// who looks for those that are `queued`.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<CodesRead>,
    Query(filters): Query<Filters>,
) -> Result<Response, Problem> {
    let request = ListCodesRequest {
        provider_id: caller.provider_unless_operator(),
        kind: kind(&filters.kind)?.into(),
        state: state(&filters.state)?.into(),
        after: filters.after,
        limit: filters.limit.0,
    };
    let answer = gateway.backends().onboarding.clone().list_codes(within(PROVIDER_DEADLINE, request)).await?;
    let answer = answer.into_inner();
    let last = answer.codes.last().map(|code| code.id.clone());
    let codes = answer.codes.into_iter().map(CodeView::listed).collect();
    let (outstanding, expired) = (answer.outstanding, answer.expired);
    Ok(Json(Page { codes, next: last.filter(|_| answer.more), outstanding, expired }).into_response())
}

fn kind(text: &str) -> Result<Kind, Problem> {
    let kinds = [Kind::Directory, Kind::Personal];
    match kinds.into_iter().find(|kind| kind_name(*kind) == Some(text)) {
        Some(kind) => Ok(kind),
        None if text.is_empty() => Ok(Kind::Unspecified),
        None => Err(Problem::malformed("invalid_query", "kind: expected directory or personal")),
    }
}

fn state(text: &str) -> Result<CodeState, Problem> {
    use CodeState::{Expired, Open, Queued, Redeemed, Refused, Revoked};

    let states = [Queued, Open, Refused, Redeemed, Expired, Revoked];
    match states.into_iter().find(|state| state_name(*state) == Some(text)) {
        Some(state) => Ok(state),
        None if text.is_empty() => Ok(CodeState::Unspecified),
        None => Err(Problem::malformed(
            "invalid_query",
            "state: expected one of queued, open, refused, redeemed, expired and revoked",
        )),
    }
}

/// `GET /v1/codes/{code}`.
pub(crate) async fn read(State(gateway): State<Gateway>, code: OwnedCode<CodesRead>) -> Result<Response, Problem> {
    Ok(Json(CodeView::from(present(&gateway, &code).await?)).into_response())
}

async fn present<S>(gateway: &Gateway, code: &OwnedCode<S>) -> Result<Code, Problem> {
    let request = GetCodeRequest { provider_id: code.owner.to_string(), code_id: code.id.clone() };
    let answer = gateway.backends().onboarding.clone().get_code(within(PROVIDER_DEADLINE, request)).await?;
    promised(answer.into_inner().code)
}

/// `PATCH /v1/codes/{code}`: the limits and the profile of a directory code, or the end of a personal one.
pub(crate) async fn change(
    State(gateway): State<Gateway>,
    code: OwnedCode<CodesWrite>,
    Body(body): Body<ChangeBody>,
) -> Result<Response, Problem> {
    let present = present(&gateway, &code).await?;
    match (present.kind(), body) {
        (Kind::Directory, ChangeBody { limits, profile, expires_at: None }) => {
            change_directory(&gateway, &code.caller.actor, present, Change { limits, profile }).await
        }
        (Kind::Personal, ChangeBody { limits: None, profile: None, expires_at: Some(expires_at) }) => {
            extend(&gateway, &code, &expires_at).await
        }
        (Kind::Directory | Kind::Personal | Kind::Unspecified, _) => Err(Problem::malformed(
            "invalid_body",
            "of a directory code limits and profile can be changed, of a personal code expires_at",
        )),
    }
}

/// What is to be changed of a directory code.
struct Change {
    limits: Option<LimitsBody>,
    profile: Option<String>,
}

async fn change_directory(
    gateway: &Gateway,
    actor: &Actor,
    present: Code,
    change: Change,
) -> Result<Response, Problem> {
    let limits = match change.limits {
        Some(limits) => Some(limits.check()?),
        None => present.limits,
    };
    let profile_id = change.profile.map_or(Ok(present.profile_id), |profile| profile_id(&profile))?;
    let profile_carries_secret = carries_secret(gateway, present.provider_id.clone(), profile_id.clone()).await?;
    let (provider_id, code_id) = (present.provider_id, present.id);
    let request = ChangeDirectoryCodeRequest { provider_id, code_id, limits, profile_id, profile_carries_secret };
    let request = within_as(actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().onboarding.clone().change_directory_code(request).await?.into_inner();
    Ok(Json(written(answer.code, answer.risk)?).into_response())
}

/// Whether the provider's profile carries a secret; refused where it has no such profile. Such a profile
/// must not be reached with a directory code alone: that is a name, and anybody may type it.
async fn carries_secret(gateway: &Gateway, provider_id: String, profile_id: String) -> Result<bool, Problem> {
    let request = GetProfileRequest { provider_id, profile_id };
    let answer = gateway.backends().redirection.clone().get_profile(within(PROVIDER_DEADLINE, request)).await?;
    Ok(promised(answer.into_inner().profile)?.carries_secret)
}

async fn extend(gateway: &Gateway, code: &OwnedCode<CodesWrite>, expires_at: &str) -> Result<Response, Problem> {
    let request = ExtendPersonalCodeRequest {
        provider_id: code.owner.to_string(),
        code_id: code.id.clone(),
        expires_at: time("expires_at", Some(expires_at))?,
    };
    let request = within_as(&code.caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().onboarding.clone().extend_personal_code(request).await?;
    Ok(Json(CodeView::from(promised(answer.into_inner().code)?)).into_response())
}

/// `DELETE /v1/codes/{code}`: the code is worth nothing from now on; who redeemed it stays where it is.
pub(crate) async fn revoke(State(gateway): State<Gateway>, code: OwnedCode<CodesWrite>) -> Result<Response, Problem> {
    let request = RevokeCodeRequest { provider_id: code.owner.to_string(), code_id: code.id };
    let request = within_as(&code.caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().onboarding.clone().revoke_code(request).await?;
    Ok(Json(CodeView::from(promised(answer.into_inner().code)?)).into_response())
}

/// `PUT /v1/codes/{code}/decision`: an operator's word on a queued directory code.
pub(crate) async fn decide(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<Operate>,
    Path(code_id): Path<String>,
    Body(body): Body<DecisionBody>,
) -> Result<Response, Problem> {
    let request = DecideDirectoryCodeRequest { code_id, approve: body.approve, reason: body.reason };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().onboarding.clone().decide_directory_code(request).await?.into_inner();
    Ok(Json(CodeView::from(promised(answer.code)?)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_words_of_the_answers() {
        assert_eq!(kind("personal").ok(), Some(Kind::Personal));
        assert_eq!(kind("").ok(), Some(Kind::Unspecified));
        assert!(kind("Personal").is_err());
        assert_eq!(state("queued").ok(), Some(CodeState::Queued));
        assert_eq!(state("").ok(), Some(CodeState::Unspecified));
        assert!(state("gone").is_err());
    }
}
