//! The set-based statements for SQLite: a batch is one JSON parameter, or many rows of values at once.

use std::sync::{Arc, LazyLock};

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection};
use storage::StoreError;

use crate::row::{NewRow, NewestRow};

/// What the newest row of each of the phones `macs` says of where it stands; those never heard of are left out.
pub(super) async fn newest(conn: &mut SqliteConnection, macs: &[i64]) -> Result<Vec<NewestRow>, StoreError> {
    // All of them as one row, because each row takes its own way from the thread of the database to here; and as
    // text put together by hand, because SQLite would read the JSON that it only hands on.
    const NEWEST: &str = "
        SELECT '[' || group_concat(line, ',') || ']'
        FROM (
            SELECT (
                SELECT '[' || mac || ',' || number || ',' || iif(answer IS NULL, 'false', 'true') || ',\"' || to_state
                       || '\",' || coalesce(phone, 'null') || ']'
                FROM timeline
                WHERE mac = asked.value
                ORDER BY number DESC
                LIMIT 1
            ) AS line
            FROM jsonb_each($1) AS asked
        )";

    let newest: Option<String> = sqlx::query_scalar(NEWEST).bind(json(macs)?).fetch_one(conn).await?;
    let Some(newest) = newest else { return Ok(Vec::new()) };
    serde_json::from_str(&newest).map_err(|error| sqlx::Error::Decode(error.into()).into())
}

/// The ids of all that is recorded of the phones `macs`.
pub(super) async fn ids(conn: &mut SqliteConnection, macs: &[i64]) -> Result<Vec<Vec<u8>>, StoreError> {
    const IDS: &str = "
        WITH recorded AS (SELECT entry, answer FROM timeline WHERE mac IN (SELECT value FROM jsonb_each($1)))
        SELECT entry FROM recorded WHERE entry IS NOT NULL
        UNION ALL
        SELECT answer FROM recorded WHERE answer IS NOT NULL";

    Ok(sqlx::query_scalar(IDS).bind(json(macs)?).fetch_all(conn).await?)
}

type Append<'q> = Query<'q, Sqlite, SqliteArguments>;

/// How many rows one statement takes, the largest first. Each size is a statement of its own, prepared
/// once.
const ROWS: [usize; 4] = [64, 16, 4, 1];

/// `INSERT` with the values of as many rows as [`ROWS`] says, because so wide a row costs twice as much
/// where it is handed over as JSON and each column is looked up in it.
static APPEND: LazyLock<[(usize, String); 4]> = LazyLock::new(|| {
    // `OR FAIL`, because what fails is rolled back as a whole: otherwise SQLite writes down, for each statement, how to
    // undo it alone.
    const INSERT: &str = "
        INSERT OR FAIL INTO timeline (
            mac, number, entry, answer, at, answered_at, event, evidence, from_state, to_state, facts, phone
        )
        VALUES ";
    // Without numbers: SQLite searches the names of all parameters for each that is bound.
    const ROW: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    ROWS.map(|rows| (rows, format!("{INSERT}{}", vec![ROW; rows].join(", "))))
});

pub(super) async fn append(conn: &mut SqliteConnection, rows: Vec<NewRow>) -> Result<(), StoreError> {
    let (mut rows, mut words) = (rows.into_iter(), Words::default());
    for (size, statement) in APPEND.iter() {
        while rows.len() >= *size {
            let append = sqlx::query(statement.as_str());
            let append = rows.by_ref().take(*size).fold(append, |append, row| bound(append, row, &mut words));
            append.execute(&mut *conn).await?;
        }
    }
    Ok(())
}

/// Words that many rows have, each of which is in memory once for a batch.
#[derive(Default)]
struct Words(Vec<Arc<str>>);

impl Words {
    fn get(&mut self, word: &'static str) -> Arc<str> {
        if let Some(known) = self.0.iter().find(|known| ***known == *word) {
            return Arc::clone(known);
        }
        let new: Arc<str> = word.into();
        self.0.push(Arc::clone(&new));
        new
    }
}

/// Hands the values over in the order of the columns.
fn bound<'q>(append: Append<'q>, row: NewRow, words: &mut Words) -> Append<'q> {
    append
        .bind(row.mac)
        .bind(row.number)
        .bind(row.entry.map(Vec::from))
        .bind(row.answer.map(Vec::from))
        .bind(row.at)
        .bind(row.answered_at)
        .bind(words.get(row.event))
        .bind(words.get(row.evidence))
        .bind(words.get(row.from_state))
        .bind(words.get(row.to_state))
        .bind(row.facts)
        .bind(row.phone)
}

/// A batch as the one parameter of a statement.
fn json(macs: &[i64]) -> Result<String, StoreError> {
    serde_json::to_string(macs).map_err(|error| sqlx::Error::Encode(error.into()).into())
}
