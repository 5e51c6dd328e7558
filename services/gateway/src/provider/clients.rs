//! `/v1/clients`: the logins of programs, their secrets, and how they end.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::accounts::{
    Client, CreateClientRequest, ListClientsRequest, NewSecret, RevokeClientRequest, RotateClientSecretRequest,
    SecretInfo,
};
use rpc::{within, within_as};
use serde::{Deserialize, Serialize};
use vocabulary::ClientId;

use super::code_body::time;
use super::json::{Body, moment};
use super::page::{Page, Query, parsed};
use super::promised;
use super::tenants::SecretView;
use super::words::RoleWord;
use crate::Gateway;
use crate::auth::{Allowed, ClientsRead, ClientsWrite};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// How long the secrets before a new one stay good where nothing is said: a day, in seconds.
const OVERLAP: u64 = 86_400;

/// A program's login.
#[derive(Serialize)]
struct ClientView {
    id: String,
    name: String,
    role: Option<RoleWord>,
    /// What it may do of what its role may; empty for all of it.
    scopes: Vec<String>,
    created_at: Option<String>,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    secrets: Vec<SecretInfoView>,
}

/// A secret that is good, without the secret.
#[derive(Serialize)]
struct SecretInfoView {
    id: String,
    created_at: Option<String>,
    expires_at: Option<String>,
}

impl From<Client> for ClientView {
    fn from(client: Client) -> Self {
        Self {
            role: RoleWord::of(client.role()),
            id: client.id,
            name: client.name,
            scopes: client.scopes,
            created_at: moment(client.created_at),
            expires_at: moment(client.expires_at),
            last_used_at: moment(client.last_used_at),
            secrets: client.secrets.into_iter().map(SecretInfoView::from).collect(),
        }
    }
}

impl From<SecretInfo> for SecretInfoView {
    fn from(secret: SecretInfo) -> Self {
        Self { id: secret.id, created_at: moment(secret.created_at), expires_at: moment(secret.expires_at) }
    }
}

/// A login with the only sight there will ever be of its new secret. Has no `Debug`.
#[derive(Serialize)]
struct WithSecret {
    client: ClientView,
    secret: SecretView,
}

/// A page of logins.
#[derive(Serialize)]
struct Clients {
    clients: Vec<ClientView>,
    /// The `after` of the page that follows; `null` at the end.
    next: Option<String>,
}

/// A login to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientBody {
    name: String,
    role: RoleWord,
    #[serde(default)]
    scopes: Vec<String>,
    expires_at: Option<String>,
}

/// A secret to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotationBody {
    /// How long the secrets before it stay good.
    #[serde(default = "overlap")]
    overlap_seconds: u64,
}

const fn overlap() -> u64 {
    OVERLAP
}

/// `POST /v1/clients`.
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<ClientsWrite>,
    Body(body): Body<ClientBody>,
) -> Result<Response, Problem> {
    let request = CreateClientRequest {
        token_scopes: caller.scope_words(),
        tenant_id: caller.acting_for.id,
        name: body.name,
        role: body.role.role().into(),
        scopes: body.scopes,
        expires_at: time("expires_at", body.expires_at.as_deref())?,
    };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().accounts.clone().create_client(request).await?.into_inner();
    with_secret(StatusCode::CREATED, answer.client, answer.secret)
}

fn with_secret(status: StatusCode, client: Option<Client>, secret: Option<NewSecret>) -> Result<Response, Problem> {
    let shown = WithSecret { client: promised(client)?.into(), secret: promised(secret)?.into() };
    Ok((status, [(header::CACHE_CONTROL, "no-store")], Json(shown)).into_response())
}

/// `GET /v1/clients?after=&limit=`.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<ClientsRead>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let after = parsed::<ClientId>("after", &page.after)?;
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let request = ListClientsRequest { tenant_id: caller.acting_for.id, after, limit: page.limit.0 };
    let request = within(PROVIDER_DEADLINE, request);
    let answer = gateway.backends().accounts.clone().list_clients(request).await?.into_inner();
    let last = answer.clients.last().map(|client| client.id.clone());
    let clients = answer.clients.into_iter().map(ClientView::from).collect();
    Ok(Json(Clients { clients, next: last.filter(|_| answer.more) }).into_response())
}

/// `POST /v1/clients/{client}/secrets`: a further secret; those before it end after the overlap.
pub(crate) async fn rotate(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<ClientsWrite>,
    Path(client_id): Path<String>,
    Body(body): Body<RotationBody>,
) -> Result<Response, Problem> {
    let request = RotateClientSecretRequest {
        token_scopes: caller.scope_words(),
        tenant_id: caller.acting_for.id,
        client_id,
        overlap_seconds: body.overlap_seconds,
    };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().accounts.clone().rotate_client_secret(request).await?.into_inner();
    with_secret(StatusCode::CREATED, answer.client, answer.secret)
}

/// `DELETE /v1/clients/{client}`: ends the login, and the tokens it has, at once.
pub(crate) async fn revoke(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<ClientsWrite>,
    Path(client_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let request = RevokeClientRequest { tenant_id: caller.acting_for.id, client_id };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    gateway.backends().accounts.clone().revoke_client(request).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_ends_a_day_after_its_successor_unless_told_otherwise() {
        let overlap = |json: &str| serde_json::from_str::<RotationBody>(json).map(|body| body.overlap_seconds).ok();
        assert_eq!(overlap("{}"), Some(86_400));
        assert_eq!(overlap(r#"{"overlap_seconds":0}"#), Some(0));
        assert_eq!(overlap(r#"{"overlap":0}"#), None);
    }

    #[test]
    fn a_login_is_shown_with_null_for_never() {
        let client = Client { id: "cli_1".to_owned(), secrets: vec![SecretInfo::default()], ..Client::default() };
        let json = serde_json::to_string(&ClientView::from(client)).expect("JSON");
        assert_eq!(
            json,
            concat!(
                r#"{"id":"cli_1","name":"","role":null,"scopes":[],"created_at":null,"expires_at":null,"#,
                r#""last_used_at":null,"secrets":[{"id":"","created_at":null,"expires_at":null}]}"#,
            )
        );
    }
}
