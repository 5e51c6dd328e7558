//! The statements for PostgreSQL that take many rows: an array for each column.
//!
//! Those that write budgets and attempts are for whoever has the turn of guesses (`store.rs`).

use std::collections::BTreeMap;

use sqlx::{FromRow, PgConnection};
use storage::StoreError;
use vocabulary::{MacAddress, Timestamp};

use super::attempts::Note;
use super::codes::{LimitColumns, NewPersonal};
use super::lookup::{Known, Question};
use super::row::{CodeRow, columns};
use crate::code::CodeDigest;
use crate::record::{NOBODYS, Record};

const TAKEN_AMONG: &str = "
SELECT DISTINCT digits
FROM code
WHERE digits = ANY ($1) AND (state IN ('queued', 'open') OR rests_until > $2)";

pub(super) async fn taken_among(
    conn: &mut PgConnection,
    wanted: &[String],
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar(TAKEN_AMONG).bind(wanted).bind(now.as_micros()).fetch_all(conn).await?)
}

const EXPECT: &str = "INSERT INTO expected_phone (code_id, mac) SELECT $1, mac FROM unnest($2::BIGINT[]) AS new (mac)";

pub(super) async fn expected_insert(conn: &mut PgConnection, id: &str, macs: &[MacAddress]) -> Result<(), StoreError> {
    sqlx::query(EXPECT).bind(id).bind(column(macs, |mac| mac.to_i64())).execute(conn).await?;
    Ok(())
}

const INSERT_PERSONAL: &str = "
INSERT INTO code (
    id, kind, state, provider_id, profile_id, length, digest, ends_at,
    models, networks, registered_only, expected_phones, weight, activations, note, created_at
)
SELECT id, 'personal', 'open', $3, $4, 16, digest, $5, $6, '[]', 0, $7, $8, 0, $9, $10
FROM unnest($1::TEXT[], $2::BYTEA[]) AS new (id, digest)";

pub(super) async fn personal_insert(
    conn: &mut PgConnection,
    (like, limits): (&Record, &LimitColumns),
    new: &[NewPersonal],
) -> Result<(), StoreError> {
    sqlx::query(INSERT_PERSONAL)
        .bind(column(new, |it| it.id.as_str()))
        .bind(column(new, |it| it.digest.as_bytes()))
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

const LEVELS: &str = "SELECT key, whole_at FROM budget WHERE key = ANY ($1)";

pub(super) async fn levels(conn: &mut PgConnection, keys: &[&str]) -> Result<BTreeMap<String, i64>, StoreError> {
    let levels: Vec<(String, i64)> = sqlx::query_as(LEVELS).bind(keys).fetch_all(conn).await?;
    Ok(levels.into_iter().collect())
}

const CHARGE: &str = "
INSERT INTO budget (key, whole_at)
SELECT key, whole_at FROM unnest($1::TEXT[], $2::BIGINT[]) AS new (key, whole_at)
ON CONFLICT (key) DO UPDATE
SET whole_at = excluded.whole_at
WHERE budget.whole_at < excluded.whole_at";

pub(super) async fn charge(conn: &mut PgConnection, levels: &BTreeMap<String, i64>) -> Result<(), StoreError> {
    let (keys, whole_at): (Vec<&str>, Vec<i64>) = levels.iter().map(|(key, at)| (key.as_str(), *at)).unzip();
    sqlx::query(CHARGE).bind(keys).bind(whole_at).execute(conn).await?;
    Ok(())
}

const REPLACE: &str = "
WITH new AS (
    SELECT outcome, code_id, network, mac
    FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::BIGINT[]) AS it (outcome, code_id, network, mac)
)
DELETE FROM attempt
WHERE number IN (
    SELECT old.number
    FROM new
    JOIN attempt AS old ON old.outcome = 'throttled' AND old.code_id = new.code_id AND old.network = new.network
    WHERE new.outcome = 'throttled'
    UNION ALL
    SELECT old.number
    FROM new
    JOIN attempt AS old ON old.outcome = 'repeated' AND old.code_id = new.code_id AND old.mac = new.mac
    WHERE new.outcome = 'repeated'
)";

pub(super) async fn notes_replaced(conn: &mut PgConnection, by: &[Note<'_>]) -> Result<(), StoreError> {
    sqlx::query(REPLACE)
        .bind(column(by, |it| it.outcome))
        .bind(column(by, |it| it.code_id))
        .bind(column(by, |it| it.network))
        .bind(column(by, |it| it.mac))
        .execute(conn)
        .await?;
    Ok(())
}

/// In the order of their numbers, which the provider reads as the order of time.
const NOTE: &str = "
INSERT INTO attempt (code_id, provider_id, mac, model, source, network, at, outcome)
SELECT code_id, provider_id, mac, model, source, network, at, outcome
FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::TEXT[], $5::TEXT[], $6::TEXT[], $7::BIGINT[], $8::TEXT[]
) WITH ORDINALITY AS new (code_id, provider_id, mac, model, source, network, at, outcome, place)
ORDER BY place";

pub(super) async fn notes_insert(conn: &mut PgConnection, notes: &[Note<'_>]) -> Result<(), StoreError> {
    sqlx::query(NOTE)
        .bind(column(notes, |it| it.code_id))
        .bind(column(notes, |it| it.provider_id))
        .bind(column(notes, |it| it.mac))
        .bind(column(notes, |it| it.model))
        .bind(column(notes, |it| it.source.to_string()))
        .bind(column(notes, |it| it.network))
        .bind(column(notes, |it| it.at))
        .bind(column(notes, |it| it.outcome))
        .execute(conn)
        .await?;
    Ok(())
}

#[derive(FromRow)]
struct KnownRow {
    #[sqlx(flatten)]
    code: CodeRow,
    is_expected: bool,
    has_activated: bool,
    phone_whole_at: Option<i64>,
    network_whole_at: Option<i64>,
    length_whole_at: Option<i64>,
    throttled_at: Option<i64>,
}

impl From<KnownRow> for Known {
    fn from(row: KnownRow) -> Self {
        Self {
            code: row.code,
            is_expected: row.is_expected,
            has_activated: row.has_activated,
            whole_at: [row.phone_whole_at, row.network_whole_at, row.length_whole_at],
            throttled_at: row.throttled_at,
        }
    }
}

/// Of directory codes with the same digits it finds the live one, or else the newest.
const FIND: &str = concat!(
    "
SELECT ",
    columns!(),
    ",
       EXISTS (
           SELECT 1 FROM expected_phone AS it WHERE it.code_id = code.id AND it.mac = asked.mac
       ) AS is_expected,
       EXISTS (
           SELECT 1 FROM activation AS it WHERE it.code_id = code.id AND it.mac = asked.mac
       ) AS has_activated,
       (SELECT it.whole_at FROM budget AS it WHERE it.key = asked.phone_key) AS phone_whole_at,
       (SELECT it.whole_at FROM budget AS it WHERE it.key = asked.network_key) AS network_whole_at,
       (SELECT it.whole_at FROM budget AS it WHERE it.key = asked.length_key) AS length_whole_at,
       (
           SELECT max(it.at)
           FROM attempt AS it
           WHERE it.outcome = 'throttled' AND it.code_id = code.id AND it.network = asked.network
       ) AS throttled_at
FROM unnest(
    $1::TEXT[], $2::BYTEA[], $3::BIGINT[], $4::TEXT[], $5::TEXT[], $6::TEXT[], $7::TEXT[]
) WITH ORDINALITY AS asked (digits, digest, mac, network, phone_key, network_key, length_key, place)
JOIN code ON code.id = coalesce(
    CASE
        WHEN asked.digest IS NULL THEN (
            SELECT it.id
            FROM code AS it
            WHERE it.kind = 'directory' AND it.digits = asked.digits
            ORDER BY (it.state IN ('queued', 'open')) DESC, it.created_at DESC LIMIT 1
        )
        ELSE (SELECT it.id FROM code AS it WHERE it.digest = asked.digest)
    END,
    $8
)
ORDER BY asked.place"
);

pub(super) async fn find_typed(conn: &mut PgConnection, questions: &[Question]) -> Result<Vec<Known>, StoreError> {
    let found: Vec<KnownRow> = sqlx::query_as(FIND)
        .bind(column(questions, |it| it.digits.as_deref()))
        .bind(column(questions, |it| it.digest.as_ref().map(CodeDigest::as_bytes)))
        .bind(column(questions, |it| it.mac))
        .bind(column(questions, |it| it.network.as_str()))
        .bind(column(questions, |it| it.phone_key.as_str()))
        .bind(column(questions, |it| it.network_key.as_str()))
        .bind(column(questions, |it| it.length_key.as_str()))
        .bind(NOBODYS)
        .fetch_all(conn)
        .await?;
    Ok(found.into_iter().map(Known::from).collect())
}

fn column<'a, R, T>(rows: &'a [R], of: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}
