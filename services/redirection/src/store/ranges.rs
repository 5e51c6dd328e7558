//! The table `address_range`.

use sqlx::FromRow;
use storage::{Connection, StoreError, Tx, on};
use vocabulary::{MacAddress, ProfileId, ProviderId, RangeId, Timestamp};

use super::{Column, looked_for};
use crate::listing::{Page, PageSize};
use crate::range::{Block, Range};
use crate::refusal::RangeRefused;

const CREATE: &str = "
INSERT INTO address_range (id, provider_id, profile_id, first, last, created_at)
VALUES ($1, $2, $3, $4, $5, $6)";

/// Stores a block that no other crosses.
#[tracing::instrument(name = "db.range.create", level = "debug", skip_all)]
pub(crate) async fn range_create(tx: &mut Tx, range: &Range) -> Result<(), RangeRefused> {
    if let Some(other) = range_crossing(tx, range).await? {
        return Err(RangeRefused::Overlap(other));
    }
    on!(tx, conn => sqlx::query(CREATE)
        .bind(range.id.as_str())
        .bind(range.provider.as_str())
        .bind(range.profile.as_str())
        .bind(range.block.first().cast_signed())
        .bind(range.block.last().cast_signed())
        .bind(range.created_at.as_micros())
        .execute(conn).await.map(|done| done.rows_affected()))
    .map_err(StoreError::from)?;
    Ok(())
}

const CROSSING: &str = "
SELECT first, last FROM address_range
WHERE first <= $2 AND last >= $1
AND NOT (
    provider_id = $3 AND (first <> $1 OR last <> $2)
    AND ((first <= $1 AND last >= $2) OR (first >= $1 AND last <= $2))
)
ORDER BY first LIMIT 1";

/// A block that shares addresses with this one, unless one lies within the other and both are one provider's.
async fn range_crossing(tx: &mut Tx, range: &Range) -> Result<Option<Block>, StoreError> {
    let row: Option<(i64, i64)> = on!(tx, conn => sqlx::query_as(CROSSING)
        .bind(range.block.first().cast_signed())
        .bind(range.block.last().cast_signed())
        .bind(range.provider.as_str())
        .fetch_optional(conn).await?);
    row.map(|(first, last)| block(first, last)).transpose()
}

const COVERING: &str = "
SELECT id, provider_id, profile_id, first, last, created_at
FROM address_range WHERE first <= $1 AND last >= $1
ORDER BY first DESC, last LIMIT 1";

/// The narrowest block that the address is in. (Blocks do not cross, so it is the one that begins last.)
#[tracing::instrument(name = "db.range.covering", level = "debug", skip_all, fields(device.mac = %mac))]
pub(crate) async fn range_covering(mut conn: Connection<'_>, mac: MacAddress) -> Result<Option<Range>, StoreError> {
    let row: Option<RangeRow> =
        on!(conn, conn => sqlx::query_as(COVERING).bind(mac.to_i64()).fetch_optional(conn).await?);
    row.map(Range::try_from).transpose()
}

const LIST: &str = "
SELECT id, provider_id, profile_id, first, last, created_at
FROM address_range WHERE ($1 IS NULL OR provider_id = $1) AND id > $2
ORDER BY id LIMIT $3";

/// The blocks behind the id `after`, of one provider or of all, in the order of their ids.
#[tracing::instrument(name = "db.range.list", level = "debug", skip_all)]
pub(crate) async fn range_list(
    mut conn: Connection<'_>,
    provider: Option<&ProviderId>,
    after: &str,
    size: PageSize,
) -> Result<Page<Range>, StoreError> {
    let rows: Vec<RangeRow> = on!(conn, conn => sqlx::query_as(LIST)
        .bind(provider.map(ProviderId::as_str))
        .bind(looked_for(after))
        .bind(size.and_one())
        .fetch_all(conn).await?);
    let ranges: Result<Vec<Range>, StoreError> = rows.into_iter().map(Range::try_from).collect();
    Ok(Page::cut(ranges?, size))
}

const CHANGE: &str = "
UPDATE address_range SET profile_id = $3
WHERE id = $1 AND provider_id = $2
RETURNING id, provider_id, profile_id, first, last, created_at";

/// Sends the phones of the provider's block to another of its profiles.
#[tracing::instrument(name = "db.range.change", level = "debug", skip_all)]
pub(crate) async fn range_change(
    tx: &mut Tx,
    provider: &ProviderId,
    id: &RangeId,
    profile: &ProfileId,
) -> Result<Range, RangeRefused> {
    let row: Result<Option<RangeRow>, _> = on!(tx, conn => sqlx::query_as(CHANGE)
        .bind(id.as_str())
        .bind(provider.as_str())
        .bind(profile.as_str())
        .fetch_optional(conn).await);
    Ok(row.map_err(StoreError::from)?.ok_or(RangeRefused::Unknown)?.try_into()?)
}

const DELETE: &str = "DELETE FROM address_range WHERE id = $1 AND provider_id = $2 RETURNING first, last";

/// Deletes the provider's block and tells which it was.
#[tracing::instrument(name = "db.range.delete", level = "debug", skip_all)]
pub(crate) async fn range_delete(tx: &mut Tx, provider: &ProviderId, id: &RangeId) -> Result<Block, RangeRefused> {
    let row: Result<Option<(i64, i64)>, _> =
        on!(tx, conn => sqlx::query_as(DELETE).bind(id.as_str()).bind(provider.as_str()).fetch_optional(conn).await);
    let (first, last) = row.map_err(StoreError::from)?.ok_or(RangeRefused::Unknown)?;
    Ok(block(first, last)?)
}

const ALL: &str = "SELECT id, provider_id, profile_id, first, last, created_at FROM address_range";

/// Every block. There are few.
pub(super) async fn ranges(tx: &mut Tx) -> Result<Vec<Range>, StoreError> {
    let rows: Vec<RangeRow> = on!(tx, conn => sqlx::query_as(ALL).fetch_all(conn).await?);
    rows.into_iter().map(Range::try_from).collect()
}

pub(super) fn block(first: i64, last: i64) -> Result<Block, StoreError> {
    let column = Column { table: "address_range", column: "last" };
    Block::new(first.cast_unsigned(), last.cast_unsigned()).map_err(|_| column.impossible())
}

#[derive(FromRow)]
pub(super) struct RangeRow {
    id: String,
    provider_id: String,
    profile_id: String,
    first: i64,
    last: i64,
    created_at: i64,
}

impl TryFrom<RangeRow> for Range {
    type Error = StoreError;

    fn try_from(row: RangeRow) -> Result<Self, StoreError> {
        let column = |column| Column { table: "address_range", column };
        Ok(Self {
            id: column("id").parse(&row.id)?,
            provider: column("provider_id").parse(&row.provider_id)?,
            profile: column("profile_id").parse(&row.profile_id)?,
            block: block(row.first, row.last)?,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}
