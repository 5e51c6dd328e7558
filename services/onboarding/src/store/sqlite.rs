//! The statements for SQLite that take many rows: as JSON in one parameter, and what they answer with as JSON in one row,
//! because a visit to the thread of a database connection costs more than everything that is done there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use storage::StoreError;
use vocabulary::{MacAddress, Timestamp};

use super::attempts::Note;
use super::codes::{LimitColumns, NewPersonal};
use super::lookup::{Known, Question};
use super::row::{CodeRow, members};
use crate::record::{NOBODYS, Record};

/// Many values as the one parameter of a statement.
pub(super) fn json<T: Serialize + ?Sized>(values: &T) -> Result<String, StoreError> {
    serde_json::to_string(values).map_err(|error| StoreError::from(sqlx::Error::Encode(error.into())))
}

const TAKEN_AMONG: &str = "
SELECT DISTINCT digits
FROM code
WHERE digits IN (SELECT value FROM json_each($1)) AND (state IN ('queued', 'open') OR rests_until > $2)";

pub(super) async fn taken_among(
    conn: &mut SqliteConnection,
    wanted: &[String],
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar(TAKEN_AMONG).bind(json(wanted)?).bind(now.as_micros()).fetch_all(conn).await?)
}

const EXPECT: &str = "INSERT INTO expected_phone (code_id, mac) SELECT $1, value FROM json_each($2)";

pub(super) async fn expected_insert(
    conn: &mut SqliteConnection,
    id: &str,
    macs: &[MacAddress],
) -> Result<(), StoreError> {
    let macs = json(&macs.iter().map(|mac| mac.to_u64()).collect::<Vec<_>>())?;
    sqlx::query(EXPECT).bind(id).bind(macs).execute(conn).await?;
    Ok(())
}

const INSERT_PERSONAL: &str = "
INSERT INTO code (
    id, kind, state, provider_id, profile_id, length, digest, ends_at,
    models, networks, registered_only, expected_phones, weight, activations, note, created_at
)
SELECT value ->> 'id', 'personal', 'open', $2, $3, 16, unhex(value ->> 'digest'), $4, $5, '[]', 0, $6, $7, 0, $8, $9
FROM json_each($1)";

pub(super) async fn personal_insert(
    conn: &mut SqliteConnection,
    (like, limits): (&Record, &LimitColumns),
    new: &[NewPersonal],
) -> Result<(), StoreError> {
    sqlx::query(INSERT_PERSONAL)
        .bind(json(new)?)
        .bind(like.provider.as_str())
        .bind(like.profile.as_str())
        .bind(limits.ends_at)
        .bind(&limits.models)
        .bind(limits.expected_phones)
        .bind(limits.weight)
        .bind(like.note.as_str())
        .bind(like.created_at.as_micros())
        .execute(conn)
        .await?;
    Ok(())
}

const LEVELS: &str = "
SELECT json_group_object(key, whole_at)
FROM budget
WHERE key IN (SELECT value FROM jsonb_each($1))";

pub(super) async fn levels(conn: &mut SqliteConnection, keys: &[&str]) -> Result<BTreeMap<String, i64>, StoreError> {
    let levels: String = sqlx::query_scalar(LEVELS).bind(json(keys)?).fetch_one(conn).await?;
    parse(&levels)
}

const CHARGE: &str = "
INSERT INTO budget (key, whole_at)
SELECT key, value FROM jsonb_each($1) WHERE TRUE
ON CONFLICT (key) DO UPDATE
SET whole_at = excluded.whole_at
WHERE budget.whole_at < excluded.whole_at";

pub(super) async fn charge(conn: &mut SqliteConnection, levels: &BTreeMap<String, i64>) -> Result<(), StoreError> {
    sqlx::query(CHARGE).bind(json(levels)?).execute(conn).await?;
    Ok(())
}

const REPLACE: &str = "
DELETE FROM attempt
WHERE number IN (
    SELECT old.number
    FROM jsonb_each($1) AS new
    CROSS JOIN attempt AS old
    ON old.outcome = 'throttled' AND old.code_id = new.value ->> 'code_id' AND old.network = new.value ->> 'network'
    WHERE new.value ->> 'outcome' = 'throttled'
    UNION ALL
    SELECT old.number
    FROM jsonb_each($1) AS new
    CROSS JOIN attempt AS old
    ON old.outcome = 'repeated' AND old.code_id = new.value ->> 'code_id' AND old.mac = new.value ->> 'mac'
    WHERE new.value ->> 'outcome' = 'repeated'
)";

pub(super) async fn notes_replaced(conn: &mut SqliteConnection, by: &[Note<'_>]) -> Result<(), StoreError> {
    sqlx::query(REPLACE).bind(json(by)?).execute(conn).await?;
    Ok(())
}

const NOTE: &str = "
INSERT INTO attempt (code_id, provider_id, mac, model, source, network, at, outcome)
SELECT value ->> 'code_id',
       value ->> 'provider_id',
       value ->> 'mac',
       value ->> 'model',
       value ->> 'source',
       value ->> 'network',
       value ->> 'at',
       value ->> 'outcome'
FROM jsonb_each($1)";

pub(super) async fn notes_insert(conn: &mut SqliteConnection, notes: &[Note<'_>]) -> Result<(), StoreError> {
    sqlx::query(NOTE).bind(json(notes)?).execute(conn).await?;
    Ok(())
}

#[derive(Deserialize)]
struct KnownRow {
    code: CodeRow,
    is_expected: u8,
    has_activated: u8,
    whole_at: [Option<i64>; 3],
    throttled_at: Option<i64>,
}

impl From<KnownRow> for Known {
    fn from(row: KnownRow) -> Self {
        Self {
            code: row.code,
            is_expected: row.is_expected == 1,
            has_activated: row.has_activated == 1,
            whole_at: row.whole_at,
            throttled_at: row.throttled_at,
        }
    }
}

/// Of directory codes with the same digits it finds the live one, or else the newest.
const FIND: &str = concat!(
    "
SELECT json_group_array(
           json_object(
               'code', json_object(",
    members!(),
    "),
               'is_expected', EXISTS (
                   SELECT 1 FROM expected_phone AS it WHERE it.code_id = code.id AND it.mac = asked.value ->> 'mac'
               ),
               'has_activated', EXISTS (
                   SELECT 1 FROM activation AS it WHERE it.code_id = code.id AND it.mac = asked.value ->> 'mac'
               ),
               'whole_at', json_array(
                   (SELECT it.whole_at FROM budget AS it WHERE it.key = asked.value ->> 'phone_key'),
                   (SELECT it.whole_at FROM budget AS it WHERE it.key = asked.value ->> 'network_key'),
                   (SELECT it.whole_at FROM budget AS it WHERE it.key = asked.value ->> 'length_key')
               ),
               'throttled_at', (
                   SELECT it.at
                   FROM attempt AS it
                   WHERE it.outcome = 'throttled' AND it.code_id = code.id AND it.network = asked.value ->> 'network'
               )
           )
           ORDER BY asked.key
       )
FROM jsonb_each($1) AS asked
CROSS JOIN code ON code.id = coalesce(
    CASE
        WHEN asked.value ->> 'digest' IS NULL THEN (
            SELECT it.id
            FROM code AS it
            WHERE it.kind = 'directory' AND it.digits = asked.value ->> 'digits'
            ORDER BY (it.state IN ('queued', 'open')) DESC, it.created_at DESC LIMIT 1
        )
        ELSE (SELECT it.id FROM code AS it WHERE it.digest = unhex(asked.value ->> 'digest'))
    END,
    $2
)"
);

pub(super) async fn find_typed(conn: &mut SqliteConnection, questions: &[Question]) -> Result<Vec<Known>, StoreError> {
    let found: String = sqlx::query_scalar(FIND).bind(json(questions)?).bind(NOBODYS).fetch_one(conn).await?;
    let found: Vec<KnownRow> = parse(&found)?;
    Ok(found.into_iter().map(Known::from).collect())
}

fn parse<'a, T: Deserialize<'a>>(answer: &'a str) -> Result<T, StoreError> {
    serde_json::from_str(answer).map_err(|error| StoreError::from(sqlx::Error::Decode(error.into())))
}
