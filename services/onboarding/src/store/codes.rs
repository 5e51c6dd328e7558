//! Making codes, reading one, and changing what it is.

use serde::Serialize;
use sqlx::SqliteExecutor;
use storage::StoreError;
use storage::sqlite::Tx;
use vocabulary::{CodeId, MacAddress, ProviderId, Timestamp};

use super::json;
use super::row::{CodeRow, columns, impossible, kind_word, mac};
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
pub(crate) async fn is_taken(
    executor: impl SqliteExecutor<'_>,
    digits: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(TAKEN).bind(digits).bind(now.as_micros()).fetch_one(executor).await?)
}

const TAKEN_AMONG: &str = "
SELECT DISTINCT digits
FROM code
WHERE digits IN (SELECT value FROM json_each($1)) AND (state IN ('queued', 'open') OR rests_until > $2)";

/// Those of `wanted` that are taken.
pub(crate) async fn taken_among(
    executor: impl SqliteExecutor<'_>,
    wanted: &[String],
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar(TAKEN_AMONG).bind(json(wanted)?).bind(now.as_micros()).fetch_all(executor).await?)
}

const WEIGHT: &str = "
SELECT coalesce(sum(weight), 0.0)
FROM code
WHERE state = 'open' AND length = $1 AND (ends_at IS NULL OR ends_at > $2)";

/// How many codes of that length a stranger could hit, each counted with its weight.
pub(crate) async fn live_weight(tx: &mut Tx, length: u32, now: Timestamp) -> Result<f64, StoreError> {
    Ok(sqlx::query_scalar(WEIGHT).bind(length).bind(now.as_micros()).fetch_one(&mut **tx).await?)
}

const WEIGHTS: &str = "
SELECT length, sum(weight)
FROM code
WHERE state = 'open' AND (ends_at IS NULL OR ends_at > $1)
GROUP BY length";

/// The same for all lengths that have codes.
pub(crate) async fn live_weights(
    executor: impl SqliteExecutor<'_>,
    now: Timestamp,
) -> Result<Vec<(u32, f64)>, StoreError> {
    Ok(sqlx::query_as(WEIGHTS).bind(now.as_micros()).fetch_all(executor).await?)
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
    sqlx::query(INSERT)
        .bind(code.id.as_str())
        .bind(kind_word(code.kind))
        .bind(code.state.word())
        .bind(code.provider.as_str())
        .bind(code.profile.as_str())
        .bind(code.length)
        .bind(code.digits.as_ref().map(|digits| digits.0.as_str()))
        .bind(limits.starts_at)
        .bind(limits.ends_at)
        .bind(limits.activation_limit)
        .bind(limits.models)
        .bind(limits.networks)
        .bind(limits.registered_only)
        .bind(limits.expected_phones)
        .bind(limits.weight)
        .bind(code.note.as_str())
        .bind(code.created_at.as_micros())
        .execute(&mut **tx)
        .await?;
    expected_write(tx, &code.id, &code.limits.macs).await
}

/// The limits as columns hold them.
struct LimitColumns {
    starts_at: Option<i64>,
    ends_at: Option<i64>,
    activation_limit: Option<i64>,
    models: String,
    networks: String,
    registered_only: i64,
    expected_phones: i64,
    weight: f64,
}

impl LimitColumns {
    fn of(limits: &Limits) -> Result<Self, StoreError> {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Self {
            starts_at: limits.starts_at.map(Timestamp::as_micros),
            ends_at: limits.ends_at.map(Timestamp::as_micros),
            activation_limit: limits.activations.map(number),
            models: json(&limits.models.iter().map(ToString::to_string).collect::<Vec<_>>())?,
            networks: json(&limits.networks.iter().map(ToString::to_string).collect::<Vec<_>>())?,
            registered_only: i64::from(limits.phones == Phones::Registered),
            expected_phones: number(limits.expected),
            weight: limits.weight(),
        })
    }
}

const EXPECT: &str = "INSERT INTO expected_phone (code_id, mac) SELECT $1, value FROM json_each($2)";

async fn expected_write(tx: &mut Tx, id: &CodeId, macs: &[MacAddress]) -> Result<(), StoreError> {
    let macs = json(&macs.iter().map(|mac| mac.to_u64()).collect::<Vec<_>>())?;
    sqlx::query(EXPECT).bind(id.as_str()).bind(macs).execute(&mut **tx).await?;
    Ok(())
}

const EXPECTED: &str = "SELECT mac FROM expected_phone WHERE code_id = $1 ORDER BY mac";

/// The phones that a code expects.
pub(crate) async fn expected_of(executor: impl SqliteExecutor<'_>, id: &CodeId) -> Result<Vec<MacAddress>, StoreError> {
    let macs: Vec<i64> = sqlx::query_scalar(EXPECTED).bind(id.as_str()).fetch_all(executor).await?;
    macs.into_iter().map(|bits| mac(bits, "mac")).collect()
}

/// One of many personal codes that differ only in this.
#[derive(Serialize)]
pub(crate) struct NewPersonal {
    pub id: String,
    pub digest: String,
}

impl NewPersonal {
    pub fn new(id: &CodeId, digest: &CodeDigest) -> Self {
        Self { id: id.to_string(), digest: digest.to_hex() }
    }
}

const INSERT_PERSONAL: &str = "
INSERT INTO code (
    id, kind, state, provider_id, profile_id, length, digest, ends_at,
    models, networks, registered_only, expected_phones, weight, activations, note, created_at
)
SELECT value ->> 'id', 'personal', 'open', $2, $3, 16, unhex(value ->> 'digest'), $4, $5, '[]', 0, $6, $7, 0, $8, $9
FROM json_each($1)";

/// Keeps personal codes that are all like `like`. Digits that somebody has drawn before: `AlreadyExists`.
#[tracing::instrument(name = "db.code.insert_personal", level = "debug", skip_all, fields(codes = new.len()))]
pub(crate) async fn personal_insert(tx: &mut Tx, like: &Record, new: &[NewPersonal]) -> Result<(), StoreError> {
    let limits = LimitColumns::of(&like.limits)?;
    sqlx::query(INSERT_PERSONAL)
        .bind(json(new)?)
        .bind(like.provider.as_str())
        .bind(like.profile.as_str())
        .bind(limits.ends_at)
        .bind(limits.models)
        .bind(limits.expected_phones)
        .bind(limits.weight)
        .bind(like.note.as_str())
        .bind(like.created_at.as_micros())
        .execute(&mut **tx)
        .await?;
    match (new, like.limits.macs.as_slice()) {
        ([only], [_, ..]) => {
            expected_write(tx, &only.id.parse().map_err(|_| impossible("id"))?, &like.limits.macs).await
        }
        _ => Ok(()),
    }
}

const FIND: &str = concat!("SELECT ", columns!(), " FROM code WHERE id = $1 AND ($2 IS NULL OR provider_id = $2)");

/// The code of that id: the provider's, or anybody's where an operator asks.
#[tracing::instrument(name = "db.code.find", level = "debug", skip_all, fields(code.id = id))]
pub(crate) async fn code_find(
    executor: impl SqliteExecutor<'_>,
    provider: Option<&ProviderId>,
    id: &str,
) -> Result<Option<Record>, StoreError> {
    let provider = provider.map(ProviderId::as_str);
    let row: Option<CodeRow> = sqlx::query_as(FIND).bind(id).bind(provider).fetch_optional(executor).await?;
    let found: Option<Record> = row.map(Record::try_from).transpose()?;
    Ok(found.filter(|record| !record.is_nobodys()))
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
    let turned = sqlx::query(TURN)
        .bind(code.id.as_str())
        .bind(code.state.word())
        .bind(to.word())
        .bind(refusal)
        .bind(rests_until.map(Timestamp::as_micros))
        .execute(&mut **tx)
        .await?;
    StoreError::expect_one(turned.rows_affected())
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
    let limited = sqlx::query(LIMIT)
        .bind(code.id.as_str())
        .bind(code.profile.as_str())
        .bind(limits.starts_at)
        .bind(limits.ends_at)
        .bind(limits.activation_limit)
        .bind(limits.models)
        .bind(limits.networks)
        .bind(limits.registered_only)
        .bind(limits.expected_phones)
        .bind(limits.weight)
        .execute(&mut **tx)
        .await?;
    StoreError::expect_one(limited.rows_affected())?;
    sqlx::query(EXPECT_NOBODY).bind(code.id.as_str()).execute(&mut **tx).await?;
    expected_write(tx, &code.id, &code.limits.macs).await
}

const EXTEND: &str = "UPDATE code SET ends_at = $2 WHERE id = $1 AND kind = 'personal' AND state = 'open'";

/// Gives a personal code that nobody has used another end.
pub(crate) async fn code_extend(tx: &mut Tx, id: &CodeId, ends_at: Timestamp) -> Result<(), StoreError> {
    let extended = sqlx::query(EXTEND).bind(id.as_str()).bind(ends_at.as_micros()).execute(&mut **tx).await?;
    StoreError::expect_one(extended.rows_affected())
}
