//! Making codes, reading one, and changing what it is.

use serde::Serialize;
use storage::{Connection, StoreError, Tx, on};
use vocabulary::{CodeId, MacAddress, ProviderId, Timestamp};

use super::row::{CodeRow, columns, kind_word, length, mac};
use super::{postgres, sqlite};
use crate::code::CodeDigest;
use crate::grant::State;
use crate::limits::{Limits, Phones};
use crate::record::Record;

const TAKEN: &str = "
SELECT EXISTS (
    SELECT 1
    FROM code
    WHERE digits = $1 AND (state IN ('queued', 'open') OR rests_until > $2)
)";

/// Whether a directory code has these digits, or had them too short a time ago.
pub(crate) async fn is_taken(mut conn: Connection<'_>, digits: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(on!(conn, conn => sqlx::query_scalar(TAKEN).bind(digits).bind(now.as_micros()).fetch_one(conn).await?))
}

/// Those of `wanted` that are taken.
pub(crate) async fn taken_among(
    conn: Connection<'_>,
    wanted: &[String],
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    match conn {
        Connection::Sqlite(conn) => sqlite::taken_among(conn, wanted, now).await,
        Connection::Postgres(conn) => postgres::taken_among(conn, wanted, now).await,
    }
}

/// A length whose turn the transaction has.
#[derive(Debug)]
pub(crate) struct LengthTaken(u32);

impl LengthTaken {
    pub const fn length(&self) -> u32 {
        self.0
    }
}

/// Of one number with the table's own, which is below 2^32: neither that of another table nor that of another length.
const LENGTH_TURN: &str = "SELECT pg_advisory_xact_lock(($1 << 32) + 'code'::regclass::oid::bigint)";

/// Waits until nobody else adds to the codes of that length that a stranger could hit, or makes one of those digits. From
/// then on, until the transaction ends, it is so.
#[tracing::instrument(name = "db.code.take_length", level = "debug", skip_all)]
pub(crate) async fn length_take(tx: &mut Tx, length: u32) -> Result<LengthTaken, StoreError> {
    match tx.connection() {
        // SQLite has one writer.
        Connection::Sqlite(_) => {}
        Connection::Postgres(conn) => {
            sqlx::query(LENGTH_TURN).bind(i64::from(length)).execute(conn).await?;
        }
    }
    Ok(LengthTaken(length))
}

const WEIGHT: &str = "
SELECT coalesce(sum(weight), 0.0)
FROM code
WHERE state = 'open' AND length = $1 AND (ends_at IS NULL OR ends_at > $2)";

/// How many codes of that length a stranger could hit, each counted with its weight.
pub(crate) async fn live_weight(tx: &mut Tx, taken: &LengthTaken, now: Timestamp) -> Result<f64, StoreError> {
    let length = i64::from(taken.length());
    Ok(on!(tx, conn => sqlx::query_scalar(WEIGHT).bind(length).bind(now.as_micros()).fetch_one(conn).await?))
}

const WEIGHTS: &str = "
SELECT length, sum(weight)
FROM code
WHERE state = 'open' AND (ends_at IS NULL OR ends_at > $1)
GROUP BY length";

/// The same for all lengths that have codes.
pub(crate) async fn live_weights(mut conn: Connection<'_>, now: Timestamp) -> Result<Vec<(u32, f64)>, StoreError> {
    let rows: Vec<(i64, f64)> = on!(conn, conn => sqlx::query_as(WEIGHTS).bind(now.as_micros()).fetch_all(conn).await?);
    rows.into_iter().map(|(digits, weight)| Ok((length(digits)?, weight))).collect()
}

const INSERT: &str = "
INSERT INTO code (
    id, kind, state, provider_id, profile_id, length, digits, starts_at, ends_at, activation_limit,
    models, networks, registered_only, expected_phones, weight, activations, note, created_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, $16, $17)";

/// Keeps a new directory code.
#[tracing::instrument(name = "db.code.insert", level = "debug", skip_all, fields(code.id = %code.id))]
pub(crate) async fn code_insert(tx: &mut Tx, code: &Record) -> Result<(), StoreError> {
    let limits = LimitColumns::of(&code.limits)?;
    on!(tx, conn => sqlx::query(INSERT)
        .bind(code.id.as_str())
        .bind(kind_word(code.kind))
        .bind(code.state.word())
        .bind(code.provider.as_str())
        .bind(code.profile.as_str())
        .bind(i64::from(code.length))
        .bind(code.digits.as_ref().map(|digits| digits.0.as_str()))
        .bind(limits.starts_at)
        .bind(limits.ends_at)
        .bind(limits.activation_limit)
        .bind(&limits.models)
        .bind(&limits.networks)
        .bind(limits.registered_only)
        .bind(limits.expected_phones)
        .bind(limits.weight)
        .bind(code.note.as_str())
        .bind(code.created_at.as_micros())
        .execute(conn).await?.rows_affected());
    expected_write(tx, code.id.as_str(), &code.limits.macs).await
}

/// The limits as columns hold them.
pub(super) struct LimitColumns {
    pub starts_at: Option<i64>,
    pub ends_at: Option<i64>,
    pub activation_limit: Option<i64>,
    pub models: String,
    pub networks: String,
    pub registered_only: i64,
    pub expected_phones: i64,
    pub weight: f64,
}

impl LimitColumns {
    fn of(limits: &Limits) -> Result<Self, StoreError> {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Self {
            starts_at: limits.starts_at.map(Timestamp::as_micros),
            ends_at: limits.ends_at.map(Timestamp::as_micros),
            activation_limit: limits.activations.map(number),
            models: sqlite::json(&limits.models.iter().map(ToString::to_string).collect::<Vec<_>>())?,
            networks: sqlite::json(&limits.networks.iter().map(ToString::to_string).collect::<Vec<_>>())?,
            registered_only: i64::from(limits.phones == Phones::Registered),
            expected_phones: number(limits.expected),
            weight: limits.weight(),
        })
    }
}

async fn expected_write(tx: &mut Tx, id: &str, macs: &[MacAddress]) -> Result<(), StoreError> {
    if macs.is_empty() {
        return Ok(());
    }
    match tx.connection() {
        Connection::Sqlite(conn) => sqlite::expected_insert(conn, id, macs).await,
        Connection::Postgres(conn) => postgres::expected_insert(conn, id, macs).await,
    }
}

const EXPECTED: &str = "SELECT mac FROM expected_phone WHERE code_id = $1 ORDER BY mac";

/// The phones that a code expects.
pub(crate) async fn expected_of(mut conn: Connection<'_>, id: &CodeId) -> Result<Vec<MacAddress>, StoreError> {
    let macs: Vec<i64> = on!(conn, conn => sqlx::query_scalar(EXPECTED).bind(id.as_str()).fetch_all(conn).await?);
    macs.into_iter().map(|bits| mac(bits, "mac")).collect()
}

/// One of many personal codes that differ only in this.
#[derive(Serialize)]
pub(crate) struct NewPersonal {
    pub id: String,
    pub digest: CodeDigest,
}

impl NewPersonal {
    pub fn new(id: &CodeId, digest: CodeDigest) -> Self {
        Self { id: id.to_string(), digest }
    }
}

/// Keeps personal codes that are all like `like`. Digits that somebody has drawn before: `AlreadyExists`.
#[tracing::instrument(name = "db.code.insert_personal", level = "debug", skip_all, fields(codes = new.len()))]
pub(crate) async fn personal_insert(tx: &mut Tx, like: &Record, new: &[NewPersonal]) -> Result<(), StoreError> {
    let limits = LimitColumns::of(&like.limits)?;
    match tx.connection() {
        Connection::Sqlite(conn) => sqlite::personal_insert(conn, (like, &limits), new).await?,
        Connection::Postgres(conn) => postgres::personal_insert(conn, (like, &limits), new).await?,
    }
    match new {
        [only] => expected_write(tx, &only.id, &like.limits.macs).await,
        _ => Ok(()),
    }
}

const FIND: &str = concat!("SELECT ", columns!(), " FROM code WHERE id = $1 AND ($2 IS NULL OR provider_id = $2)");

/// The code of that id: the provider's, or anybody's where an operator asks.
#[tracing::instrument(name = "db.code.find", level = "debug", skip_all, fields(code.id = id))]
pub(crate) async fn code_find(
    mut conn: Connection<'_>,
    provider: Option<&ProviderId>,
    id: &str,
) -> Result<Option<Record>, StoreError> {
    // What cannot be an id may be a text that PostgreSQL does not take.
    let Ok(id) = id.parse::<CodeId>() else { return Ok(None) };
    let provider = provider.map(ProviderId::as_str);
    let row: Option<CodeRow> =
        on!(conn, conn => sqlx::query_as(FIND).bind(id.as_str()).bind(provider).fetch_optional(conn).await?);
    let found: Option<Record> = row.map(Record::try_from).transpose()?;
    Ok(found.filter(|record| !record.is_nobodys()))
}

/// The same, and nobody else changes it until the transaction ends.
pub(crate) async fn code_take(
    tx: &mut Tx,
    provider: Option<&ProviderId>,
    id: &str,
) -> Result<Option<Record>, StoreError> {
    // A stranger must not hold it up.
    let Some(found) = code_find(tx.connection(), provider, id).await? else { return Ok(None) };
    row_take(tx, found.id.as_str()).await?;
    match tx.connection() {
        Connection::Sqlite(_) => Ok(Some(found)),
        // It may have changed while it was waited for.
        conn @ Connection::Postgres(_) => code_find(conn, provider, id).await,
    }
}

/// The same, with the turn of the code's length, which is waited for before anybody can be kept from the code.
pub(crate) async fn code_take_in_turn(
    tx: &mut Tx,
    provider: Option<&ProviderId>,
    id: &str,
) -> Result<Option<(Record, LengthTaken)>, StoreError> {
    let Some(found) = code_find(tx.connection(), provider, id).await? else { return Ok(None) };
    let taken = length_take(tx, found.length).await?;
    Ok(code_take(tx, provider, id).await?.map(|record| (record, taken)))
}

const TAKE: &str = "SELECT 1 FROM code WHERE id = $1 FOR UPDATE";

pub(super) async fn row_take(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    match tx.connection() {
        // SQLite has one writer, who has everything.
        Connection::Sqlite(_) => {}
        Connection::Postgres(conn) => {
            sqlx::query(TAKE).bind(id).execute(conn).await?;
        }
    }
    Ok(())
}

const TURN: &str = "
UPDATE code
SET state = $3, refusal = $4, rests_until = $5
WHERE id = $1 AND state = $2";

/// Brings a code from the state in which it was read into another, not into `Redeemed`. A withdrawn one rests
/// until then.
pub(crate) async fn code_turn(
    tx: &mut Tx,
    code: &Record,
    to: &State,
    rests_until: Option<Timestamp>,
) -> Result<(), StoreError> {
    let refusal = match to {
        State::Refused { reason } => Some(reason.as_str()),
        State::Queued | State::Open | State::Redeemed { .. } | State::Revoked => None,
    };
    let turned = on!(tx, conn => sqlx::query(TURN)
        .bind(code.id.as_str())
        .bind(code.state.word())
        .bind(to.word())
        .bind(refusal)
        .bind(rests_until.map(Timestamp::as_micros))
        .execute(conn).await?.rows_affected());
    StoreError::expect_one(turned)
}

const LIMIT: &str = "
UPDATE code
SET profile_id = $2, starts_at = $3, ends_at = $4, activation_limit = $5, models = $6, networks = $7,
    registered_only = $8, expected_phones = $9, weight = $10
WHERE id = $1 AND state IN ('queued', 'open')";

const EXPECT_NOBODY: &str = "DELETE FROM expected_phone WHERE code_id = $1";

/// Gives a directory code new limits and the profile it leads to.
pub(crate) async fn code_limit(tx: &mut Tx, code: &Record) -> Result<(), StoreError> {
    let limits = LimitColumns::of(&code.limits)?;
    let limited = on!(tx, conn => sqlx::query(LIMIT)
        .bind(code.id.as_str())
        .bind(code.profile.as_str())
        .bind(limits.starts_at)
        .bind(limits.ends_at)
        .bind(limits.activation_limit)
        .bind(&limits.models)
        .bind(&limits.networks)
        .bind(limits.registered_only)
        .bind(limits.expected_phones)
        .bind(limits.weight)
        .execute(conn).await?.rows_affected());
    StoreError::expect_one(limited)?;
    on!(tx, conn => sqlx::query(EXPECT_NOBODY).bind(code.id.as_str()).execute(conn).await?.rows_affected());
    expected_write(tx, code.id.as_str(), &code.limits.macs).await
}

const EXTEND: &str = "UPDATE code SET ends_at = $2 WHERE id = $1 AND kind = 'personal' AND state = 'open'";

/// Gives a personal code that nobody has used another end.
pub(crate) async fn code_extend(tx: &mut Tx, id: &CodeId, ends_at: Timestamp) -> Result<(), StoreError> {
    let extended = on!(tx, conn => {
        sqlx::query(EXTEND).bind(id.as_str()).bind(ends_at.as_micros()).execute(conn).await?.rows_affected()
    });
    StoreError::expect_one(extended)
}
