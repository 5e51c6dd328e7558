//! Reads everything a phone can ask for.

use std::sync::Arc;

use storage::{Connection, StoreError, Tx, on};
use vault::Vault;
use vocabulary::{MacAddress, ProfileId, Timestamp};

use super::Column;
use super::profiles::ProfileRow;
use crate::index::{Change, Index, StoredPhone};

/// Rows read at a time, so that no table is ever held whole beside the index.
const CHUNK: i64 = 10_000;
/// Profiles are thousands of times larger than phones.
const PROFILE_CHUNK: i64 = 100;

const FROZEN: &str = "SELECT provider_id FROM frozen_provider";

const PROFILES: &str = "
SELECT id, provider_id, name, sealed_parameters, proof, version, created_at, changed_at
FROM profile WHERE id > $1
ORDER BY id LIMIT $2";

// One value for thousands of phones: a row costs a trip from the database's thread or socket to ours, and ten million
// of them most of a start. A serial number may have spaces, and has no line's end.
const DEVICES: &str = "
SELECT MAX(mac), string_agg(mac || ' ' || profile_id || ' ' || COALESCE(serial, ''), '\n')
FROM (SELECT mac, profile_id, serial FROM device WHERE mac > $1 ORDER BY mac LIMIT $2) AS part";

/// Puts all that is committed into `index`, which is empty. `tx` sees one moment.
#[tracing::instrument(name = "db.load", level = "debug", skip_all)]
pub(crate) async fn load(tx: &mut Tx, vault: &Vault, (index, now): (&Arc<Index>, Timestamp)) -> Result<(), StoreError> {
    load_profiles(tx, vault, index).await?;
    load_devices(tx, index).await?;
    load_keys(tx, vault, index).await?;
    let ranges = super::ranges::ranges(tx).await?;
    index.apply(Change::RangesStored(ranges.into_iter().map(Into::into).collect()));
    for (provider, expired_certificates) in super::provider_policy::provider_policies(tx).await? {
        index.apply(Change::PolicySet { provider, expired_certificates });
    }
    for window in super::windows::window_open(tx, now).await? {
        index.apply(window.into());
    }
    let frozen: Vec<String> = on!(tx, conn => sqlx::query_scalar(FROZEN).fetch_all(conn).await?);
    for provider in frozen {
        let provider = Column { table: "frozen_provider", column: "provider_id" }.parse(&provider)?;
        index.apply(Change::ProviderFrozen(provider));
    }
    Ok(())
}

async fn load_profiles(tx: &mut Tx, vault: &Vault, index: &Index) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let rows: Vec<ProfileRow> =
            on!(tx, conn => sqlx::query_as(PROFILES).bind(&after).bind(PROFILE_CHUNK).fetch_all(conn).await?);
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            let profile = row.opened(vault)?;
            profile.id.as_str().clone_into(&mut after);
            index.apply(Change::ProfileStored(profile.into()));
        }
    }
}

/// While the next phones are read, the last are put in, on a thread that may take its time.
async fn load_devices(tx: &mut Tx, index: &Arc<Index>) -> Result<(), StoreError> {
    index.reserve(count(tx).await?);
    let mut read = devices_after(tx, 0).await?;
    while let Some((last, text)) = read {
        let index = Arc::clone(index);
        let putting_in = tokio::task::spawn_blocking(move || put_in(&index, &text));
        let (next, put) = tokio::join!(devices_after(tx, last), putting_in);
        // Only a runtime that ends stops it.
        put.map_err(|stopped| sqlx::Error::Io(stopped.into()))??;
        read = next?;
    }
    Ok(())
}

/// About how many phones there are.
async fn count(tx: &mut Tx) -> Result<usize, StoreError> {
    const COUNTED: &str = "SELECT COUNT(*) FROM device";
    // To count a hundred million takes longer than a statement may. What the server believes will do; it is negative
    // where the server has never looked.
    const BELIEVED: &str = "SELECT reltuples::BIGINT FROM pg_class WHERE oid = 'device'::regclass";

    let count: i64 = match tx.connection() {
        Connection::Sqlite(conn) => sqlx::query_scalar(COUNTED).fetch_one(conn).await?,
        Connection::Postgres(conn) => sqlx::query_scalar(BELIEVED).fetch_one(conn).await?,
    };
    Ok(usize::try_from(count).unwrap_or_default())
}

/// The address of the last of some phones behind `after`, and the phones, a line for each.
async fn devices_after(tx: &mut Tx, after: i64) -> Result<Option<(i64, String)>, StoreError> {
    let (last, text): (Option<i64>, Option<String>) =
        on!(tx, conn => sqlx::query_as(DEVICES).bind(after).bind(CHUNK).fetch_one(conn).await?);
    Ok(last.zip(text))
}

fn put_in(index: &Index, text: &str) -> Result<(), StoreError> {
    let column = |column| Column { table: "device", column };
    let mut loading = index.loading();
    let mut profile: Option<(&str, ProfileId)> = None;
    for line in text.split('\n') {
        let (mac, rest) = line.split_once(' ').ok_or_else(|| column("mac").impossible())?;
        let (id, serial) = rest.split_once(' ').ok_or_else(|| column("profile_id").impossible())?;
        let mac = mac.parse().ok().and_then(|mac| MacAddress::from_u64(mac).ok());
        let mac = mac.ok_or_else(|| column("mac").impossible())?;
        let (_, parsed) = match profile.take() {
            Some(same) if same.0 == id => profile.insert(same),
            Some(_) | None => profile.insert((id, column("profile_id").parse(id)?)),
        };
        loading.store(mac, parsed, serial);
    }
    Ok(())
}

async fn load_keys(tx: &mut Tx, vault: &Vault, index: &Index) -> Result<(), StoreError> {
    let mut after = 0_i64;
    loop {
        let keys = super::device_keys::device_keys(tx, vault, after).await?;
        let Some((last, _)) = keys.last() else { return Ok(()) };
        after = *last;
        for (_, key) in keys {
            index.apply(key);
        }
    }
}

/// A phone of the table `device`, as the index takes it in.
pub(super) fn device(mac: i64, profile: &str, serial: Option<&str>) -> Result<StoredPhone, StoreError> {
    let column = |column| Column { table: "device", column };
    Ok(StoredPhone {
        mac: MacAddress::from_u64(mac.cast_unsigned()).map_err(|_| column("mac").impossible())?,
        profile: column("profile_id").parse(profile)?,
        serial: serial.map(|serial| column("serial").parse(serial)).transpose()?,
    })
}
