//! Pages of codes, and how many there are.

use sqlx::FromRow;
use storage::{Connection, StoreError, on};
use vocabulary::{CodeKind, ProviderId, Timestamp};

use super::row::{CodeRow, columns, count, kind_word};
use crate::record::{NOBODYS, Record};

/// Which codes to list.
#[derive(Debug, Clone)]
pub(crate) struct ListQuery {
    /// `None` for all providers.
    pub provider: Option<ProviderId>,
    pub kind: Option<CodeKind>,
    /// As stored, or `expired`; empty for any.
    pub state: &'static str,
    /// Only ids behind this.
    pub after: String,
    /// At most this many.
    pub limit: u32,
    pub now: Timestamp,
}

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    "
FROM code
WHERE ($1 IS NULL OR provider_id = $1) AND id > $2
AND ($3 IS NULL OR kind = $3)
AND ($4 = ''
     OR $4 = CASE WHEN kind = 'personal' AND state = 'open' AND ends_at <= $5 THEN 'expired' ELSE state END)
ORDER BY id LIMIT $6"
);

/// Part of the codes, in the order of their ids, and whether there are more.
#[tracing::instrument(name = "db.code.list", level = "debug", skip_all)]
pub(crate) async fn code_list(mut conn: Connection<'_>, query: &ListQuery) -> Result<(Vec<Record>, bool), StoreError> {
    let rows: Vec<CodeRow> = on!(conn, conn => sqlx::query_as(LIST)
        .bind(query.provider.as_ref().map(ProviderId::as_str))
        // The first id of all is nobody's.
        .bind(if query.after.is_empty() { NOBODYS } else { query.after.as_str() })
        .bind(query.kind.map(kind_word))
        .bind(query.state)
        .bind(query.now.as_micros())
        // One more than wanted tells whether there are more.
        .bind(i64::from(query.limit) + 1)
        .fetch_all(conn).await?);
    let mut codes = rows.into_iter().map(Record::try_from).collect::<Result<Vec<_>, _>>()?;
    let wanted = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let more = codes.len() > wanted;
    codes.truncate(wanted);
    Ok((codes, more))
}

/// How many personal codes wait for their phone, and how many waited in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub outstanding: u64,
    pub expired: u64,
}

#[derive(FromRow)]
struct CountsRow {
    outstanding: i64,
    expired: i64,
}

const COUNTS: &str = "
SELECT count(*) FILTER (WHERE ends_at > $2) AS outstanding,
       count(*) FILTER (WHERE ends_at <= $2) AS expired
FROM code
WHERE kind = 'personal' AND state = 'open' AND ($1 IS NULL OR provider_id = $1)";

/// The provider's, or everybody's.
pub(crate) async fn code_counts(
    mut conn: Connection<'_>,
    provider: Option<&ProviderId>,
    now: Timestamp,
) -> Result<Counts, StoreError> {
    let provider = provider.map(ProviderId::as_str);
    let row: CountsRow =
        on!(conn, conn => sqlx::query_as(COUNTS).bind(provider).bind(now.as_micros()).fetch_one(conn).await?);
    Ok(Counts { outstanding: count(row.outstanding, "state")?, expired: count(row.expired, "state")? })
}
