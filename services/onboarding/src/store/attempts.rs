//! The tables `attempt` and `budget`: who tried, what came of it, and who may try again.

use std::net::IpAddr;

use sqlx::{FromRow, SqliteExecutor};
use storage::StoreError;
use storage::sqlite::{Db, Tx};
use vocabulary::{CodeId, DeviceModel, MacAddress, ProviderId, Timestamp};

use super::row::{count, impossible, mac};
use crate::attempts::{Network, Outcome, Share};
use crate::record::NOBODYS;

const DAY: i64 = 86_400_000_000;

/// Rows that one transaction forgets at most: more than a group adds, and too few to keep a phone waiting.
const FORGOTTEN: i64 = 256;

/// Somebody typed a code.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// The code that it was, and whose; nobody's where there is no such code.
    pub code: CodeId,
    pub provider: ProviderId,
    pub mac: MacAddress,
    pub model: Option<DeviceModel>,
    pub source: IpAddr,
    pub network: Network,
    pub at: Timestamp,
}

const FORGET_BUDGETS: &str = "
DELETE FROM budget
WHERE key IN (SELECT key FROM budget WHERE whole_at <= $1 ORDER BY whole_at LIMIT $2)";

const FORGET_UNKNOWN: &str = "
DELETE FROM attempt
WHERE number IN (SELECT number FROM attempt WHERE code_id = $1 AND at < $2 ORDER BY at LIMIT $3)";

const FORGET_REFUSED: &str = "
DELETE FROM attempt
WHERE number IN (
    SELECT number FROM attempt WHERE outcome NOT IN ('redeemed', 'repeated') AND at < $1 ORDER BY at LIMIT $2
)";

/// Deletes some of what says nothing any more: budgets that are whole, guesses at nothing after a day, and what was
/// refused `keep_days` ago. Who has redeemed a code is kept as long as the code.
#[tracing::instrument(name = "db.attempt.forget", level = "debug", skip_all)]
pub(crate) async fn forget(tx: &mut Tx, now: Timestamp, keep_days: u32) -> Result<(), StoreError> {
    let now = now.as_micros();
    // A guess adds one attempt, and up to three budgets.
    sqlx::query(FORGET_BUDGETS).bind(now).bind(4 * FORGOTTEN).execute(&mut **tx).await?;
    sqlx::query(FORGET_UNKNOWN).bind(NOBODYS).bind(now - DAY).bind(FORGOTTEN).execute(&mut **tx).await?;
    sqlx::query(FORGET_REFUSED).bind(now - i64::from(keep_days) * DAY).bind(FORGOTTEN).execute(&mut **tx).await?;
    Ok(())
}

const LEVELS: &str = "SELECT key, whole_at FROM budget WHERE key IN ($1, $2, $3)";

/// Whether one of the three has no guess left.
pub(crate) async fn is_exhausted(
    executor: impl SqliteExecutor<'_>,
    shares: &[Share; 3],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let [phone, network, length] = shares;
    let levels: Vec<(String, i64)> = sqlx::query_as(LEVELS)
        .bind(phone.key.as_str())
        .bind(network.key.as_str())
        .bind(length.key.as_str())
        .fetch_all(executor)
        .await?;
    let whole_at = |share: &Share| levels.iter().find(|(key, _)| *key == share.key).map_or(0, |(_, at)| *at);
    Ok(shares.iter().any(|share| share.is_exhausted(Timestamp::from_micros(whole_at(share)), now)))
}

const CHARGE: &str = "
INSERT INTO budget (key, whole_at) VALUES ($1, $2 + $3)
ON CONFLICT (key) DO UPDATE
SET whole_at = max(budget.whole_at, $2) + $3
WHERE max(budget.whole_at, $2) + $3 <= $2 + $4";

/// Takes one guess from each of the three where the guess was wrong. Where it was not, the same statements take
/// nothing, so that the time they need tells nothing. Never takes what is not there: the budget then stays.
pub(super) async fn charge(
    tx: &mut Tx,
    shares: &[Share; 3],
    outcome: Outcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    for share in shares {
        sqlx::query(CHARGE)
            .bind(share.key.as_str())
            .bind(now.as_micros())
            .bind(if outcome.is_wrong() { share.step } else { 0 })
            .bind(share.reach)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

const REPLACE: &str = "
DELETE FROM attempt
WHERE number IN (
    SELECT number FROM attempt WHERE $2 = 'throttled' AND outcome = 'throttled' AND code_id = $1 AND network = $3
    UNION ALL
    SELECT number FROM attempt WHERE $2 = 'repeated' AND outcome = 'repeated' AND code_id = $1 AND mac = $4
)";

const NOTE: &str = "
INSERT INTO attempt (code_id, provider_id, mac, model, source, network, at, outcome)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Notes what came of an attempt. Those that cost the guesser nothing replace the one before, so that nobody can
/// fill the disk: throttled ones of a network, and repetitions by a phone.
pub(super) async fn note(tx: &mut Tx, attempt: &Attempt, outcome: Outcome) -> Result<(), StoreError> {
    sqlx::query(REPLACE)
        .bind(attempt.code.as_str())
        .bind(outcome.word())
        .bind(attempt.network.as_str())
        .bind(attempt.mac.to_i64())
        .execute(&mut **tx)
        .await?;
    sqlx::query(NOTE)
        .bind(attempt.code.as_str())
        .bind(attempt.provider.as_str())
        .bind(attempt.mac.to_i64())
        .bind(attempt.model.as_ref().map_or("", DeviceModel::as_str))
        .bind(attempt.source.to_string())
        .bind(attempt.network.as_str())
        .bind(attempt.at.as_micros())
        .bind(outcome.word())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

const MISSES: &str = "
SELECT mac, network
FROM attempt
WHERE code_id = $1 AND at > $2
AND outcome IN ('wrong_model', 'wrong_network', 'wrong_phone', 'not_registered')
ORDER BY at DESC LIMIT $3";

/// Phones that brought the code and were outside its limits in the last 24 hours, the newest first, at most so many.
pub(crate) async fn misses_of(
    executor: impl SqliteExecutor<'_>,
    code_id: &str,
    most: u32,
    now: Timestamp,
) -> Result<Vec<(MacAddress, Network)>, StoreError> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as(MISSES).bind(code_id).bind(now.as_micros() - DAY).bind(most).fetch_all(executor).await?;
    rows.into_iter().map(|(bits, network)| Ok((mac(bits, "mac")?, Network::stored(network)))).collect()
}

const ALERTED: &str = "
SELECT EXISTS (SELECT 1 FROM attempt WHERE code_id = $1 AND at > $2 AND outcome = 'search')";

/// Whether the code's provider was alerted in the 24 hours before this miss.
pub(crate) async fn is_alerted(executor: impl SqliteExecutor<'_>, miss: &Attempt) -> Result<bool, StoreError> {
    let since = miss.at.as_micros() - DAY;
    Ok(sqlx::query_scalar(ALERTED).bind(miss.code.as_str()).bind(since).fetch_one(executor).await?)
}

const ALERT: &str = "
INSERT INTO attempt (code_id, provider_id, mac, model, source, network, at, outcome, misses)
SELECT $1, $2, $3, $4, $5, $6, $7, 'search', (
    SELECT count(*)
    FROM attempt
    WHERE code_id = $1 AND at > $8
    AND outcome IN ('wrong_model', 'wrong_network', 'wrong_phone', 'not_registered')
)
WHERE NOT EXISTS (SELECT 1 FROM attempt WHERE code_id = $1 AND at > $8 AND outcome = 'search')";

/// Notes for the provider that the misses of the last 24 hours, of which this is one, look like a search. `false`
/// where somebody else has done so.
#[tracing::instrument(name = "db.attempt.alert", level = "debug", skip_all, fields(code.id = %miss.code))]
pub(crate) async fn alert(db: &Db, miss: &Attempt) -> Result<bool, StoreError> {
    let mut tx = db.write().await?;
    let noted = sqlx::query(ALERT)
        .bind(miss.code.as_str())
        .bind(miss.provider.as_str())
        .bind(miss.mac.to_i64())
        .bind(miss.model.as_ref().map_or("", DeviceModel::as_str))
        .bind(miss.source.to_string())
        .bind(miss.network.as_str())
        .bind(miss.at.as_micros())
        .bind(miss.at.as_micros() - DAY)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(noted.rows_affected() == 1)
}

/// An attempt as its provider sees it.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub number: u64,
    pub code_id: String,
    pub mac: MacAddress,
    pub model: String,
    pub source: String,
    pub at: Timestamp,
    pub outcome: Outcome,
    /// Of an entry that tells of a search: how many misses there were in the 24 hours before it.
    pub misses: u64,
}

#[derive(FromRow)]
struct AttemptRow {
    number: i64,
    code_id: String,
    mac: i64,
    model: String,
    source: String,
    at: i64,
    outcome: String,
    misses: i64,
}

const ATTEMPTS: &str = "
SELECT number, code_id, mac, model, source, at, outcome, misses
FROM attempt
WHERE provider_id = $1 AND ($2 = '' OR code_id = $2) AND number < $3
ORDER BY number DESC LIMIT $4";

/// The newest attempts at a provider's codes, or at one of them, numbered below `before`.
#[tracing::instrument(name = "db.attempt.list", level = "debug", skip_all)]
pub(crate) async fn attempts_of(
    executor: impl SqliteExecutor<'_>,
    codes: (&ProviderId, &str),
    before: i64,
    most: i64,
) -> Result<Vec<Kept>, StoreError> {
    let (provider, code_id) = codes;
    let rows: Vec<AttemptRow> = sqlx::query_as(ATTEMPTS)
        .bind(provider.as_str())
        .bind(code_id)
        .bind(before)
        .bind(most)
        .fetch_all(executor)
        .await?;
    rows.into_iter().map(Kept::try_from).collect()
}

impl TryFrom<AttemptRow> for Kept {
    type Error = StoreError;

    fn try_from(row: AttemptRow) -> Result<Self, StoreError> {
        Ok(Self {
            number: count(row.number, "number")?,
            code_id: row.code_id,
            mac: mac(row.mac, "mac")?,
            model: row.model,
            source: row.source,
            at: Timestamp::from_micros(row.at),
            outcome: row.outcome.parse().map_err(|_| impossible("outcome"))?,
            misses: count(row.misses, "misses")?,
        })
    }
}
