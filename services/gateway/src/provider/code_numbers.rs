//! `/v1/codes/attempts`, `/suggestions` and `/risk`: who tried which code, which codes are free, and how
//! likely one is to be guessed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::onboarding::{Attempt, GetRiskRequest, ListAttemptsRequest, SuggestDirectoryCodesRequest};
use rpc::within;
use serde::{Deserialize, Serialize};
use vocabulary::ProviderId;

use super::code_view::{RiskView, phone};
use super::codes::OwnedCode;
use super::json::{given, moment};
use super::page::{Limit, Query};
use crate::Gateway;
use crate::auth::{Allowed, CodesRead, Provider};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// Somebody tried a code of the provider. The outcome is the true one, which the phone is not told.
#[derive(Serialize)]
struct AttemptView {
    number: u64,
    /// The code's id; `null` where it was none of the provider's.
    code: Option<String>,
    mac: Option<String>,
    model: Option<String>,
    source: Option<String>,
    at: Option<String>,
    outcome: String,
    /// Only of an alert, whose outcome is `search`: how many misses there were in the 24 hours before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    misses: Option<u64>,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            number: attempt.number,
            code: given(attempt.code_id),
            mac: phone(attempt.mac),
            model: given(attempt.model),
            source: given(attempt.source),
            at: moment(attempt.at),
            outcome: attempt.outcome,
            misses: (attempt.misses > 0).then_some(attempt.misses),
        }
    }
}

/// A page of attempts, newest first.
#[derive(Serialize)]
struct Attempts {
    attempts: Vec<AttemptView>,
    /// The `before` of the page that follows; `null` at the end.
    next: Option<u64>,
}

/// Which part of the attempts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// The `next` of the page before.
    #[serde(default)]
    before: u64,
    #[serde(default)]
    limit: Limit,
}

/// `GET /v1/codes/attempts?before=&limit=`.
pub(crate) async fn all_attempts(
    State(gateway): State<Gateway>,
    provider: Provider<CodesRead>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    page(&gateway, (provider.id, String::new()), &part).await
}

/// `GET /v1/codes/{code}/attempts?before=&limit=`.
pub(crate) async fn attempts(
    State(gateway): State<Gateway>,
    code: OwnedCode<CodesRead>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    page(&gateway, (code.owner, code.id), &part).await
}

/// Of this provider and code; of all its codes where the id is empty.
async fn page(gateway: &Gateway, (owner, code_id): (ProviderId, String), part: &Part) -> Result<Response, Problem> {
    let request =
        ListAttemptsRequest { provider_id: owner.to_string(), code_id, before: part.before, limit: part.limit.0 };
    let answer = gateway.backends().onboarding.clone().list_attempts(within(PROVIDER_DEADLINE, request)).await?;
    let answer = answer.into_inner();
    let next = answer.attempts.last().filter(|_| answer.more).map(|attempt| attempt.number);
    let attempts = answer.attempts.into_iter().map(AttemptView::from).collect();
    Ok(Json(Attempts { attempts, next }).into_response())
}

/// What a provider would like its directory code to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// Asks whether this code is free.
    #[serde(default)]
    digits: String,
    /// How long suggested codes are, 3 to 16 digits.
    #[serde(default = "usual_length")]
    length: u32,
    /// How many are suggested, 0 to 20.
    #[serde(default = "usual_count")]
    count: u32,
}

const fn usual_length() -> u32 {
    6
}

const fn usual_count() -> u32 {
    5
}

#[derive(Serialize)]
struct Suggestions {
    /// Whether the code asked for is free; `null` where none was.
    is_free: Option<bool>,
    suggestions: Vec<String>,
}

/// `GET /v1/codes/suggestions?digits=&length=&count=`.
pub(crate) async fn suggestions(
    State(gateway): State<Gateway>,
    _: Allowed<CodesRead>,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    let was_asked = !wish.digits.is_empty();
    let request = SuggestDirectoryCodesRequest { digits: wish.digits, length: wish.length, count: wish.count };
    let request = within(PROVIDER_DEADLINE, request);
    let answer = gateway.backends().onboarding.clone().suggest_directory_codes(request).await?.into_inner();
    let is_free = was_asked.then_some(answer.is_free);
    Ok(Json(Suggestions { is_free, suggestions: answer.suggestions }).into_response())
}

#[derive(Serialize)]
struct Risks {
    /// One for each length.
    risks: Vec<RiskView>,
}

/// `GET /v1/codes/risk`.
pub(crate) async fn risk(State(gateway): State<Gateway>, _: Allowed<CodesRead>) -> Result<Response, Problem> {
    let request = within(PROVIDER_DEADLINE, GetRiskRequest {});
    let answer = gateway.backends().onboarding.clone().get_risk(request).await?.into_inner();
    Ok(Json(Risks { risks: answer.risks.into_iter().map(RiskView::from).collect() }).into_response())
}
