//! Who asks under `/v1`, for whom, and what it may do.
//!
//! 1. A bearer token (RFC 6750) names a subject; the [`Verifier`] believes it or not.
//! 2. Accounts says who that is now, and whether it stands at or above the tenant that it wants to act
//!    for. It is asked each time, so that revoking a login and freezing a tenant act at once.
//! 3. The route's extractor, [`Allowed`] or [`Provider`], demands a scope.
//!
//! A handler that takes one of these cannot be reached by anybody else. What a tenant owns is checked
//! by the service that keeps it.

mod allowed;
mod scope;
mod verifier;

use axum::Extension;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use contracts::accounts::{AuthorizeRequest, Role, Tenant, TenantKind};
use rpc::{Actor, within};
use vocabulary::{ErrorKind, ProviderId, Scope, Scopes};

pub(crate) use allowed::{Allowed, Provider};
pub(crate) use scope::{
    AuditRead, ClientsRead, ClientsWrite, CodesRead, CodesWrite, DevicesRead, DevicesWrite, Operate, PeopleRead,
    PeopleWrite, ProfilesRead, ProfilesWrite, RouteScope, TenantsRead, TenantsWrite,
};
use verifier::TokenRefused;
pub(crate) use verifier::Verifier;

use crate::Gateway;
use crate::backends::PROVIDER_DEADLINE;
use crate::listen::Source;
use crate::problem::Problem;
use crate::provider::promised;
use crate::request_id::RequestId;

/// Names the tenant that a request is made for; without it, the caller's own.
const ACTING_FOR: &str = "dialtone-tenant";

/// Somebody whose token is good, and for whom it acts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Caller {
    pub role: Role,
    /// Its own tenant.
    pub own: Tenant,
    /// Its own tenant, or one below.
    pub acting_for: Tenant,
    /// Who stands above the tenant it acts for, from the root down.
    pub ancestors: Vec<String>,
    /// What it may do.
    pub scopes: Scopes,
    /// The same, in the words of the audit log.
    pub actor: Actor,
}

impl Caller {
    /// Refused unless it may do this.
    pub fn demand(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(scope) {
            return Ok(());
        }
        let sentence = format!("this needs the scope {scope}, which your login, its role or its token lacks");
        Err(Problem::new(ErrorKind::Forbidden, "scope_missing", sentence))
    }

    /// What it may do, as the contracts write it: it gives nobody more than that.
    pub fn scope_words(&self) -> Vec<String> {
        self.scopes.iter().map(|scope| scope.to_string()).collect()
    }

    /// Whether it acts for the operator itself, which has no phones and sees everybody's.
    pub fn is_operator(&self) -> bool {
        self.acting_for.kind() == TenantKind::Operator
    }

    /// The tenant it acts for as services know it that take nobody's id for the operator.
    pub fn provider_unless_operator(&self) -> String {
        if self.is_operator() { String::new() } else { self.acting_for.id.clone() }
    }

    /// The same caller, acting for `tenant`; refused where that does not stand at or below its own.
    pub async fn at(&self, gateway: &Gateway, tenant: &str) -> Result<Self, Problem> {
        if tenant.parse::<ProviderId>().is_err() {
            return Err(tenant_not_found());
        }
        authorize(gateway, self.actor.clone(), tenant.to_owned(), self.scope_words()).await
    }
}

impl FromRequestParts<Gateway> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let token = bearer_token(&parts.headers)?;
        let claims = gateway.verifier().verify(token, gateway.clock().now()).await.map_err(refusal)?;
        let tenant = acting_for(&parts.headers)?;
        let id = Extension::<RequestId>::from_request_parts(parts, gateway).await;
        let request_id = id.map(|Extension(RequestId(id))| id).unwrap_or_default();
        let source = Source::of(parts).address_text();
        let actor = Actor { subject: claims.subject, tenant: String::new(), source, request_id };
        authorize(gateway, actor, tenant, claims.scopes).await
    }
}

async fn authorize(gateway: &Gateway, actor: Actor, tenant_id: String, scopes: Vec<String>) -> Result<Caller, Problem> {
    let request = AuthorizeRequest { subject: actor.subject.clone(), tenant_id, scopes };
    let answer = gateway.backends().accounts.clone().authorize(within(PROVIDER_DEADLINE, request)).await?.into_inner();
    let (role, own) = (answer.role(), promised(answer.own)?);
    let acting_for = promised(answer.acting_for)?;
    let actor = Actor { tenant: own.id.clone(), ..actor };
    let scopes = answer.scopes.iter().filter_map(|word| word.parse().ok()).collect();
    Ok(Caller { role, own, acting_for, ancestors: answer.ancestors, scopes, actor })
}

/// The tenant that the header names; empty where there is none. What is no id is nobody below either.
fn acting_for(headers: &HeaderMap) -> Result<String, Problem> {
    let mut named = headers.get_all(ACTING_FOR).iter();
    let Some(value) = named.next() else { return Ok(String::new()) };
    if named.next().is_some() {
        return Err(Problem::malformed("invalid_tenant", "Dialtone-Tenant is given twice; name one tenant"));
    }
    let id = value.to_str().ok().and_then(|text| text.trim().parse::<ProviderId>().ok());
    id.map(|id| id.to_string()).ok_or_else(tenant_not_found)
}

/// What is said of a tenant that does not stand below, whether or not there is one.
pub(crate) fn tenant_not_found() -> Problem {
    Problem::new(ErrorKind::NotFound, "tenant_not_found", "there is no tenant with that id at or below yours")
}

/// The token of `Authorization: Bearer …` (RFC 6750, section 2.1); the scheme in any case.
fn bearer_token(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = headers.get(header::AUTHORIZATION).ok_or_else(token_missing)?;
    let text = value.to_str().map_err(|_| refusal(TokenRefused::Invalid))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(token_missing());
    }
    Ok(token.trim_matches(' '))
}

fn token_missing() -> Problem {
    Problem::new(
        ErrorKind::Unauthenticated,
        "token_missing",
        "this needs a token; get one at POST /v1/token and send it as Authorization: Bearer <token>",
    )
}

fn refusal(refused: TokenRefused) -> Problem {
    let (kind, reason) = match refused {
        TokenRefused::Invalid => (ErrorKind::Unauthenticated, "token_invalid"),
        TokenRefused::Expired => (ErrorKind::Unauthenticated, "token_expired"),
        TokenRefused::Unchecked => (ErrorKind::Unavailable, "unavailable"),
    };
    Problem::new(kind, reason, refused.to_string())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn token(header: &'static str) -> Result<String, String> {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(header))]);
        bearer_token(&headers).map(str::to_owned).map_err(|problem| problem.reason)
    }

    #[test]
    fn the_token_is_found_behind_its_scheme() {
        assert_eq!(token("Bearer a.b.c").as_deref(), Ok("a.b.c"));
        assert_eq!(token("bearer  a.b.c").as_deref(), Ok("a.b.c"));
        assert_eq!(token("Basic a.b.c"), Err("token_missing".to_owned()));
        assert_eq!(token("a.b.c"), Err("token_missing".to_owned()));
        // An empty token is a token that cannot be valid.
        assert_eq!(token("Bearer").as_deref(), Ok(""));
        assert_eq!(bearer_token(&HeaderMap::new()).map_err(|problem| problem.reason), Err("token_missing".to_owned()));
    }

    #[test]
    fn a_refusal_says_where_to_get_a_new_token() {
        for refused in [TokenRefused::Invalid, TokenRefused::Expired] {
            assert!(refusal(refused).detail.contains("POST /v1/token"));
        }
    }

    #[test]
    fn one_tenant_is_named_or_none() {
        let named = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(ACTING_FOR, HeaderValue::from_static(value));
            }
            acting_for(&headers).map_err(|problem| problem.reason)
        };
        let id = "prv_0123456789abcdefghjk";
        assert_eq!(named(&[]).as_deref(), Ok(""));
        assert_eq!(named(&[id]).as_deref(), Ok(id));
        assert_eq!(named(&[id, id]), Err("invalid_tenant".to_owned()));
        for bad in ["", "acme", "prf_0123456789abcdefghjk"] {
            assert_eq!(named(&[bad]), Err("tenant_not_found".to_owned()), "{bad}");
        }
    }

    #[test]
    fn only_a_scope_that_is_there_is_enough() {
        let caller = Caller {
            role: Role::Engineer,
            own: Tenant::default(),
            acting_for: Tenant { kind: TenantKind::Provider.into(), id: "prv_1".to_owned(), ..Tenant::default() },
            ancestors: vec![],
            scopes: Scopes::from_iter([Scope::DevicesRead]),
            actor: Actor {
                subject: "cli_1".into(),
                tenant: "prv_1".into(),
                source: String::new(),
                request_id: String::new(),
            },
        };
        assert_eq!(caller.demand(Scope::DevicesRead), Ok(()));
        let refused = caller.demand(Scope::DevicesWrite).expect_err("it may only read");
        assert_eq!(refused.reason, "scope_missing");
        assert!(refused.detail.contains("devices:write"), "{}", refused.detail);
        assert_eq!(caller.provider_unless_operator(), "prv_1");
    }
}
