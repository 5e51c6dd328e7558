//! Reads everything a phone can ask for.

use storage::{StoreError, Tx, on};
use vault::Vault;
use vocabulary::{MacAddress, Timestamp};

use super::Column;
use super::profiles::ProfileRow;
use crate::index::{Change, Index};

/// Rows read at a time, so that no table is ever held whole beside the index.
const CHUNK: i64 = 10_000;
/// Profiles are thousands of times larger than phones.
const PROFILE_CHUNK: i64 = 100;

const FROZEN: &str = "SELECT provider_id FROM frozen_provider";

const PROFILES: &str = "
SELECT id, provider_id, name, sealed_parameters, proof, version, created_at, changed_at
FROM profile WHERE id > $1
ORDER BY id LIMIT $2";

const DEVICES: &str = "SELECT mac, profile_id, serial FROM device WHERE mac > $1 ORDER BY mac LIMIT $2";

/// Puts all that is committed into `index`, which is empty. `tx` sees one moment.
#[tracing::instrument(name = "db.load", level = "debug", skip_all)]
pub(crate) async fn load(tx: &mut Tx, vault: &Vault, (index, now): (&Index, Timestamp)) -> Result<(), StoreError> {
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

async fn load_devices(tx: &mut Tx, index: &Index) -> Result<(), StoreError> {
    let mut after = 0_i64;
    loop {
        let rows: Vec<(i64, String, Option<String>)> =
            on!(tx, conn => sqlx::query_as(DEVICES).bind(after).bind(CHUNK).fetch_all(conn).await?);
        if rows.is_empty() {
            return Ok(());
        }
        for (mac, profile, serial) in rows {
            after = mac;
            index.apply(device(mac, &profile, serial.as_deref())?);
        }
    }
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
pub(super) fn device(mac: i64, profile: &str, serial: Option<&str>) -> Result<Change, StoreError> {
    let column = |column| Column { table: "device", column };
    Ok(Change::DeviceStored {
        mac: MacAddress::from_u64(mac.cast_unsigned()).map_err(|_| column("mac").impossible())?,
        profile: column("profile_id").parse(profile)?,
        serial: serial.map(|serial| column("serial").parse(serial)).transpose()?,
    })
}
