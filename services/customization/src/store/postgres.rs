//! The set-based statements for PostgreSQL: a batch is one array for each column.
//!
//! Others write at the same time, here and in other processes. Rows are added in the order of their keys, so that no
//! two wait for each other.

use sqlx::PgConnection;
use storage::StoreError;

use crate::row::{NewRow, NewestRow};
use crate::store::Turn;

/// The lock that everybody who records holds, shared, and whoever wants to be alone with the table, exclusively. The
/// number is any that nobody else uses: "dialtone".
const LOCK: i64 = 0x6469_616c_746f_6e65;

/// The newest row of each of the phones of `$1`.
macro_rules! newest {
    ($first:literal, $also:literal) => {
        concat!(
            $first,
            "
            SELECT newest.mac, newest.number, newest.is_answered, newest.to_state, newest.phone
            FROM ",
            $also,
            "UNNEST($1::BIGINT[]) AS asked (mac)
            CROSS JOIN LATERAL (
                SELECT mac, number, answer IS NOT NULL AS is_answered, to_state, phone
                FROM timeline
                WHERE timeline.mac = asked.mac
                ORDER BY number DESC
                LIMIT 1
            ) AS newest"
        )
    };
}

/// What the newest row of each of the phones `macs` says of where it stands; those never heard of are left out.
pub(super) async fn newest(conn: &mut PgConnection, macs: &[i64]) -> Result<Vec<NewestRow>, StoreError> {
    rows(sqlx::query_as(newest!("", "")).bind(macs).fetch_all(conn).await?)
}

/// The same, and until the transaction ends nobody records who wanted to be alone; or nobody at all.
pub(super) async fn newest_in_turn(
    conn: &mut PgConnection,
    macs: &[i64],
    turn: Turn,
) -> Result<Vec<NewestRow>, StoreError> {
    // With the lock in the same statement, which saves a trip, what is read may be older than the lock: the key of
    // the rows guards against that.
    const NEWEST: &str = newest!(
        "WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared($2))",
        "(SELECT COUNT(*) FROM turn) AS turn CROSS JOIN "
    );

    match turn {
        Turn::Shared => rows(sqlx::query_as(NEWEST).bind(macs).bind(LOCK).fetch_all(conn).await?),
        Turn::Alone => {
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *conn).await?;
            newest(conn, macs).await
        }
    }
}

fn rows(newest: Vec<(i64, i64, bool, String, Option<String>)>) -> Result<Vec<NewestRow>, StoreError> {
    newest.into_iter().map(NewestRow::of).collect()
}

/// The ids of all that is recorded of the phones `macs`.
pub(super) async fn ids(conn: &mut PgConnection, macs: &[i64]) -> Result<Vec<Vec<u8>>, StoreError> {
    const IDS: &str = "
        SELECT id
        FROM timeline
        CROSS JOIN LATERAL (VALUES (entry), (answer)) AS ids (id)
        WHERE mac = ANY ($1) AND id IS NOT NULL";

    Ok(sqlx::query_scalar(IDS).bind(macs).fetch_all(conn).await?)
}

const APPEND: &str = "
    INSERT INTO timeline (
        mac, number, entry, answer, at, answered_at, event, evidence, from_state, to_state, facts, phone
    )
    SELECT mac, number, entry, answer, at, answered_at, event, evidence, from_state, to_state, facts, phone
    FROM UNNEST(
        $1::BIGINT[], $2::BIGINT[], $3::BYTEA[], $4::BYTEA[], $5::BIGINT[], $6::BIGINT[], $7::TEXT[], $8::TEXT[],
        $9::TEXT[], $10::TEXT[], $11::TEXT[], $12::TEXT[]
    ) AS new (
        mac, number, entry, answer, at, answered_at, event, evidence, from_state, to_state, facts, phone
    )";

pub(super) async fn append(conn: &mut PgConnection, rows: Vec<NewRow>) -> Result<(), StoreError> {
    let append = sqlx::query(APPEND)
        .bind(column(&rows, |it| it.mac))
        .bind(column(&rows, |it| it.number))
        .bind(column(&rows, |it| it.entry.as_ref().map(<[u8; 16]>::as_slice)))
        .bind(column(&rows, |it| it.answer.as_ref().map(<[u8; 16]>::as_slice)))
        .bind(column(&rows, |it| it.at))
        .bind(column(&rows, |it| it.answered_at))
        .bind(column(&rows, |it| it.event))
        .bind(column(&rows, |it| it.evidence))
        .bind(column(&rows, |it| it.from_state))
        .bind(column(&rows, |it| it.to_state))
        .bind(column(&rows, |it| it.facts.as_str()))
        .bind(column(&rows, |it| it.phone.as_deref()));
    append.execute(conn).await?;
    Ok(())
}

fn column<'r, T>(rows: &'r [NewRow], of: impl Fn(&'r NewRow) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}
