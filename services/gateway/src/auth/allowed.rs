//! What stands in a handler's signature: somebody who may do this, and a tenant that can own phones.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use vocabulary::{ErrorKind, ProviderId};

use super::{Caller, RouteScope};
use crate::Gateway;
use crate::problem::Problem;

/// A caller that has the scope `S`.
pub(crate) struct Allowed<S> {
    pub caller: Caller,
    scope: PhantomData<S>,
}

/// The same, acting for a tenant that can own phones: anybody but the operator.
pub(crate) struct Provider<S> {
    pub id: ProviderId,
    pub caller: Caller,
    scope: PhantomData<S>,
}

impl<S: RouteScope> FromRequestParts<Gateway> for Allowed<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, gateway).await?;
        caller.demand(S::SCOPE)?;
        Ok(Self { caller, scope: PhantomData })
    }
}

impl<S: RouteScope> FromRequestParts<Gateway> for Provider<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let Allowed { caller, .. } = Allowed::<S>::from_request_parts(parts, gateway).await?;
        if caller.is_operator() {
            return Err(Problem::new(
                ErrorKind::Forbidden,
                "provider_only",
                "an operator has no phones; name the tenant that you act for in the header Dialtone-Tenant",
            ));
        }
        let id = caller.acting_for.id.parse().map_err(|_| {
            Problem::new(ErrorKind::Internal, "answer_incomplete", "a service gave an incomplete answer")
        })?;
        Ok(Self { id, caller, scope: PhantomData })
    }
}
