//! `/v1/me`: who the token belongs to, and what a person changes of its own login.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::accounts::{BeginTotpRequest, ChangePasswordRequest, ConfirmTotpRequest};
use rpc::within_as;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vocabulary::{ErrorKind, PersonId};

use super::json::Body;
use super::people::PersonView;
use super::promised;
use super::tenants::TenantView;
use super::words::RoleWord;
use crate::Gateway;
use crate::auth::Caller;
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// Who asks, and for whom.
#[derive(Serialize)]
struct Me {
    subject: String,
    role: Option<RoleWord>,
    /// What it may do.
    scopes: Vec<&'static str>,
    /// Its own tenant.
    tenant: TenantView,
    /// Its own tenant, or the one named in `Dialtone-Tenant`.
    acting_for: TenantView,
}

/// A caller that is a person and no program.
pub(crate) struct PersonCaller {
    id: PersonId,
    caller: Caller,
}

impl FromRequestParts<Gateway> for PersonCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, gateway).await?;
        let id = caller.actor.subject.parse().map_err(|_| {
            let sentence = "a program's login has no password; rotate its secret at /v1/clients/{client}/secrets";
            Problem::new(ErrorKind::Forbidden, "people_only", sentence)
        })?;
        Ok(Self { id, caller })
    }
}

/// A new password. Has no `Debug`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordBody {
    /// The present one.
    password: String,
    new_password: String,
}

/// A second factor to be begun. Has no `Debug`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TotpBody {
    password: String,
}

/// A second factor to be confirmed. Has no `Debug`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TotpCode {
    /// Six digits.
    code: String,
}

/// `GET /v1/me`.
pub(crate) async fn read(caller: Caller) -> Response {
    let me = Me {
        subject: caller.actor.subject,
        role: RoleWord::of(caller.role),
        scopes: caller.scopes.iter().map(vocabulary::Scope::word).collect(),
        tenant: caller.own.into(),
        acting_for: caller.acting_for.into(),
    };
    Json(me).into_response()
}

/// `PUT /v1/me/password`.
pub(crate) async fn change_password(
    State(gateway): State<Gateway>,
    PersonCaller { id, caller }: PersonCaller,
    Body(body): Body<PasswordBody>,
) -> Result<StatusCode, Problem> {
    let PasswordBody { password, new_password } = body;
    let request = ChangePasswordRequest { person_id: id.to_string(), password, new_password };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    gateway.backends().accounts.clone().change_password(request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/me/totp`: a new secret for an authenticator; it is asked for once it has been confirmed.
pub(crate) async fn begin_totp(
    State(gateway): State<Gateway>,
    PersonCaller { id, caller }: PersonCaller,
    Body(body): Body<TotpBody>,
) -> Result<Response, Problem> {
    let request = BeginTotpRequest { person_id: id.to_string(), password: body.password };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().accounts.clone().begin_totp(request).await?.into_inner();
    let shown = json!({ "secret": answer.secret, "uri": answer.uri });
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(shown)).into_response())
}

/// `PUT /v1/me/totp`: a code of the authenticator shows that it has the secret.
pub(crate) async fn confirm_totp(
    State(gateway): State<Gateway>,
    PersonCaller { id, caller }: PersonCaller,
    Body(body): Body<TotpCode>,
) -> Result<Response, Problem> {
    let request = ConfirmTotpRequest { person_id: id.to_string(), code: body.code };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().accounts.clone().confirm_totp(request).await?.into_inner();
    Ok(Json(PersonView::from(promised(answer.person)?)).into_response())
}
