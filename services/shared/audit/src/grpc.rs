//! The wire: shows the acts of one service's log.

use std::ops::RangeInclusive;

use contracts::audit as wire;
use contracts::audit::audit_service_server::{AuditService, AuditServiceServer};
use rpc::{Refusal, refuse};
use storage::{Db, StoreError};
use tonic::{Request, Response, Status};
use vocabulary::ErrorKind;

use crate::store::{Row, Wanted, acts};

/// The most tenants in one question.
const MOST_TENANTS: usize = 10_000;
/// How many acts may be asked for at once.
const LIMITS: RangeInclusive<u32> = 1..=1000;

/// The log of one service, for readers. Clones share the same database.
#[derive(Debug, Clone)]
pub struct AuditLog {
    db: Db,
    service: &'static str,
}

impl AuditLog {
    /// The log in `db`, the database of the service of that name: `accounts`, say.
    pub const fn new(db: Db, service: &'static str) -> Self {
        Self { db, service }
    }

    /// The generated server in front of this log.
    pub fn into_server(self) -> AuditServiceServer<Self> {
        AuditServiceServer::new(self)
    }

    async fn listed(&self, request: wire::ListActsRequest) -> Result<wire::ListActsResponse, ListError> {
        let (rows, more) = acts(&self.db, &wanted(request)?).await?;
        Ok(wire::ListActsResponse { acts: rows.into_iter().map(|row| self.shown(row)).collect(), more })
    }

    fn shown(&self, row: Row) -> wire::Act {
        wire::Act {
            service: self.service.to_owned(),
            number: u64::try_from(row.number).unwrap_or_default(),
            at: row.at,
            concerns: row.concerns.into_text(),
            subject: row.subject.into_text(),
            subject_tenant: row.subject_tenant.into_text(),
            source: row.source.into_text(),
            request_id: row.request_id.into_text(),
            verb: row.verb.into_text(),
            target: row.target.into_text(),
            detail: row.detail.into_text(),
            previous: row.previous,
            hash: row.hash,
        }
    }
}

#[tonic::async_trait]
impl AuditService for AuditLog {
    async fn list_acts(
        &self,
        request: Request<wire::ListActsRequest>,
    ) -> Result<Response<wire::ListActsResponse>, Status> {
        let answer = self.listed(request.into_inner()).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(answer))
    }
}

/// Why no acts are shown.
#[derive(Debug, thiserror::Error)]
enum ListError {
    #[error("{0} tenants in one question; ask for at most {MOST_TENANTS}")]
    TooMany(usize),
    #[error("limit is {0}; expected {min} to {max}", min = LIMITS.start(), max = LIMITS.end())]
    Limit(u32),
    #[error("cannot look it up: {0}")]
    Store(#[from] StoreError),
}

impl Refusal for ListError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::TooMany(_) | Self::Limit(_) => ErrorKind::Malformed,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TooMany(_) => "too_many_tenants",
            Self::Limit(_) => "invalid_limit",
            Self::Store(_) => "audit_unavailable",
        }
    }
}

fn wanted(request: wire::ListActsRequest) -> Result<Wanted, ListError> {
    if request.concerns.len() > MOST_TENANTS {
        return Err(ListError::TooMany(request.concerns.len()));
    }
    if !LIMITS.contains(&request.limit) {
        return Err(ListError::Limit(request.limit));
    }
    let before = if request.before == 0 { u64::MAX } else { request.before };
    Ok(Wanted {
        concerns: request.concerns,
        verb_prefix: request.verb_prefix,
        target: request.target,
        subject: request.subject,
        from: if request.from == 0 { i64::MIN } else { request.from },
        until: if request.until == 0 { i64::MAX } else { request.until },
        before: i64::try_from(before).unwrap_or(i64::MAX),
        limit: request.limit,
    })
}
