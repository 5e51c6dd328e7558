//! SQL: a batch of observations becomes one transaction and few statements.
//!
//! The statements take the whole batch (`sqlite.rs`, `postgres.rs`): a transaction for each observation would cost
//! ten times as much, and the two databases have no way in common to take many rows. The steps of
//! [`Store::record`]:
//!
//! 1. begin;
//! 2. read where the phones of the batch stand, from the newest row of each;
//! 3. leave out the observations recorded before;
//! 4. apply the observations in order, in memory;
//! 5. add the rows: a phone has one row of each number, so that of two who have read the same row only one gets
//!    through, and the other begins anew;
//! 6. append what somebody stated to the audit log, and commit.

mod postgres;
mod sqlite;

use std::collections::{BTreeSet, HashMap, HashSet};

use storage::{Connection, Db, StoreError, Tx, on};
use vocabulary::MacAddress;

use crate::event::{Observation, ObservationId};
use crate::phone::Phone;
use crate::row::{NewRow, NewestRow, TimelineRow};
use crate::stated::Stated;
use crate::timeline::{Entry, Record};

/// How often a batch is begun. From the second time on nobody else records meanwhile, so that only a server that
/// ends a transaction by itself is a reason to begin once more.
const ATTEMPTS: u32 = 4;

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
    pub entries: Vec<Entry<'static>>,
    /// Whether there are older ones.
    pub more: bool,
}

/// Who else may record while a batch is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Everybody. Who comes second to a phone begins anew.
    Shared,
    /// Nobody.
    Alone,
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
        let mut turn = Turn::Shared;
        for _ in 1..ATTEMPTS {
            match self.record_once(observations, turn).await {
                Err(StoreError::Changed | StoreError::AlreadyExists) => turn = Turn::Alone,
                done => return done,
            }
        }
        self.record_once(observations, turn).await
    }

    async fn record_once(&self, observations: &[Observation], turn: Turn) -> Result<usize, StoreError> {
        let mut tx = self.db.write().await?;
        let phones = phones_of(&mut tx, observations, turn).await?;
        let new = unrecorded(&mut tx, &phones, observations).await?;
        if new.is_empty() {
            return Ok(0);
        }
        let (recorded, stated) = (new.len(), Stated::among(&new));
        let rows = applied(phones, new)?;
        match tx.connection() {
            Connection::Sqlite(conn) => sqlite::append(conn, rows).await?,
            Connection::Postgres(conn) => postgres::append(conn, rows).await?,
        }
        for statement in &stated {
            statement.audit(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(recorded)
    }

    /// Where those of `macs` stand that have been heard of, in the order of their addresses.
    #[tracing::instrument(name = "db.customization.states", level = "debug", skip_all, fields(phones = macs.len()))]
    pub async fn states(&self, macs: &[MacAddress]) -> Result<Vec<Phone>, StoreError> {
        let macs: BTreeSet<MacAddress> = macs.iter().copied().collect();
        let rows = match self.db.read().await?.connection() {
            Connection::Sqlite(conn) => sqlite::newest(conn, &numbers(macs)).await?,
            Connection::Postgres(conn) => postgres::newest(conn, &numbers(macs)).await?,
        };
        in_order(rows)
    }

    /// One page of a phone's timeline.
    #[tracing::instrument(name = "db.customization.timeline", level = "debug", skip_all, fields(device.mac = %page.mac))]
    pub async fn timeline(&self, page: Page) -> Result<Entries, StoreError> {
        const TIMELINE: &str = "
            SELECT mac, number, entry, answer, at, answered_at, event, evidence, from_state, to_state, facts
            FROM timeline
            WHERE mac = $1 AND number < $2
            ORDER BY number DESC
            LIMIT $3";

        let before = i64::try_from(page.before).unwrap_or(i64::MAX);
        // One more than wanted tells whether there are more; each row has at least one entry before that number.
        let limit = i64::from(page.limit) + 1;
        let rows: Vec<TimelineRow> = on!(self.db.read().await?, conn => {
            sqlx::query_as(TIMELINE).bind(page.mac.to_i64()).bind(before).bind(limit).fetch_all(conn).await?
        });
        let wanted = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let mut entries = Vec::with_capacity(wanted.min(rows.len() * 2));
        for row in rows {
            let newest_first = Record::try_from(row)?.into_entries().rev();
            entries.extend(newest_first.filter(|entry| entry.number < page.before));
        }
        let more = entries.len() > wanted;
        entries.truncate(wanted);
        Ok(Entries { entries, more })
    }
}

fn numbers(macs: impl IntoIterator<Item = MacAddress>) -> Vec<i64> {
    macs.into_iter().map(MacAddress::to_i64).collect()
}

fn in_order(rows: Vec<NewestRow>) -> Result<Vec<Phone>, StoreError> {
    let mut phones = rows.into_iter().map(Phone::try_from).collect::<Result<Vec<_>, _>>()?;
    phones.sort_unstable_by_key(|phone| phone.mac);
    Ok(phones)
}

/// Where the phones of `observations` stand, in the order of their addresses; those never heard of are left out.
async fn phones_of(tx: &mut Tx, observations: &[Observation], turn: Turn) -> Result<Vec<Phone>, StoreError> {
    let mut macs: Vec<MacAddress> = observations.iter().map(|seen| seen.mac).collect();
    macs.sort_unstable();
    macs.dedup();
    let macs = numbers(macs);
    in_order(match tx.connection() {
        // Nobody else writes anything.
        Connection::Sqlite(conn) => sqlite::newest(conn, &macs).await?,
        Connection::Postgres(conn) => postgres::newest_in_turn(conn, &macs, turn).await?,
    })
}

/// Where the phone stands, if it has been heard of.
fn find(phones: &[Phone], mac: MacAddress) -> Option<&Phone> {
    phones.binary_search_by_key(&mac, |phone| phone.mac).ok().and_then(|place| phones.get(place))
}

/// `observations` without those recorded before, and without repetitions among themselves.
///
/// Ids begin with the time. One that is greater than all those of its phone is new, and nothing needs to be looked
/// up; with the others, which are sent again or come late, all of the phone's are.
async fn unrecorded<'o>(
    tx: &mut Tx,
    phones: &[Phone],
    observations: &'o [Observation],
) -> Result<Vec<&'o Observation>, StoreError> {
    let doubtful = doubtful(phones, observations);
    if doubtful.is_empty() {
        return Ok(observations.iter().collect());
    }
    let ids = match tx.connection() {
        Connection::Sqlite(conn) => sqlite::ids(conn, &numbers(doubtful.iter().copied())).await?,
        Connection::Postgres(conn) => postgres::ids(conn, &numbers(doubtful.iter().copied())).await?,
    };
    let mut known: HashSet<ObservationId> =
        ids.into_iter().filter_map(|id| id.try_into().ok()).map(ObservationId).collect();
    let is_new = |seen: &&Observation| !doubtful.contains(&seen.mac) || seen.id.is_none_or(|id| known.insert(id));
    Ok(observations.iter().filter(is_new).collect())
}

/// The phones with observations whose ids are not greater than all before them.
fn doubtful(phones: &[Phone], observations: &[Observation]) -> BTreeSet<MacAddress> {
    let mut newest = HashMap::with_capacity(observations.len());
    let mut doubtful = BTreeSet::new();
    for seen in observations {
        let before = newest.entry(seen.mac).or_insert_with(|| find(phones, seen.mac).and_then(|phone| phone.newest));
        if seen.id <= *before {
            doubtful.insert(seen.mac);
        }
        *before = seen.id.max(*before);
    }
    doubtful
}

/// The rows that `observations` leave, in the order of their key.
fn applied(phones: Vec<Phone>, mut observations: Vec<&Observation>) -> Result<Vec<NewRow>, StoreError> {
    // Those of one phone stay in their order.
    observations.sort_by_key(|seen| seen.mac);
    let mut rows = Vec::with_capacity(observations.len());
    let mut phones = phones.into_iter().peekable();
    for of_one in observations.chunk_by(|left, right| left.mac == right.mac) {
        let Some(mac) = of_one.first().map(|seen| seen.mac) else { continue };
        while phones.next_if(|phone| phone.mac < mac).is_some() {}
        let mut phone = phones.next_if(|phone| phone.mac == mac).unwrap_or_else(|| Phone::unheard_of(mac));
        let mut entries = Vec::with_capacity(of_one.len());
        for observation in of_one {
            phone.observe(observation, &mut entries);
        }
        for row in NewRow::of(&Record::of(entries), &phone) {
            rows.push(row?);
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests;
