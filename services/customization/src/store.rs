//! SQL: a batch of observations becomes one transaction and few statements.
//!
//! The statements take the whole batch (`sqlite.rs`, `postgres.rs`): a transaction for each observation would cost
//! ten times as much, and the two databases have no way in common to take many rows. The steps of
//! [`Store::record`]:
//!
//! 1. begin;
//! 2. read where the phones of the batch stand; nobody else writes them until the end;
//! 3. leave out the observations recorded before;
//! 4. apply the observations in order, in memory;
//! 5. write the phones back, guarded by the number of entries each had when it was read;
//! 6. append the entries, and what somebody stated to the audit log, and commit.

mod postgres;
mod sqlite;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;
use storage::{Connection, Db, StoreError, Tx, on};
use vocabulary::MacAddress;

use crate::event::{Observation, ObservationId};
use crate::phone::Phone;
use crate::row::{PhoneRow, TimelineRow};
use crate::stated::Stated;
use crate::timeline::Entry;

/// How often a batch is begun anew because somebody else recorded the same phones for the first time, or the same
/// observations, at the same moment. Each time somebody got through; SQLite, with one writer, never needs a second.
const ATTEMPTS: u32 = 10;

/// The database of this service.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    db: Db,
}

/// Which part of a phone's timeline is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    pub mac: MacAddress,
    /// Only entries numbered below this.
    pub before: u64,
    /// At most this many.
    pub limit: u32,
}

/// A part of a timeline, newest first.
#[derive(Debug)]
pub(crate) struct Entries {
    pub entries: Vec<Entry>,
    /// Whether there are older ones.
    pub more: bool,
}

impl Store {
    /// Keeps everything in `db`.
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// The database itself.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db.ping().await
    }

    /// Waits for what is under way and closes the database.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Records `observations` in their order, all of them or none, and says how many were new. What was
    /// recorded survives a power cut once this returns.
    #[tracing::instrument(name = "db.customization.record", level = "debug", skip_all, fields(batch = observations.len()))]
    pub async fn record(&self, observations: &[Observation]) -> Result<usize, StoreError> {
        let mut attempt = 1;
        loop {
            match self.record_once(observations).await {
                Err(StoreError::Changed | StoreError::AlreadyExists) if attempt < ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }

    async fn record_once(&self, observations: &[Observation]) -> Result<usize, StoreError> {
        let mut tx = self.db.write().await?;
        let mut seen = phones_of(&mut tx, observations).await?;
        let new = unrecorded(&mut tx, observations).await?;
        if new.is_empty() {
            return Ok(0);
        }
        let recorded = new.len();
        let concerned: BTreeSet<MacAddress> = new.iter().map(|observation| observation.mac).collect();
        seen.retain(|mac, _| concerned.contains(mac));
        let stated = Stated::among(&new);
        let (phones, timeline) = applied(&seen, new);
        phones_write(&mut tx, &seen, &phones).await?;
        timeline_append(&mut tx, timeline).await?;
        for statement in &stated {
            statement.audit(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(recorded)
    }

    /// Where those of `macs` stand that have been heard of, in the order of their addresses.
    #[tracing::instrument(name = "db.customization.states", level = "debug", skip_all, fields(phones = macs.len()))]
    pub async fn states(&self, macs: &[MacAddress]) -> Result<Vec<Phone>, StoreError> {
        let rows = match self.db.read().await?.connection() {
            Connection::Sqlite(conn) => sqlite::phones(conn, macs).await?,
            Connection::Postgres(conn) => postgres::phones(conn, macs).await?,
        };
        rows.into_iter().map(Phone::try_from).collect()
    }

    /// One page of a phone's timeline.
    #[tracing::instrument(name = "db.customization.timeline", level = "debug", skip_all, fields(device.mac = %page.mac))]
    pub async fn timeline(&self, page: Page) -> Result<Entries, StoreError> {
        const TIMELINE: &str = "
            SELECT mac, number, entry, at, event, evidence, from_state, to_state, refused,
                   question, profile_id, rule, reason, failure_class, failure_status, next_retry, place,
                   source, request_id, provider_id, firmware, model
            FROM timeline
            WHERE mac = $1 AND number < $2
            ORDER BY number DESC
            LIMIT $3";

        let before = i64::try_from(page.before).unwrap_or(i64::MAX);
        // One more than wanted tells whether there are more.
        let limit = i64::from(page.limit) + 1;
        let mut rows: Vec<TimelineRow> = on!(self.db.read().await?, conn => {
            sqlx::query_as(TIMELINE).bind(page.mac.to_i64()).bind(before).bind(limit).fetch_all(conn).await?
        });
        let wanted = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let entries = rows.into_iter().map(Entry::try_from).collect::<Result<_, _>>()?;
        Ok(Entries { entries, more })
    }
}

/// `observations` without those recorded before, and without repetitions among themselves.
async fn unrecorded(tx: &mut Tx, observations: &[Observation]) -> Result<Vec<Observation>, StoreError> {
    let ids: Vec<ObservationId> = observations.iter().filter_map(|seen| seen.id).collect();
    let known = match tx.connection() {
        Connection::Sqlite(conn) => sqlite::known(conn, &ids).await?,
        Connection::Postgres(conn) => postgres::known(conn, &ids).await?,
    };
    let mut known: HashSet<ObservationId> =
        known.into_iter().filter_map(|id| id.try_into().ok()).map(ObservationId).collect();
    let new = observations.iter().filter(|seen| seen.id.is_none_or(|id| known.insert(id)));
    Ok(new.cloned().collect())
}

/// Where the phones of `observations` stand, those never heard of included.
async fn phones_of(tx: &mut Tx, observations: &[Observation]) -> Result<BTreeMap<MacAddress, Phone>, StoreError> {
    let mut all: BTreeMap<MacAddress, Phone> =
        observations.iter().map(|seen| (seen.mac, Phone::unheard_of(seen.mac))).collect();
    let macs: Vec<MacAddress> = all.keys().copied().collect();
    let known = match tx.connection() {
        // Nobody else writes anything.
        Connection::Sqlite(conn) => sqlite::phones(conn, &macs).await?,
        Connection::Postgres(conn) => postgres::phones_taken(conn, &macs).await?,
    };
    for row in known {
        let phone = Phone::try_from(row)?;
        all.insert(phone.mac, phone);
    }
    Ok(all)
}

/// The phones after `observations`, and what to add to the timeline, in the order of its key.
fn applied(
    seen: &BTreeMap<MacAddress, Phone>,
    observations: Vec<Observation>,
) -> (BTreeMap<MacAddress, Phone>, Vec<Entry>) {
    let mut phones = seen.clone();
    let mut timeline = Vec::with_capacity(observations.len());
    for observation in observations {
        let mac = observation.mac;
        phones.entry(mac).or_insert_with(|| Phone::unheard_of(mac)).observe(observation, &mut timeline);
    }
    timeline.sort_by_key(|entry| (entry.observation.mac, entry.number));
    (phones, timeline)
}

/// A phone to be written, and how many entries it had when it was read.
#[derive(Serialize)]
struct Write {
    seen: u64,
    #[serde(flatten)]
    row: PhoneRow,
}

async fn phones_write(
    tx: &mut Tx,
    seen: &BTreeMap<MacAddress, Phone>,
    phones: &BTreeMap<MacAddress, Phone>,
) -> Result<(), StoreError> {
    let writes = seen.values().zip(phones.values()).map(|(was, is)| Write { seen: was.entries, row: is.into() });
    let (new, known): (Vec<Write>, Vec<Write>) = writes.partition(|write| write.seen == 0);
    if !new.is_empty() {
        let written = match tx.connection() {
            Connection::Sqlite(conn) => sqlite::phones_insert(conn, &new).await?,
            Connection::Postgres(conn) => postgres::phones_insert(conn, &new).await?,
        };
        expect_all(&new, written)?;
    }
    if !known.is_empty() {
        let written = match tx.connection() {
            Connection::Sqlite(conn) => sqlite::phones_update(conn, &known).await?,
            Connection::Postgres(conn) => postgres::phones_update(conn, &known).await?,
        };
        expect_all(&known, written)?;
    }
    Ok(())
}

/// Every one of `phones` must be written; one that is not was changed since it was read.
fn expect_all(phones: &[Write], written: u64) -> Result<(), StoreError> {
    if u64::try_from(phones.len()).is_ok_and(|count| count == written) { Ok(()) } else { Err(StoreError::Changed) }
}

async fn timeline_append(tx: &mut Tx, entries: Vec<Entry>) -> Result<(), StoreError> {
    let rows: Vec<TimelineRow> = entries.into_iter().map(TimelineRow::from).collect();
    match tx.connection() {
        Connection::Sqlite(conn) => sqlite::timeline_append(conn, rows).await,
        Connection::Postgres(conn) => postgres::timeline_append(conn, &rows).await,
    }
}

#[cfg(test)]
mod tests;
