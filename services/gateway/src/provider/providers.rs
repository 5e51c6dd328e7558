//! `/v1/providers`: the tenants, made and frozen by operators.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::accounts::{
    CreateProviderRequest, GetProviderRequest, ListProvidersRequest, Provider as Account, SetFrozenRequest,
};
use contracts::redirection::SetProviderFrozenRequest;
use rpc::within;
use serde::{Deserialize, Serialize};
use vocabulary::{ErrorKind, ProviderId};

use super::json::{Body, moment};
use super::page::{Page, Query, parsed};
use super::promised;
use crate::Gateway;
use crate::auth::{Caller, Operator};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// A provider as shown.
#[derive(Debug, Serialize)]
struct ProviderView {
    id: String,
    name: String,
    frozen: bool,
    created_at: Option<String>,
}

impl From<Account> for ProviderView {
    fn from(provider: Account) -> Self {
        let created_at = moment(provider.created_at);
        Self { id: provider.id, name: provider.name, frozen: provider.frozen, created_at }
    }
}

/// A new provider, with the only sight there will ever be of its client's secret. Has no `Debug`.
#[derive(Serialize)]
struct NewProvider {
    provider: ProviderView,
    client: ClientView,
}

#[derive(Serialize)]
struct ClientView {
    client_id: String,
    client_secret: String,
}

/// A page of providers.
#[derive(Serialize)]
struct Providers {
    providers: Vec<ProviderView>,
    /// The `after` of the page that follows; `null` at the end.
    next: Option<String>,
}

/// A provider to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderBody {
    name: String,
}

/// Whether a provider is to be frozen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrozenBody {
    frozen: bool,
}

/// The provider that the path names.
pub(crate) struct NamedProvider(ProviderId);

impl FromRequestParts<Gateway> for NamedProvider {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, gateway).await;
        let id = path.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(not_found)
    }
}

fn not_found() -> Problem {
    Problem::new(ErrorKind::NotFound, "provider_not_found", "there is no provider with that id")
}

/// `POST /v1/providers`.
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    operator: Operator,
    Body(body): Body<ProviderBody>,
) -> Result<Response, Problem> {
    let request = within(PROVIDER_DEADLINE, CreateProviderRequest { name: body.name });
    let answer = gateway.backends().accounts.clone().create_provider(request).await?.into_inner();
    let (provider, client) = (promised(answer.provider)?, promised(answer.client)?);
    tracing::info!(client.id = operator.client, provider.id, "an operator made a provider");
    let headers =
        [(header::LOCATION, format!("/v1/providers/{}", provider.id)), (header::CACHE_CONTROL, "no-store".into())];
    let client = ClientView { client_id: client.client_id, client_secret: client.client_secret };
    Ok((StatusCode::CREATED, headers, Json(NewProvider { provider: provider.into(), client })).into_response())
}

/// `GET /v1/providers?after=&limit=`.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    _operator: Operator,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let after = parsed::<ProviderId>("after", &page.after)?;
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let request = within(PROVIDER_DEADLINE, ListProvidersRequest { after, limit: page.limit.0 });
    let answer = gateway.backends().accounts.clone().list_providers(request).await?.into_inner();
    let last = answer.providers.last().map(|provider| provider.id.clone());
    let providers = answer.providers.into_iter().map(ProviderView::from).collect();
    Ok(Json(Providers { providers, next: last.filter(|_| answer.more) }).into_response())
}

/// `GET /v1/providers/{provider}`: any for an operator, itself for a provider.
pub(crate) async fn read(
    State(gateway): State<Gateway>,
    caller: Caller,
    NamedProvider(id): NamedProvider,
) -> Result<Response, Problem> {
    let may_know = match caller {
        Caller::Operator(_) => true,
        Caller::Provider(provider) => provider.id == id,
    };
    if !may_know {
        return Err(not_found());
    }
    Ok(Json(ProviderView::from(account(&gateway, &id).await?)).into_response())
}

/// `PUT /v1/providers/{provider}/frozen`. Where it fails half-way, the same request completes it:
///
/// 1. the provider is known, before anything is changed;
/// 2. its phones are no longer, or again, redirected: the greater harm is stopped first;
/// 3. its programs can no longer, or again, log in.
pub(crate) async fn set_frozen(
    State(gateway): State<Gateway>,
    operator: Operator,
    NamedProvider(id): NamedProvider,
    Body(body): Body<FrozenBody>,
) -> Result<Response, Problem> {
    account(&gateway, &id).await?;
    let frozen = body.frozen;
    let redirects = SetProviderFrozenRequest { provider_id: id.to_string(), frozen };
    gateway.backends().redirection.clone().set_provider_frozen(within(PROVIDER_DEADLINE, redirects)).await?;
    let logins = SetFrozenRequest { provider_id: id.to_string(), frozen };
    let answer = gateway.backends().accounts.clone().set_frozen(within(PROVIDER_DEADLINE, logins)).await?;
    tracing::info!(client.id = operator.client, provider.id = %id, frozen, "an operator froze or restored a provider");
    Ok(Json(ProviderView::from(promised(answer.into_inner().provider)?)).into_response())
}

async fn account(gateway: &Gateway, id: &ProviderId) -> Result<Account, Problem> {
    let request = within(PROVIDER_DEADLINE, GetProviderRequest { provider_id: id.to_string() });
    promised(gateway.backends().accounts.clone().get_provider(request).await?.into_inner().provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_hold_what_is_asked_for_and_nothing_else() {
        assert!(serde_json::from_str::<FrozenBody>(r#"{"frozen":true}"#).is_ok_and(|body| body.frozen));
        for bad in ["{}", r#"{"frozen":"true"}"#, r#"{"frozen":true,"why":"late"}"#] {
            assert!(serde_json::from_str::<FrozenBody>(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<ProviderBody>(r#"{"name":"Acme","frozen":false}"#).is_err());
    }

    #[test]
    fn a_provider_is_shown_with_when_it_was_made() {
        let account = Account {
            id: "prv_1".to_owned(),
            name: "Acme".to_owned(),
            frozen: false,
            created_at: 1_795_370_400_000_000,
        };
        let json = serde_json::to_string(&ProviderView::from(account)).expect("JSON");
        assert_eq!(json, r#"{"id":"prv_1","name":"Acme","frozen":false,"created_at":"2026-11-22T18:00:00.000000Z"}"#);
    }
}
