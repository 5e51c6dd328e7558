//! `/v1/tenants`: who stands below, made by whoever stands above and frozen by the operator.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::accounts::{
    CreateTenantRequest, GetSubtreeRequest, ListTenantsRequest, NewSecret, SetFrozenRequest, Tenant, TenantKind,
};
use contracts::redirection::SetProvidersFrozenRequest;
use rpc::{within, within_as};
use serde::{Deserialize, Serialize};
use vocabulary::{ErrorKind, ProviderId};

use super::json::{Body, given, moment};
use super::page::{Page, Query, parsed};
use super::promised;
use super::words::KindWord;
use crate::Gateway;
use crate::auth::{Allowed, Caller, Operate, TenantsRead, TenantsWrite};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// A hundred thousand tenants with the longest names; the usual limit is 4 MiB.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;
/// How many tenants redirection is told of at once: a second's work.
const FROZEN_AT_ONCE: usize = 10_000;

/// A tenant as shown.
#[derive(Debug, Serialize)]
pub(super) struct TenantView {
    id: String,
    /// Whom it stands below; `null` for the operator.
    parent: Option<String>,
    kind: Option<KindWord>,
    name: String,
    /// Itself frozen.
    frozen: bool,
    /// Itself or somebody above frozen.
    stopped: bool,
    created_at: Option<String>,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        Self {
            kind: KindWord::of(tenant.kind()),
            id: tenant.id,
            parent: given(tenant.parent_id),
            name: tenant.name,
            frozen: tenant.frozen,
            stopped: tenant.stopped,
            created_at: moment(tenant.created_at),
        }
    }
}

/// A new tenant, with the only sight there will ever be of its client's secret. Has no `Debug`.
#[derive(Serialize)]
struct NewTenant {
    tenant: TenantView,
    /// `null` unless it was asked for.
    client: Option<SecretView>,
}

/// A secret that is shown once. Has no `Debug`.
#[derive(Serialize)]
pub(super) struct SecretView {
    client_id: String,
    client_secret: String,
}

impl From<NewSecret> for SecretView {
    fn from(new: NewSecret) -> Self {
        Self { client_id: new.client_id, client_secret: new.client_secret }
    }
}

/// A page of tenants.
#[derive(Serialize)]
struct Tenants {
    tenants: Vec<TenantView>,
    /// The `after` of the page that follows; `null` at the end.
    next: Option<String>,
}

/// A tenant to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantBody {
    name: String,
    #[serde(default)]
    kind: KindWord,
    /// Whom it stands below; the tenant acted for where nothing is said.
    parent: Option<String>,
    /// With a first login for a program, which may do everything for it.
    #[serde(default)]
    with_client: bool,
}

/// Whether a tenant is to be frozen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrozenBody {
    frozen: bool,
}

/// `POST /v1/tenants`.
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<TenantsWrite>,
    Body(body): Body<TenantBody>,
) -> Result<Response, Problem> {
    let parent = match body.parent {
        Some(parent) => may_write(caller.at(&gateway, &parent).await?)?,
        None => caller.clone(),
    };
    let request = CreateTenantRequest {
        parent_id: parent.acting_for.id,
        kind: body.kind.kind().into(),
        name: body.name,
        with_client: body.with_client,
        token_scopes: caller.scope_words(),
    };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().accounts.clone().create_tenant(request).await?.into_inner();
    let tenant = promised(answer.tenant)?;
    let headers =
        [(header::LOCATION, format!("/v1/tenants/{}", tenant.id)), (header::CACHE_CONTROL, "no-store".into())];
    let new = NewTenant { tenant: tenant.into(), client: answer.client.map(SecretView::from) };
    Ok((StatusCode::CREATED, headers, Json(new)).into_response())
}

/// What it may do may have changed between two questions.
fn may_write(caller: Caller) -> Result<Caller, Problem> {
    caller.demand(vocabulary::Scope::TenantsWrite).map(|()| caller)
}

/// `GET /v1/tenants?after=&limit=`: those at any depth below the tenant acted for.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<TenantsRead>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let after = parsed::<ProviderId>("after", &page.after)?;
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let request = ListTenantsRequest { above_id: caller.acting_for.id, after, limit: page.limit.0 };
    let request = within(PROVIDER_DEADLINE, request);
    let answer = gateway.backends().accounts.clone().list_tenants(request).await?.into_inner();
    let last = answer.tenants.last().map(|tenant| tenant.id.clone());
    let tenants = answer.tenants.into_iter().map(TenantView::from).collect();
    Ok(Json(Tenants { tenants, next: last.filter(|_| answer.more) }).into_response())
}

/// `GET /v1/tenants/{tenant}`: itself, or one below.
pub(crate) async fn read(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<TenantsRead>,
    Path(tenant): Path<String>,
) -> Result<Response, Problem> {
    let tenant = caller.at(&gateway, &tenant).await?.acting_for;
    Ok(Json(TenantView::from(tenant)).into_response())
}

/// `PUT /v1/tenants/{tenant}/frozen`: stops a tenant and everyone below it, or lets them go on:
///
/// 1. accounts freezes or thaws it. From then on nobody there logs in or acts, and nobody is made below it, so
///    that no tenant can slip past the next step;
/// 2. who stands below, and who of them is stopped now, is learned;
/// 3. their phones are no longer, or again, redirected;
/// 4. where somebody else froze or thawed one of them in the meantime, from step 2 again. Whoever tells redirection
///    last has looked at accounts afterwards, so that both end up of one mind.
///
/// Where it fails half-way, the same request completes it: each step says how things shall be, not what to change.
pub(crate) async fn set_frozen(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<Operate>,
    Path(tenant): Path<String>,
    Body(FrozenBody { frozen }): Body<FrozenBody>,
) -> Result<Response, Problem> {
    let target = caller.at(&gateway, &tenant).await?.acting_for;
    refuse_root(&target)?;
    let mut accounts = gateway.backends().accounts.clone().max_decoding_message_size(LONGEST_ANSWER);
    let request = SetFrozenRequest { tenant_id: target.id.clone(), frozen };
    let answer = accounts.set_frozen(within_as(&caller.actor, PROVIDER_DEADLINE, request)).await?.into_inner();
    let request = GetSubtreeRequest { tenant_id: target.id };
    let mut told = Vec::new();
    loop {
        let subtree = accounts.get_subtree(within(PROVIDER_DEADLINE, request.clone())).await?.into_inner().tenants;
        let wanted: Vec<_> = subtree.into_iter().map(|tenant| (tenant.id, tenant.stopped)).collect();
        if wanted == told {
            break;
        }
        tell_redirection(&gateway, &caller, &wanted).await?;
        told = wanted;
    }
    Ok(Json(TenantView::from(promised(answer.tenant)?)).into_response())
}

/// Nobody could thaw the operator again.
fn refuse_root(tenant: &Tenant) -> Result<(), Problem> {
    if tenant.kind() == TenantKind::Operator {
        return Err(Problem::new(ErrorKind::Conflict, "operator_not_freezable", "the operator cannot be frozen"));
    }
    Ok(())
}

/// Step 3, for tenants and whether each is stopped.
async fn tell_redirection(gateway: &Gateway, caller: &Caller, tenants: &[(String, bool)]) -> Result<(), Problem> {
    let (stopped, free): (Vec<_>, Vec<_>) = tenants.iter().partition(|(_, is_stopped)| *is_stopped);
    for (tenants, frozen) in [(stopped, true), (free, false)] {
        for some in tenants.chunks(FROZEN_AT_ONCE) {
            let provider_ids = some.iter().map(|(id, _)| id.clone()).collect();
            let request = SetProvidersFrozenRequest { provider_ids, frozen };
            let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
            gateway.backends().redirection.clone().set_providers_frozen(request).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(id: &str, parent: &str, frozen: bool) -> Tenant {
        Tenant { id: id.to_owned(), parent_id: parent.to_owned(), frozen, ..Tenant::default() }
    }

    #[test]
    fn bodies_hold_what_is_asked_for_and_nothing_else() {
        assert!(serde_json::from_str::<FrozenBody>(r#"{"frozen":true}"#).is_ok_and(|body| body.frozen));
        for bad in ["{}", r#"{"frozen":"true"}"#, r#"{"frozen":true,"why":"late"}"#] {
            assert!(serde_json::from_str::<FrozenBody>(bad).is_err(), "{bad}");
        }
        let body: TenantBody = serde_json::from_str(r#"{"name":"Acme"}"#).expect("a body");
        assert_eq!((body.kind, body.parent, body.with_client), (KindWord::Provider, None, false));
        assert!(serde_json::from_str::<TenantBody>(r#"{"name":"Acme","frozen":false}"#).is_err());
    }

    #[test]
    fn a_tenant_is_shown_with_when_it_was_made() {
        let shown = Tenant {
            name: "Acme".to_owned(),
            kind: TenantKind::Reseller.into(),
            created_at: 1_795_370_400_000_000,
            ..tenant("prv_1", "", false)
        };
        let json = serde_json::to_string(&TenantView::from(shown)).expect("JSON");
        assert_eq!(
            json,
            concat!(
                r#"{"id":"prv_1","parent":null,"kind":"reseller","name":"Acme","frozen":false,"stopped":false,"#,
                r#""created_at":"2026-11-22T18:00:00.000000Z"}"#,
            )
        );
    }
}
