//! The set-based statements for PostgreSQL: a batch is one array for each column.
//!
//! Others write at the same time, here and in other processes. Each transaction takes the phones it knows in the
//! order of their addresses, then makes those it does not know in that order, so that no two wait for each other.

use sqlx::PgConnection;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use storage::StoreError;
use vocabulary::MacAddress;

use crate::event::ObservationId;
use crate::row::{PhoneRow, TimelineRow};
use crate::store::Write;

/// Reads phones by their addresses.
macro_rules! select_phones {
    ($how:literal) => {
        concat!(
            "
            SELECT mac, state, entries, first_contact, last_contact, firmware, model, failure_class, failure_status,
                   next_retry, acquired_at, second_hand_since
            FROM phone
            WHERE mac = ANY ($1)
            ORDER BY mac",
            $how
        )
    };
}

/// Those of `ids` that are recorded.
pub(super) async fn known(conn: &mut PgConnection, ids: &[ObservationId]) -> Result<Vec<Vec<u8>>, StoreError> {
    const KNOWN: &str = "SELECT entry FROM timeline WHERE entry = ANY ($1)";

    let ids: Vec<&[u8]> = ids.iter().map(|id| id.0.as_slice()).collect();
    Ok(sqlx::query_scalar(KNOWN).bind(ids).fetch_all(conn).await?)
}

/// The phones among `macs` that have been heard of, in the order of their addresses.
pub(super) async fn phones(conn: &mut PgConnection, macs: &[MacAddress]) -> Result<Vec<PhoneRow>, StoreError> {
    Ok(sqlx::query_as(select_phones!("")).bind(numbers(macs)).fetch_all(conn).await?)
}

/// The same, and nobody else writes them until the transaction ends. Without it, all but one of those who write the
/// same phone at the same time would have to begin anew.
pub(super) async fn phones_taken(conn: &mut PgConnection, macs: &[MacAddress]) -> Result<Vec<PhoneRow>, StoreError> {
    Ok(sqlx::query_as(select_phones!(" FOR UPDATE")).bind(numbers(macs)).fetch_all(conn).await?)
}

const INSERT: &str = "
    INSERT INTO phone (
        mac, state, entries, first_contact, last_contact, firmware, model, failure_class, failure_status,
        next_retry, acquired_at, second_hand_since
    )
    SELECT mac, state, entries, first_contact, last_contact, firmware, model, failure_class, failure_status,
           next_retry, acquired_at, second_hand_since
    FROM UNNEST(
        $1::BIGINT[], $2::TEXT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::TEXT[], $7::TEXT[],
        $8::TEXT[], $9::INTEGER[], $10::BIGINT[], $11::BIGINT[], $12::BIGINT[]
    ) AS new (
        mac, state, entries, first_contact, last_contact, firmware, model, failure_class, failure_status,
        next_retry, acquired_at, second_hand_since
    )
    ON CONFLICT (mac) DO NOTHING";

/// Says how many of them were new indeed.
pub(super) async fn phones_insert(conn: &mut PgConnection, phones: &[Write]) -> Result<u64, StoreError> {
    Ok(bound(INSERT, phones).execute(conn).await?.rows_affected())
}

const UPDATE: &str = "
    UPDATE phone
    SET state = new.state,
        entries = new.entries,
        first_contact = new.first_contact,
        last_contact = new.last_contact,
        firmware = new.firmware,
        model = new.model,
        failure_class = new.failure_class,
        failure_status = new.failure_status,
        next_retry = new.next_retry,
        acquired_at = new.acquired_at,
        second_hand_since = new.second_hand_since
    FROM UNNEST(
        $1::BIGINT[], $2::TEXT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::TEXT[], $7::TEXT[],
        $8::TEXT[], $9::INTEGER[], $10::BIGINT[], $11::BIGINT[], $12::BIGINT[],
        $13::BIGINT[]
    ) AS new (
        mac, state, entries, first_contact, last_contact, firmware, model, failure_class, failure_status,
        next_retry, acquired_at, second_hand_since,
        seen
    )
    WHERE phone.mac = new.mac AND phone.entries = new.seen";

/// Says how many of them were as they had been seen.
pub(super) async fn phones_update(conn: &mut PgConnection, phones: &[Write]) -> Result<u64, StoreError> {
    let seen = column(phones, |it| it.seen.cast_signed());
    Ok(bound(UPDATE, phones).bind(seen).execute(conn).await?.rows_affected())
}

/// With the columns of `phones` as the first parameters.
fn bound(statement: &'static str, phones: &[Write]) -> Query<'static, sqlx::Postgres, PgArguments> {
    sqlx::query(statement)
        .bind(column(phones, |it| it.row.mac))
        .bind(text(phones, |it| Some(&it.row.state)))
        .bind(column(phones, |it| it.row.entries))
        .bind(column(phones, |it| it.row.first_contact))
        .bind(column(phones, |it| it.row.last_contact))
        .bind(text(phones, |it| it.row.firmware.as_deref()))
        .bind(text(phones, |it| it.row.model.as_deref()))
        .bind(text(phones, |it| it.row.failure_class.as_deref()))
        .bind(column(phones, |it| it.row.failure_status))
        .bind(column(phones, |it| it.row.next_retry))
        .bind(column(phones, |it| it.row.acquired_at))
        .bind(column(phones, |it| it.row.second_hand_since))
}

const APPEND: &str = "
    INSERT INTO timeline (
        mac, number, entry, at, event, evidence, from_state, to_state, refused, question, profile_id, rule,
        reason, failure_class, failure_status, next_retry, place, source, request_id, provider_id, firmware,
        model
    )
    SELECT mac, number, entry, at, event, evidence, from_state, to_state, refused, question, profile_id, rule,
           reason, failure_class, failure_status, next_retry, place, source, request_id, provider_id, firmware,
           model
    FROM UNNEST(
        $1::BIGINT[], $2::BIGINT[], $3::BYTEA[], $4::BIGINT[], $5::TEXT[], $6::TEXT[], $7::TEXT[],
        $8::TEXT[], $9::TEXT[], $10::TEXT[], $11::TEXT[], $12::TEXT[], $13::TEXT[], $14::TEXT[],
        $15::INTEGER[], $16::BIGINT[], $17::TEXT[], $18::TEXT[], $19::TEXT[], $20::TEXT[], $21::TEXT[],
        $22::TEXT[]
    ) AS new (
        mac, number, entry, at, event, evidence, from_state, to_state, refused, question, profile_id, rule,
        reason, failure_class, failure_status, next_retry, place, source, request_id, provider_id, firmware,
        model
    )";

pub(super) async fn timeline_append(conn: &mut PgConnection, rows: &[TimelineRow]) -> Result<(), StoreError> {
    let append = sqlx::query(APPEND)
        .bind(column(rows, |it| it.mac))
        .bind(column(rows, |it| it.number))
        .bind(rows.iter().map(|it| it.entry.as_deref()).collect::<Vec<_>>())
        .bind(column(rows, |it| it.at))
        .bind(text(rows, |it| Some(&it.event)))
        .bind(text(rows, |it| Some(&it.evidence)))
        .bind(text(rows, |it| Some(&it.from_state)))
        .bind(text(rows, |it| Some(&it.to_state)))
        .bind(text(rows, |it| it.refused.as_deref()))
        .bind(text(rows, |it| it.facts.question.as_deref()))
        .bind(text(rows, |it| it.facts.profile_id.as_deref()))
        .bind(text(rows, |it| it.facts.rule.as_deref()))
        .bind(text(rows, |it| it.facts.reason.as_deref()))
        .bind(text(rows, |it| it.facts.failure_class.as_deref()))
        .bind(column(rows, |it| it.facts.failure_status))
        .bind(column(rows, |it| it.facts.next_retry))
        .bind(text(rows, |it| it.facts.place.as_deref()))
        .bind(text(rows, |it| it.source.as_deref()))
        .bind(text(rows, |it| Some(&it.request_id)))
        .bind(text(rows, |it| it.provider_id.as_deref()))
        .bind(text(rows, |it| it.firmware.as_deref()))
        .bind(text(rows, |it| it.model.as_deref()));
    append.execute(conn).await?;
    Ok(())
}

fn numbers(macs: &[MacAddress]) -> Vec<i64> {
    macs.iter().map(|mac| mac.to_i64()).collect()
}

fn column<R, T>(rows: &[R], of: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

fn text<R>(rows: &[R], of: impl Fn(&R) -> Option<&str>) -> Vec<Option<&str>> {
    rows.iter().map(of).collect()
}
