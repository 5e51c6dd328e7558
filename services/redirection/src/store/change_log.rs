//! The table `change_log`: what has changed, in the order of the commits.
//!
//! A number is taken under a lock that is held until the commit, so that whoever sees a number has seen all before it.
//! They have no gaps: one that is missing was pruned.

use std::collections::BTreeSet;

use sqlx::{PgConnection, SqliteConnection};
use storage::{Connection, Db, StoreError, Tx, on};
use vocabulary::{MacAddress, Timestamp};

use super::Column;
use crate::words::words;

words! {
    /// What to read again.
    Kind {
        Profile = "profile",
        /// With its key.
        Device = "device",
        Range = "range",
        Window = "window",
        /// Of a provider.
        Policy = "policy",
        /// Whether a provider is.
        Frozen = "frozen",
    }
}

/// The digits of an address.
const ADDRESS: usize = 12;

/// One thing that has changed: its kind and its id; of phones their addresses, of twelve digits each.
pub(crate) type Subject = (Kind, String);

/// These phones, as one thing: an import of thousands is one row of the log.
pub(crate) fn phones(macs: impl Iterator<Item = MacAddress>) -> Subject {
    (Kind::Device, macs.map(|mac| mac.to_string()).collect())
}

/// The phones that the id of a subject names.
pub(super) fn phones_of(id: &str) -> Result<Vec<MacAddress>, StoreError> {
    let impossible = || Column { table: "change_log", column: "id" }.impossible();
    let (addresses, []) = id.as_bytes().as_chunks::<ADDRESS>() else { return Err(impossible()) };
    let mac = |digits: &[u8; ADDRESS]| std::str::from_utf8(digits).ok()?.parse().ok();
    addresses.iter().map(|digits| mac(digits).ok_or_else(impossible)).collect()
}

/// Up to where the log was read. `number` is 0 where nothing has been written as yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Position {
    pub number: i64,
    /// Tells a row from one of the same number, written after the database was set back to a copy.
    at: i64,
}

/// What was written behind a position.
pub(crate) enum Behind {
    /// All of it: the things to read again, and the new position.
    Read { subjects: BTreeSet<Subject>, head: Position },
    /// Some of it is no longer there.
    Lost,
}

/// Begins a transaction that changes something. Until it has ended nobody else does, here or in another process: what
/// it reads stays so, and commits come in the order of the log's numbers.
pub(crate) async fn begin(db: &Db) -> Result<Tx, StoreError> {
    // The table's own number is the lock's, so that services in one database do not wait for one another.
    const TURN: &str = "SELECT pg_advisory_xact_lock('change_log'::regclass::oid::bigint)";

    let mut tx = db.write().await?;
    match tx.connection() {
        // SQLite has one writer.
        Connection::Sqlite(_) => {}
        Connection::Postgres(conn) => {
            sqlx::query(TURN).execute(conn).await?;
        }
    }
    Ok(tx)
}

const HEAD: &str = "SELECT number, at FROM change_log ORDER BY number DESC LIMIT 1";

/// The last position.
pub(crate) async fn head(tx: &mut Tx) -> Result<Position, StoreError> {
    let head: Option<(i64, i64)> = on!(tx, conn => sqlx::query_as(HEAD).fetch_optional(conn).await?);
    Ok(head.map(|(number, at)| Position { number, at }).unwrap_or_default())
}

/// Notes what the transaction, one that [`begin`] has begun, has changed. Answers the first number and the last.
#[tracing::instrument(name = "db.change_log.append", level = "debug", skip_all)]
pub(crate) async fn append(tx: &mut Tx, subjects: &[Subject], at: Timestamp) -> Result<(i64, Position), StoreError> {
    let head = head(tx).await?.number;
    let rows: Vec<(&str, &str)> = subjects.iter().map(|(kind, id)| (kind.word(), id.as_str())).collect();
    match tx.connection() {
        Connection::Sqlite(conn) => append_on_sqlite(conn, &rows, (head, at)).await?,
        Connection::Postgres(conn) => append_on_postgres(conn, &rows, (head, at)).await?,
    }
    let rows = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    Ok((head + 1, Position { number: head + rows, at: at.as_micros() }))
}

async fn append_on_sqlite(
    conn: &mut SqliteConnection,
    rows: &[(&str, &str)],
    (head, at): (i64, Timestamp),
) -> Result<(), StoreError> {
    const APPEND: &str = "
        INSERT INTO change_log (number, at, subject, id)
        SELECT $2 + 1 + key, $3, value ->> 0, value ->> 1
        FROM json_each($1)";

    let rows = serde_json::to_string(rows).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(APPEND).bind(rows).bind(head).bind(at.as_micros()).execute(conn).await?;
    Ok(())
}

async fn append_on_postgres(
    conn: &mut PgConnection,
    rows: &[(&str, &str)],
    (head, at): (i64, Timestamp),
) -> Result<(), StoreError> {
    const APPEND: &str = "
        INSERT INTO change_log (number, at, subject, id)
        SELECT $3 + place, $4, subject, id
        FROM UNNEST($1::TEXT[], $2::TEXT[]) WITH ORDINALITY AS new (subject, id, place)";

    let (kinds, ids): (Vec<&str>, Vec<&str>) = rows.iter().copied().unzip();
    sqlx::query(APPEND).bind(kinds).bind(ids).bind(head).bind(at.as_micros()).execute(conn).await?;
    Ok(())
}

const BEHIND: &str = "SELECT number, at, subject, id FROM change_log WHERE number >= $1 ORDER BY number";

/// What was written behind `seen`.
#[tracing::instrument(name = "db.change_log.behind", level = "debug", skip_all)]
pub(crate) async fn behind(tx: &mut Tx, seen: Position) -> Result<Behind, StoreError> {
    let rows: Vec<(i64, i64, String, String)> =
        on!(tx, conn => sqlx::query_as(BEHIND).bind(seen.number).fetch_all(conn).await?);
    let mut head = Position::default();
    let mut subjects = BTreeSet::new();
    for (number, at, kind, id) in rows {
        if number == seen.number {
            head = Position { number, at };
            continue;
        }
        // The row of `seen` itself tells that it is still the same log.
        if head.number + 1 != number || (head.number == seen.number && head != seen) {
            return Ok(Behind::Lost);
        }
        head = Position { number, at };
        subjects.insert((Column { table: "change_log", column: "subject" }.parse(&kind)?, id));
    }
    let is_same = head.number > seen.number || head == seen;
    Ok(if is_same { Behind::Read { subjects, head } } else { Behind::Lost })
}

/// How many rows stay however old they are.
const KEPT: i64 = 1_000;
/// How many rows are deleted at once.
const CHUNK: i64 = 10_000;

const PRUNE: &str = "
DELETE FROM change_log
WHERE at < $1
AND number < (SELECT MIN(number) FROM change_log) + $2
AND number <= (SELECT MAX(number) FROM change_log) - $3";

/// Deletes what is older than `before`, but for the last thousand rows.
#[tracing::instrument(name = "db.change_log.prune", level = "debug", skip_all)]
pub(crate) async fn prune(db: &Db, before: Timestamp) -> Result<u64, StoreError> {
    let mut pruned = 0;
    loop {
        let mut tx = db.write().await?;
        let rows = on!(tx, conn => {
            let prune = sqlx::query(PRUNE).bind(before.as_micros()).bind(CHUNK).bind(KEPT);
            prune.execute(conn).await?.rows_affected()
        });
        tx.commit().await?;
        if rows == 0 {
            return Ok(pruned);
        }
        pruned += rows;
    }
}
