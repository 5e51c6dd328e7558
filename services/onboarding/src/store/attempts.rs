//! The table `attempt`: who tried, and what came of it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;
use sqlx::FromRow;
use storage::{Connection, Db, StoreError, Tx, on};
use vocabulary::{CodeId, DeviceModel, MacAddress, ProviderId, Timestamp};

use super::codes::row_take;
use super::row::{count, impossible, mac};
use super::{postgres, sqlite};
use crate::attempts::{Network, Outcome};
use crate::record::NOBODYS;

const DAY: i64 = 86_400_000_000;

/// Rows that one transaction forgets at most: more than the groups since the last time have added, and too few to keep
/// a phone waiting.
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
/// refused `keep_days` ago. Who has redeemed a code is kept as long as the code. For whoever has the turn of guesses.
#[tracing::instrument(name = "db.attempt.forget", level = "debug", skip_all)]
pub(crate) async fn forget(tx: &mut Tx, now: Timestamp, keep_days: u32) -> Result<(), StoreError> {
    let now = now.as_micros();
    // A guess adds one attempt, and up to three budgets.
    on!(tx, conn => {
        sqlx::query(FORGET_BUDGETS).bind(now).bind(4 * FORGOTTEN).execute(&mut *conn).await?;
        sqlx::query(FORGET_UNKNOWN).bind(NOBODYS).bind(now - DAY).bind(FORGOTTEN).execute(&mut *conn).await?;
        let kept_since = now - i64::from(keep_days) * DAY;
        sqlx::query(FORGET_REFUSED).bind(kept_since).bind(FORGOTTEN).execute(conn).await?;
    });
    Ok(())
}

/// What came of the attempts of a group, to be written at once.
///
/// Those that cost the guesser nothing replace the one before, so that nobody can fill the disk: throttled ones of a
/// network, and repetitions by a phone.
#[derive(Default)]
pub(super) struct Notes<'a> {
    kept: Vec<Note<'a>>,
    /// Of those with the same key only the last.
    replacing: BTreeMap<(&'static str, &'a str, Replaced<'a>), Note<'a>>,
}

/// Whose attempts one replaces.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Replaced<'a> {
    OfNetwork(&'a str),
    OfPhone(MacAddress),
}

#[derive(Serialize)]
pub(super) struct Note<'a> {
    pub code_id: &'a str,
    pub provider_id: &'a str,
    pub mac: i64,
    pub model: &'a str,
    pub source: IpAddr,
    pub network: &'a str,
    pub at: i64,
    pub outcome: &'static str,
}

impl<'a> Notes<'a> {
    pub fn add(&mut self, attempt: &'a Attempt, outcome: Outcome) {
        let note = Note {
            code_id: attempt.code.as_str(),
            provider_id: attempt.provider.as_str(),
            mac: attempt.mac.to_i64(),
            model: attempt.model.as_ref().map_or("", DeviceModel::as_str),
            source: attempt.source,
            network: attempt.network.as_str(),
            at: attempt.at.as_micros(),
            outcome: outcome.word(),
        };
        let replaced = if outcome == Outcome::Throttled {
            Some(Replaced::OfNetwork(note.network))
        } else {
            (outcome == Outcome::Repeated).then_some(Replaced::OfPhone(attempt.mac))
        };
        match replaced {
            Some(replaced) => drop(self.replacing.insert((note.outcome, note.code_id, replaced), note)),
            None => self.kept.push(note),
        }
    }

    #[tracing::instrument(name = "db.attempt.note", level = "debug", skip_all)]
    pub async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        let Self { mut kept, replacing } = self;
        let replacing: Vec<Note> = replacing.into_values().collect();
        if !replacing.is_empty() {
            match tx.connection() {
                Connection::Sqlite(conn) => sqlite::notes_replaced(conn, &replacing).await?,
                Connection::Postgres(conn) => postgres::notes_replaced(conn, &replacing).await?,
            }
        }
        kept.extend(replacing);
        kept.sort_by_key(|note| note.at);
        match tx.connection() {
            Connection::Sqlite(conn) => sqlite::notes_insert(conn, &kept).await,
            Connection::Postgres(conn) => postgres::notes_insert(conn, &kept).await,
        }
    }
}

const MISSES: &str = "
SELECT mac, network
FROM attempt
WHERE code_id = $1 AND at > $2
AND outcome IN ('wrong_model', 'wrong_network', 'wrong_phone', 'not_registered')
ORDER BY at DESC LIMIT $3";

/// Phones that brought the code and were outside its limits in the last 24 hours, the newest first, at most so many.
pub(crate) async fn misses_of(
    mut conn: Connection<'_>,
    code_id: &str,
    most: u32,
    now: Timestamp,
) -> Result<Vec<(MacAddress, Network)>, StoreError> {
    let since = now.as_micros() - DAY;
    let rows: Vec<(i64, String)> = on!(conn, conn => {
        sqlx::query_as(MISSES).bind(code_id).bind(since).bind(i64::from(most)).fetch_all(conn).await?
    });
    rows.into_iter().map(|(bits, network)| Ok((mac(bits, "mac")?, Network::stored(network)))).collect()
}

const ALERTED: &str = "
SELECT EXISTS (SELECT 1 FROM attempt WHERE code_id = $1 AND at > $2 AND outcome = 'search')";

/// Whether the code's provider was alerted in the 24 hours before this miss.
pub(crate) async fn is_alerted(mut conn: Connection<'_>, miss: &Attempt) -> Result<bool, StoreError> {
    let since = miss.at.as_micros() - DAY;
    Ok(on!(conn, conn => {
        sqlx::query_scalar(ALERTED).bind(miss.code.as_str()).bind(since).fetch_one(conn).await?
    }))
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
    // Two who found none at the same moment would both note theirs.
    row_take(&mut tx, miss.code.as_str()).await?;
    let noted = on!(tx, conn => sqlx::query(ALERT)
        .bind(miss.code.as_str())
        .bind(miss.provider.as_str())
        .bind(miss.mac.to_i64())
        .bind(miss.model.as_ref().map_or("", DeviceModel::as_str))
        .bind(miss.source.to_string())
        .bind(miss.network.as_str())
        .bind(miss.at.as_micros())
        .bind(miss.at.as_micros() - DAY)
        .execute(conn).await?.rows_affected());
    tx.commit().await?;
    Ok(noted == 1)
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
    mut conn: Connection<'_>,
    codes: (&ProviderId, &str),
    before: i64,
    most: i64,
) -> Result<Vec<Kept>, StoreError> {
    let (provider, code_id) = codes;
    let rows: Vec<AttemptRow> = on!(conn, conn => {
        let query = sqlx::query_as(ATTEMPTS).bind(provider.as_str()).bind(code_id);
        query.bind(before).bind(most).fetch_all(conn).await?
    });
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
