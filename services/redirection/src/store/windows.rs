//! The table `claim_window`.

use sqlx::FromRow;
use storage::{Db, StoreError, Tx, on};
use vocabulary::{MacAddress, ProviderId, Timestamp, WindowId};

use super::Column;
use crate::range::Block;
use crate::window::Window;

const CREATE: &str = "
INSERT INTO claim_window (id, provider_id, profile_id, first, last, from_at, until_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// Stores a window.
#[tracing::instrument(name = "db.window.create", level = "debug", skip_all)]
pub(crate) async fn window_create(tx: &mut Tx, window: &Window) -> Result<(), StoreError> {
    on!(tx, conn => { sqlx::query(CREATE)
        .bind(window.id.as_str())
        .bind(window.provider.as_str())
        .bind(window.profile.as_str())
        .bind(window.block.first().cast_signed())
        .bind(window.block.last().cast_signed())
        .bind(window.from.as_micros())
        .bind(window.until.as_micros())
        .execute(conn).await?; });
    Ok(())
}

const IN_THE_WAY: &str = "
SELECT first, last FROM claim_window WHERE until_at > $4 AND first <= $3 AND last >= $2
UNION ALL
SELECT first, last FROM address_range WHERE provider_id <> $1 AND first <= $3 AND last >= $2
LIMIT 1";

/// A block that shares an address with `block`: of an open window, or of another provider.
#[tracing::instrument(name = "db.window.in_the_way", level = "debug", skip_all)]
pub(crate) async fn window_in_the_way(
    tx: &mut Tx,
    provider: &ProviderId,
    block: Block,
    now: Timestamp,
) -> Result<Option<Block>, StoreError> {
    let other: Option<(i64, i64)> = on!(tx, conn => sqlx::query_as(IN_THE_WAY)
        .bind(provider.as_str())
        .bind(block.first().cast_signed())
        .bind(block.last().cast_signed())
        .bind(now.as_micros())
        .fetch_optional(conn).await?);
    other.map(|(first, last)| block_of(first, last)).transpose()
}

const LIST: &str = "
SELECT id, provider_id, profile_id, first, last, from_at, until_at, claimed
FROM claim_window WHERE provider_id = $1 AND until_at > $2
ORDER BY from_at DESC, id LIMIT 1000";

/// The provider's windows that were open at `since` or later, newest first.
#[tracing::instrument(name = "db.window.list", level = "debug", skip_all)]
pub(crate) async fn window_list(db: &Db, provider: &ProviderId, since: Timestamp) -> Result<Vec<Window>, StoreError> {
    let rows: Vec<WindowRow> = on!(db.read().await?, conn => sqlx::query_as(LIST).bind(provider.as_str()).bind(since.as_micros()).fetch_all(conn).await?);
    rows.into_iter().map(Window::try_from).collect()
}

const OPEN: &str = "
SELECT id, provider_id, profile_id, first, last, from_at, until_at, claimed
FROM claim_window WHERE until_at > $1";

/// All windows that are open at `now`.
#[tracing::instrument(name = "db.window.open", level = "debug", skip_all)]
pub(crate) async fn window_open(tx: &mut Tx, now: Timestamp) -> Result<Vec<Window>, StoreError> {
    let rows: Vec<WindowRow> = on!(tx, conn => sqlx::query_as(OPEN).bind(now.as_micros()).fetch_all(conn).await?);
    rows.into_iter().map(Window::try_from).collect()
}

// A window whose profile has been deleted, or whose provider is frozen, waits for nobody.
const WAITING: &str = "
SELECT id, provider_id, profile_id, first, last, from_at, until_at, claimed
FROM claim_window
WHERE until_at > $2 AND first <= $1 AND last >= $1
AND EXISTS (SELECT 1 FROM profile WHERE profile.id = claim_window.profile_id)
AND NOT EXISTS (SELECT 1 FROM frozen_provider WHERE frozen_provider.provider_id = claim_window.provider_id)
LIMIT 2";

/// The one window that waits for the phone.
#[tracing::instrument(name = "db.window.waiting", level = "debug", skip_all, fields(device.mac = %mac))]
pub(crate) async fn window_waiting(tx: &mut Tx, mac: MacAddress, now: Timestamp) -> Result<Option<Window>, StoreError> {
    let rows: Vec<WindowRow> =
        on!(tx, conn => sqlx::query_as(WAITING).bind(mac.to_i64()).bind(now.as_micros()).fetch_all(conn).await?);
    match <[WindowRow; 1]>::try_from(rows) {
        Ok([only]) => only.try_into().map(Some),
        Err(_none_or_two) => Ok(None),
    }
}

const COUNT: &str = "UPDATE claim_window SET claimed = claimed + 1 WHERE id = $1 AND until_at > $2";

/// Counts a phone that became the provider's through the window.
#[tracing::instrument(name = "db.window.count", level = "debug", skip_all)]
pub(crate) async fn window_count(tx: &mut Tx, id: &WindowId, now: Timestamp) -> Result<(), StoreError> {
    let counted = on!(tx, conn => sqlx::query(COUNT).bind(id.as_str()).bind(now.as_micros()).execute(conn).await?.rows_affected());
    StoreError::expect_one(counted)
}

const CLOSE: &str = "
UPDATE claim_window SET until_at = CASE WHEN from_at > $3 THEN from_at ELSE $3 END
WHERE id = $1 AND provider_id = $2 AND until_at > $3";

const IS_KNOWN: &str = "SELECT COUNT(*) FROM claim_window WHERE id = $1 AND provider_id = $2";

/// What became of a wish to close a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    Now,
    Before,
    Unknown,
}

/// Closes the provider's window.
#[tracing::instrument(name = "db.window.close", level = "debug", skip_all)]
pub(crate) async fn window_close(
    tx: &mut Tx,
    provider: &ProviderId,
    id: &WindowId,
    now: Timestamp,
) -> Result<Closed, StoreError> {
    let (id, provider) = (id.as_str(), provider.as_str());
    let closed = on!(tx, conn => sqlx::query(CLOSE).bind(id).bind(provider).bind(now.as_micros()).execute(conn).await?.rows_affected());
    if closed == 1 {
        return Ok(Closed::Now);
    }
    let known: i64 = on!(tx, conn => sqlx::query_scalar(IS_KNOWN).bind(id).bind(provider).fetch_one(conn).await?);
    Ok(if known > 0 { Closed::Before } else { Closed::Unknown })
}

#[derive(FromRow)]
pub(super) struct WindowRow {
    id: String,
    provider_id: String,
    profile_id: String,
    first: i64,
    last: i64,
    from_at: i64,
    until_at: i64,
    claimed: i64,
}

impl TryFrom<WindowRow> for Window {
    type Error = StoreError;

    fn try_from(row: WindowRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column("id").parse(&row.id)?,
            provider: column("provider_id").parse(&row.provider_id)?,
            profile: column("profile_id").parse(&row.profile_id)?,
            block: block_of(row.first, row.last)?,
            from: Timestamp::from_micros(row.from_at),
            until: Timestamp::from_micros(row.until_at),
            claimed: u64::try_from(row.claimed).map_err(|_| column("claimed").impossible())?,
        })
    }
}

fn block_of(first: i64, last: i64) -> Result<Block, StoreError> {
    Block::new(first.cast_unsigned(), last.cast_unsigned()).map_err(|_| column("first").impossible())
}

const fn column(column: &'static str) -> Column {
    Column { table: "claim_window", column }
}
