//! SQL: appending one act, and reading acts back. Nothing here changes or removes one; the table's triggers
//! would refuse it.

use storage::{Connection, Db, StoreError, on};

use crate::act::Act;
use crate::bytes::Bytes;
use crate::chain::{Columns, Hash};

/// Reads whole rows; what follows says which.
macro_rules! select {
    ($which:expr) => {
        concat!(
            "
            SELECT number, at, concerns, subject, subject_tenant, source, request_id, verb, target, detail,
                   previous, hash
            FROM act",
            $which
        )
    };
}

/// A row as it stands there.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Row {
    pub number: i64,
    pub at: i64,
    pub concerns: Bytes,
    pub subject: Bytes,
    pub subject_tenant: Bytes,
    pub source: Bytes,
    pub request_id: Bytes,
    pub verb: Bytes,
    pub target: Bytes,
    pub detail: Bytes,
    pub previous: Vec<u8>,
    pub hash: Vec<u8>,
}

impl Row {
    /// The columns that the hash speaks of.
    pub fn columns(&self) -> Columns<'_> {
        let texts = [
            self.concerns.as_slice(),
            self.subject.as_slice(),
            self.subject_tenant.as_slice(),
            self.source.as_slice(),
            self.request_id.as_slice(),
            self.verb.as_slice(),
            self.target.as_slice(),
            self.detail.as_slice(),
        ];
        Columns { number: self.number, at: self.at, texts }
    }
}

/// Which acts are wanted. Empty texts and lists want all.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub concerns: Vec<String>,
    pub verb_prefix: String,
    pub target: String,
    pub subject: String,
    pub from: i64,
    pub until: i64,
    /// Only acts numbered below this.
    pub before: i64,
    pub limit: u32,
}

/// Appends `act` to the log of this service, in the transaction of what was done: both are kept, or neither.
///
/// `tx` is that transaction's connection. On PostgreSQL, those who append wait for one another until they
/// commit: append as late as the transaction allows, after what may have to wait for a row.
///
/// Fails only where the database does; no text is too long.
#[tracing::instrument(name = "db.audit.append", level = "debug", skip_all, fields(audit.verb = act.verb))]
pub async fn append(mut tx: Connection<'_>, act: &Act<'_>) -> Result<(), StoreError> {
    const LAST: &str = "SELECT number, hash FROM act ORDER BY number DESC LIMIT 1";
    const APPEND: &str = "
        INSERT INTO act (number, at, concerns, subject, subject_tenant, source, request_id, verb, target, detail,
                         previous, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

    wait_for_turn(&mut tx).await?;
    let last: Option<(i64, Vec<u8>)> = on!(tx, conn => sqlx::query_as(LAST).fetch_optional(conn).await?);
    let (last, previous) = last.unwrap_or_else(|| (0, Hash::default().to_vec()));
    let previous: Hash = previous.try_into().map_err(|_| StoreError::Inconsistent { table: "act", column: "hash" })?;
    let (number, at) = (last.saturating_add(1), act.at.as_micros());
    let texts = act.texts();
    let columns = Columns { number, at, texts: texts.each_ref().map(String::as_bytes) };
    let hash = columns.hash(&previous);
    on!(tx, conn => {
        let statement = sqlx::query(APPEND).bind(number).bind(at);
        let statement = texts.iter().fold(statement, sqlx::query::Query::bind);
        statement.bind(previous.as_slice()).bind(hash.as_slice()).execute(conn).await?;
    });
    Ok(())
}

/// Until the transaction ends, nobody else appends, so that the last act stays the last.
async fn wait_for_turn(tx: &mut Connection<'_>) -> Result<(), StoreError> {
    // The table's own number is the lock's, so that services in one database do not wait for one another. A lock on
    // the table itself would ask for the right to change rows, which nobody needs to have.
    const TURN: &str = "SELECT pg_advisory_xact_lock('act'::regclass::oid::bigint)";

    match tx {
        // SQLite has one writer.
        Connection::Sqlite(_) => {}
        Connection::Postgres(conn) => {
            sqlx::query(TURN).execute(&mut **conn).await?;
        }
    }
    Ok(())
}

/// At most `limit` rows that come after the one numbered `after`, in their order.
pub(crate) async fn acts_after(db: &Db, after: i64, limit: u32) -> Result<Vec<Row>, StoreError> {
    const AFTER: &str = select!(" WHERE number > $1 ORDER BY number LIMIT $2");

    Ok(on!(db.read().await?, conn => sqlx::query_as(AFTER).bind(after).bind(i64::from(limit)).fetch_all(conn).await?))
}

/// The wanted acts, newest first, and whether there are older ones.
#[tracing::instrument(name = "db.audit.acts", level = "debug", skip_all)]
pub(crate) async fn acts(db: &Db, wanted: &Wanted) -> Result<(Vec<Row>, bool), StoreError> {
    macro_rules! select_wanted {
        ($tenants:literal) => {
            select!(concat!(
                "
            WHERE number < $1
              AND at >= $2
              AND at < $3
              AND substr(verb, 1, length($4)) = $4
              AND ($5 = '' OR target = $5)
              AND ($6 = '' OR subject = $6)
              ",
                $tenants,
                "
            ORDER BY number DESC
            LIMIT $7"
            ))
        };
    }
    /// The statement with its first seven values.
    macro_rules! bound {
        ($statement:expr, $wanted:expr) => {
            sqlx::query_as($statement)
                .bind($wanted.before)
                .bind($wanted.from)
                .bind($wanted.until)
                .bind(&$wanted.verb_prefix)
                .bind(&$wanted.target)
                .bind(&$wanted.subject)
                // One more than wanted tells whether there are more.
                .bind(i64::from($wanted.limit) + 1)
        };
    }
    const OF_ALL: &str = select_wanted!("");
    const IN_JSON: &str = select_wanted!("AND concerns IN (SELECT value FROM json_each($8))");
    const IN_ARRAY: &str = select_wanted!("AND concerns = ANY ($8)");

    // The two have no way in common to take a list.
    let mut rows: Vec<Row> = match db.read().await?.connection() {
        Connection::Sqlite(conn) if wanted.concerns.is_empty() => bound!(OF_ALL, wanted).fetch_all(conn).await?,
        Connection::Sqlite(conn) => {
            let concerns = serde_json::Value::from(wanted.concerns.clone()).to_string();
            bound!(IN_JSON, wanted).bind(concerns).fetch_all(conn).await?
        }
        Connection::Postgres(conn) if wanted.concerns.is_empty() => bound!(OF_ALL, wanted).fetch_all(conn).await?,
        Connection::Postgres(conn) => bound!(IN_ARRAY, wanted).bind(&wanted.concerns).fetch_all(conn).await?,
    };
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows, more))
}
