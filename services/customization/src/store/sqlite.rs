//! The set-based statements for SQLite: a batch is one JSON parameter, or many rows of values at once.

use std::sync::LazyLock;

use serde::Serialize;
use sqlx::SqliteConnection;
use storage::StoreError;
use vocabulary::MacAddress;

use crate::event::ObservationId;
use crate::row::{PhoneRow, TimelineRow};
use crate::store::Write;

/// Those of `ids` that are recorded.
pub(super) async fn known(conn: &mut SqliteConnection, ids: &[ObservationId]) -> Result<Vec<Vec<u8>>, StoreError> {
    const KNOWN: &str = "
        SELECT entry
        FROM timeline
        WHERE entry IN (SELECT unhex(value) FROM jsonb_each($1))";

    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    Ok(sqlx::query_scalar(KNOWN).bind(json(&ids)?).fetch_all(conn).await?)
}

/// The phones among `macs` that have been heard of, in the order of their addresses.
pub(super) async fn phones(conn: &mut SqliteConnection, macs: &[MacAddress]) -> Result<Vec<PhoneRow>, StoreError> {
    // All of them as one row, because each row takes its own way from the thread of the database to here.
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

    let macs = json(&macs.iter().map(|mac| mac.to_u64()).collect::<Vec<_>>())?;
    let known: String = sqlx::query_scalar(PHONES).bind(macs).fetch_one(conn).await?;
    serde_json::from_str(&known).map_err(|error| sqlx::Error::Decode(error.into()).into())
}

/// Says how many of them were new indeed.
pub(super) async fn phones_insert(conn: &mut SqliteConnection, phones: &[Write]) -> Result<u64, StoreError> {
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

    Ok(sqlx::query(INSERT).bind(json(phones)?).execute(conn).await?.rows_affected())
}

/// Says how many of them were as they had been seen.
pub(super) async fn phones_update(conn: &mut SqliteConnection, phones: &[Write]) -> Result<u64, StoreError> {
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

    Ok(sqlx::query(UPDATE).bind(json(phones)?).execute(conn).await?.rows_affected())
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

pub(super) async fn timeline_append(conn: &mut SqliteConnection, rows: Vec<TimelineRow>) -> Result<(), StoreError> {
    let mut rows = rows.into_iter();
    for (size, statement) in APPEND.iter() {
        while rows.len() >= *size {
            let append =
                rows.by_ref().take(*size).fold(sqlx::query(statement.as_str()), |append, row| row.bind_to(append));
            append.execute(&mut *conn).await?;
        }
    }
    Ok(())
}

/// A batch as the one parameter of a statement.
fn json<T: Serialize + ?Sized>(batch: &T) -> Result<String, StoreError> {
    serde_json::to_string(batch).map_err(|error| sqlx::Error::Encode(error.into()).into())
}
