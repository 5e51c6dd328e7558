//! SQL: a batch of observations becomes one transaction and few statements.
//!
//! The statements take the batch as one JSON parameter, or many rows of values at once: a transaction for
//! each observation would cost ten times as much. The steps of [`Store::record`]:
//!
//! 1. begin, so that nobody else writes until the end;
//! 2. leave out the observations recorded before;
//! 3. read where the phones of the batch stand;
//! 4. apply the observations in order, in memory;
//! 5. write the phones back, guarded by the number of entries each had when it was read;
//! 6. append the entries, and what somebody stated to the audit log, and commit.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use serde::Serialize;
use storage::{Db, StoreError, Tx};
use vocabulary::MacAddress;

use crate::event::{Observation, ObservationId};
use crate::phone::Phone;
use crate::row::{PhoneRow, TimelineRow};
use crate::stated::Stated;
use crate::timeline::Entry;

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
    pub async fn record(&self, observations: Vec<Observation>) -> Result<usize, StoreError> {
        let mut tx = self.db.write().await?;
        let new = unrecorded(&mut tx, observations).await?;
        if new.is_empty() {
            return Ok(0);
        }
        let recorded = new.len();
        let seen = phones_of(&mut tx, &new).await?;
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
        let macs = json(&macs.iter().map(|mac| mac.to_u64()).collect::<Vec<_>>())?;
        let known: String = sqlx::query_scalar(PHONES).bind(macs).fetch_one(self.db.reader()).await?;
        phones(&known)
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

        let mut rows: Vec<TimelineRow> = sqlx::query_as(TIMELINE)
            .bind(page.mac.to_i64())
            .bind(i64::try_from(page.before).unwrap_or(i64::MAX))
            // One more than wanted tells whether there are more.
            .bind(i64::from(page.limit) + 1)
            .fetch_all(self.db.reader())
            .await?;
        let wanted = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let entries = rows.into_iter().map(Entry::try_from).collect::<Result<_, _>>()?;
        Ok(Entries { entries, more })
    }
}

/// `observations` without those recorded before, and without repetitions among themselves.
async fn unrecorded(tx: &mut Tx, observations: Vec<Observation>) -> Result<Vec<Observation>, StoreError> {
    const KNOWN: &str = "
        SELECT entry
        FROM timeline
        WHERE entry IN (SELECT unhex(value) FROM jsonb_each($1))";

    let ids: Vec<String> = observations.iter().filter_map(|seen| seen.id).map(|id| id.to_string()).collect();
    let known: Vec<Vec<u8>> = sqlx::query_scalar(KNOWN).bind(json(&ids)?).fetch_all(&mut **tx).await?;
    let mut known: HashSet<ObservationId> =
        known.into_iter().filter_map(|id| id.try_into().ok()).map(ObservationId).collect();
    Ok(observations.into_iter().filter(|seen| seen.id.is_none_or(|id| known.insert(id))).collect())
}

/// All of them as one row, because each row takes its own way from the thread of the database to here.
const PHONES: &str = "
    SELECT json_group_array(
               json_object(
                   'mac', mac,
                   'state', state,
                   'entries', entries,
                   'first_contact', first_contact,
                   'last_contact', last_contact,
                   'firmware', firmware,
                   'model', model,
                   'failure_class', failure_class,
                   'failure_status', failure_status,
                   'next_retry', next_retry,
                   'acquired_at', acquired_at,
                   'second_hand_since', second_hand_since
               )
               ORDER BY mac
           )
    FROM phone
    WHERE mac IN (SELECT value FROM jsonb_each($1))";

/// What [`PHONES`] answered.
fn phones(json: &str) -> Result<Vec<Phone>, StoreError> {
    let rows: Vec<PhoneRow> = serde_json::from_str(json).map_err(|error| sqlx::Error::Decode(error.into()))?;
    rows.into_iter().map(Phone::try_from).collect()
}

/// Where the phones of `observations` stand, those never heard of included.
async fn phones_of(tx: &mut Tx, observations: &[Observation]) -> Result<BTreeMap<MacAddress, Phone>, StoreError> {
    let mut all: BTreeMap<MacAddress, Phone> =
        observations.iter().map(|seen| (seen.mac, Phone::unheard_of(seen.mac))).collect();
    let macs = json(&all.keys().map(|mac| mac.to_u64()).collect::<Vec<_>>())?;
    let known: String = sqlx::query_scalar(PHONES).bind(macs).fetch_one(&mut **tx).await?;
    all.extend(phones(&known)?.into_iter().map(|phone| (phone.mac, phone)));
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
    phones_insert(tx, &new).await?;
    phones_update(tx, &known).await
}

async fn phones_insert(tx: &mut Tx, phones: &[Write]) -> Result<(), StoreError> {
    const INSERT: &str = "
        INSERT INTO phone (
            mac, state, entries, first_contact, last_contact, firmware, model,
            failure_class, failure_status, next_retry, acquired_at, second_hand_since
        )
        SELECT value ->> 'mac',
               value ->> 'state',
               value ->> 'entries',
               value ->> 'first_contact',
               value ->> 'last_contact',
               value ->> 'firmware',
               value ->> 'model',
               value ->> 'failure_class',
               value ->> 'failure_status',
               value ->> 'next_retry',
               value ->> 'acquired_at',
               value ->> 'second_hand_since'
        FROM jsonb_each($1)
        WHERE TRUE
        ON CONFLICT (mac) DO NOTHING";

    write_each(tx, INSERT, phones).await
}

async fn phones_update(tx: &mut Tx, phones: &[Write]) -> Result<(), StoreError> {
    const UPDATE: &str = "
        UPDATE phone
        SET state          = new.value ->> 'state',
            entries        = new.value ->> 'entries',
            first_contact  = new.value ->> 'first_contact',
            last_contact   = new.value ->> 'last_contact',
            firmware       = new.value ->> 'firmware',
            model          = new.value ->> 'model',
            failure_class  = new.value ->> 'failure_class',
            failure_status = new.value ->> 'failure_status',
            next_retry     = new.value ->> 'next_retry',
            acquired_at    = new.value ->> 'acquired_at',
            second_hand_since = new.value ->> 'second_hand_since'
        FROM jsonb_each($1) AS new
        WHERE phone.mac = new.value ->> 'mac' AND phone.entries = new.value ->> 'seen'";

    write_each(tx, UPDATE, phones).await
}

/// Every one of `phones` must be written; one that is not was changed since it was read.
async fn write_each(tx: &mut Tx, statement: &'static str, phones: &[Write]) -> Result<(), StoreError> {
    if phones.is_empty() {
        return Ok(());
    }
    let done = sqlx::query(statement).bind(json(phones)?).execute(&mut **tx).await?;
    let all = u64::try_from(phones.len()).is_ok_and(|count| count == done.rows_affected());
    if all { Ok(()) } else { Err(StoreError::Changed) }
}

/// How many entries one statement takes, the largest first. Each size is a statement of its own, prepared
/// once.
const ROWS: [usize; 4] = [64, 16, 4, 1];

/// `INSERT` with the values of as many entries as [`ROWS`] says, because so wide a row costs twice as much
/// where it is handed over as JSON and each column is looked up in it.
static APPEND: LazyLock<[(usize, String); 4]> = LazyLock::new(|| {
    const INSERT: &str = "
        INSERT INTO timeline (
            mac, number, entry, at, event, evidence, from_state, to_state, refused,
            question, profile_id, rule, reason, failure_class, failure_status, next_retry, place,
            source, request_id, provider_id, firmware, model
        )
        VALUES ";
    // Without numbers: SQLite searches the names of all parameters for each that is bound.
    const ROW: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    ROWS.map(|rows| (rows, format!("{INSERT}{}", vec![ROW; rows].join(", "))))
});

async fn timeline_append(tx: &mut Tx, entries: Vec<Entry>) -> Result<(), StoreError> {
    let mut rows = entries.into_iter().map(TimelineRow::from);
    for (size, statement) in APPEND.iter() {
        while rows.len() >= *size {
            let append =
                rows.by_ref().take(*size).fold(sqlx::query(statement.as_str()), |append, row| row.bind_to(append));
            append.execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// A batch as the one parameter of a statement.
fn json<T: Serialize + ?Sized>(batch: &T) -> Result<String, StoreError> {
    serde_json::to_string(batch).map_err(|error| StoreError::Failed(sqlx::Error::Encode(error.into())))
}

#[cfg(test)]
mod tests;
