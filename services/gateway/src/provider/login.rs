//! `POST /v1/login`: a person's password, and the code of the second factor, for a token.

use axum::extract::State;
use axum::response::Response;
use contracts::accounts::LogInRequest;
use rpc::within;
use serde::Deserialize;

use super::client_address::ClientAddress;
use super::json::Body;
use super::token;
use crate::Gateway;
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// Who logs in. Has no `Debug`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginBody {
    email: String,
    password: String,
    /// Six digits, where the person has a second factor.
    #[serde(default)]
    totp: String,
}

/// `POST /v1/login`. Whatever is wrong, the answer is the same.
pub(crate) async fn log_in(
    State(gateway): State<Gateway>,
    ClientAddress(source): ClientAddress,
    Body(body): Body<LoginBody>,
) -> Result<Response, Problem> {
    let request = LogInRequest { email: body.email, password: body.password, totp: body.totp, source };
    let answer = gateway.backends().accounts.clone().log_in(within(PROVIDER_DEADLINE, request)).await?.into_inner();
    Ok(token::issued(answer.token, answer.expires_in_seconds, answer.scope))
}
