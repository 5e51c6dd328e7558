//! The tables as an import needs them: a few statements for thousands of phones.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use sqlx::{FromRow, PgConnection, SqliteConnection};
use storage::{Connection, StoreError, Tx, on};
use vocabulary::{DeviceModel, MacAddress, Name, ProfileId, ProviderId, SerialNumber, Timestamp};

use super::macs::{Both, Dialect, Macs, both, mac_of};
use super::{Column, looked_for};
use crate::assignment::Description;
use crate::import::{ClaimRules, Claimant, Facts, OwnedBlocks, Planned, Registered, Row};
use crate::listing::searchable;

/// All that decides about the rows, which are in the order of their addresses.
#[tracing::instrument(name = "db.import.facts", level = "debug", skip_all, fields(rows = rows.len()))]
pub(crate) async fn import_facts(tx: &mut Tx, claimant: &Claimant, rows: &[Row]) -> Result<Facts, StoreError> {
    let phones: Vec<MacAddress> = rows.iter().map(|row| row.mac).collect();
    let macs = Macs::of(&phones);
    let ends = phones.first().zip(phones.last()).map(|(first, last)| (first.to_i64(), last.to_i64()));
    let rules = ClaimRules::new(super::claim_rules::claim_rules(tx).await?);
    let is_asked_for = rules.ask_for_something();
    Ok(Facts {
        profiles: profiles(tx, &claimant.provider, rows).await?,
        registered: registered(tx, &macs).await?,
        held: held(tx, &macs).await?,
        blocks: blocks(tx, ends.unwrap_or_default()).await?,
        rules,
        shipped: if is_asked_for { super::manifest::manifest_among(tx, &macs).await? } else { HashMap::new() },
    })
}

const PROFILES: Both = both!(
    text "
WITH wanted (value) AS (SELECT value FROM ",
    ")
SELECT id, name_key FROM profile
WHERE provider_id = $2 AND (id IN (SELECT value FROM wanted) OR name_key IN (SELECT value FROM wanted))"
);

/// The provider's profiles by what the rows call them: an id or a name, as `profile_named` takes it.
async fn profiles(tx: &mut Tx, provider: &ProviderId, rows: &[Row]) -> Result<HashMap<String, ProfileId>, StoreError> {
    let called: HashSet<&str> = rows.iter().map(|row| row.profile.as_str()).collect();
    let id = |text: &str| looked_for(text).trim().to_owned();
    let key = |text: &str| Name::key_of(&looked_for(text));
    let wanted: Vec<String> = called.iter().flat_map(|text| [id(text), key(text)]).collect();
    let found: Vec<(String, String)> = on!(tx, conn => {
        let find = sqlx::query_as(conn.text(&PROFILES)).bind(conn.texts(&wanted)).bind(provider.as_str());
        find.fetch_all(conn).await?
    });
    let mut by_text = HashMap::new();
    for (profile, name_key) in &found {
        by_text.insert(("id", profile.as_str()), profile);
        by_text.insert(("name", name_key.as_str()), profile);
    }
    let column = Column { table: "profile", column: "id" };
    let meant =
        |text: &str| by_text.get(&("id", id(text).as_str())).or(by_text.get(&("name", key(text).as_str()))).copied();
    let named = called.into_iter().filter_map(|text| Some((text.to_owned(), meant(text)?)));
    named.map(|(text, profile)| Ok((text, column.parse(profile)?))).collect()
}

const REGISTERED: Both = both!(
    "
SELECT mac, provider_id, profile_id, serial, model, note FROM device
WHERE mac IN (SELECT value FROM ",
    ")"
);

#[derive(FromRow)]
struct RegisteredRow {
    mac: i64,
    provider_id: String,
    profile_id: String,
    serial: Option<String>,
    model: Option<String>,
    note: String,
}

async fn registered(tx: &mut Tx, macs: &Macs) -> Result<HashMap<MacAddress, Registered>, StoreError> {
    let rows: Vec<RegisteredRow> = on!(tx, conn => {
        sqlx::query_as(conn.text(&REGISTERED)).bind(conn.numbers(macs)).fetch_all(conn).await?
    });
    let column = |column| Column { table: "device", column };
    let phone = |row: RegisteredRow| {
        let description = Description {
            serial: row.serial.map(|serial| column("serial").parse(&serial)).transpose()?,
            model: row.model.map(|model| column("model").parse(&model)).transpose()?,
            note: row.note,
        };
        let provider = column("provider_id").parse(&row.provider_id)?;
        let profile = column("profile_id").parse(&row.profile_id)?;
        Ok((mac_of("device", row.mac)?, Registered { provider, profile, description }))
    };
    rows.into_iter().map(phone).collect()
}

const HELD: Both = both!("SELECT mac FROM hold WHERE mac IN (SELECT value FROM ", ")");

async fn held(tx: &mut Tx, macs: &Macs) -> Result<HashSet<MacAddress>, StoreError> {
    let held: Vec<i64> =
        on!(tx, conn => sqlx::query_scalar(conn.text(&HELD)).bind(conn.numbers(macs)).fetch_all(conn).await?);
    held.into_iter().map(|mac| mac_of("hold", mac)).collect()
}

const BLOCKS: &str = "SELECT provider_id, first, last FROM address_range WHERE first <= $2 AND last >= $1";

async fn blocks(tx: &mut Tx, (first, last): (i64, i64)) -> Result<OwnedBlocks, StoreError> {
    let rows: Vec<(String, i64, i64)> =
        on!(tx, conn => sqlx::query_as(BLOCKS).bind(first).bind(last).fetch_all(conn).await?);
    let owner = Column { table: "address_range", column: "provider_id" };
    let block =
        |(provider, first, last): (String, i64, i64)| Ok((super::ranges::block(first, last)?, owner.parse(&provider)?));
    Ok(OwnedBlocks::new(rows.into_iter().map(block).collect::<Result<_, StoreError>>()?))
}

macro_rules! store {
    () => {
        "
        ON CONFLICT (mac) DO UPDATE
        SET profile_id = excluded.profile_id,
            serial = excluded.serial,
            model = excluded.model,
            note = excluded.note,
            search_text = excluded.search_text,
            changed_at = excluded.changed_at
        WHERE device.provider_id = excluded.provider_id"
    };
}

/// Stores phones that are the provider's or nobody's, in the order of their addresses.
#[tracing::instrument(name = "db.import.store", level = "debug", skip_all, fields(phones = phones.len()))]
pub(crate) async fn import_store(
    tx: &mut Tx,
    provider: &ProviderId,
    phones: &[Planned],
    at: Timestamp,
) -> Result<(), StoreError> {
    let stored = match tx.connection() {
        Connection::Sqlite(conn) => store_on_sqlite(conn, provider, phones, at).await?,
        Connection::Postgres(conn) => store_on_postgres(conn, provider, phones, at).await?,
    };
    // Whose each is was read in this transaction, and nobody else writes.
    if usize::try_from(stored) == Ok(phones.len()) { Ok(()) } else { Err(StoreError::Changed) }
}

/// How many phones one statement takes, the larger first. Each size is a statement of its own, prepared once.
const ROWS: [usize; 2] = [100, 1];

static STORE_ON_SQLITE: LazyLock<[(usize, String); 2]> = LazyLock::new(|| {
    const INSERT: &str = "
        INSERT INTO device (mac, provider_id, profile_id, serial, model, note, search_text, created_at, changed_at)
        VALUES ";
    // Without numbers: SQLite searches the names of all parameters for each that is bound.
    const ROW: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?)";

    ROWS.map(|rows| (rows, format!("{INSERT}{}{}", vec![ROW; rows].join(", "), store!())))
});

async fn store_on_sqlite(
    conn: &mut SqliteConnection,
    provider: &ProviderId,
    phones: &[Planned],
    at: Timestamp,
) -> Result<u64, StoreError> {
    let (mut phones, mut stored, at) = (phones.iter(), 0, at.as_micros());
    for (size, statement) in STORE_ON_SQLITE.iter() {
        while phones.len() >= *size {
            let store = sqlx::query(statement.as_str());
            let store = phones.by_ref().take(*size).fold(store, |store, Planned { row, profile, .. }| {
                let description = &row.description;
                let search_text = searchable(row.mac, description);
                let store = store.bind(row.mac.to_i64()).bind(provider.as_str()).bind(profile.as_str());
                let store = store.bind(serial(description)).bind(model(description));
                store.bind(description.note.as_str()).bind(search_text).bind(at).bind(at)
            });
            stored += store.execute(&mut *conn).await?.rows_affected();
        }
    }
    Ok(stored)
}

const STORE_ON_POSTGRES: &str = concat!(
    "
    INSERT INTO device (mac, provider_id, profile_id, serial, model, note, search_text, created_at, changed_at)
    SELECT mac, $7, profile_id, serial, model, note, search_text, $8, $8
    FROM UNNEST($1::BIGINT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::TEXT[], $6::TEXT[])
        AS new (mac, profile_id, serial, model, note, search_text)",
    store!()
);

async fn store_on_postgres(
    conn: &mut PgConnection,
    provider: &ProviderId,
    phones: &[Planned],
    at: Timestamp,
) -> Result<u64, StoreError> {
    let macs: Vec<i64> = phones.iter().map(|phone| phone.row.mac.to_i64()).collect();
    let profiles: Vec<&str> = phones.iter().map(|phone| phone.profile.as_str()).collect();
    let described = || phones.iter().map(|phone| &phone.row.description);
    let (serials, models): (Vec<_>, Vec<_>) = described().map(|known| (serial(known), model(known))).unzip();
    let notes: Vec<&str> = described().map(|known| known.note.as_str()).collect();
    let texts: Vec<String> = phones.iter().map(|phone| searchable(phone.row.mac, &phone.row.description)).collect();
    let store = sqlx::query(STORE_ON_POSTGRES).bind(macs).bind(profiles).bind(serials).bind(models).bind(notes);
    let store = store.bind(texts).bind(provider.as_str()).bind(at.as_micros());
    Ok(store.execute(conn).await?.rows_affected())
}

fn serial(description: &Description) -> Option<&str> {
    description.serial.as_ref().map(SerialNumber::as_str)
}

fn model(description: &Description) -> Option<&str> {
    description.model.as_ref().map(DeviceModel::as_str)
}
