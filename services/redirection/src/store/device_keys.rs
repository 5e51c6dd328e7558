//! The keys in the table `device`, sealed.

use storage::{StoreError, Tx, on};
use vault::Vault;
use vocabulary::{MacAddress, ProviderId, Timestamp};

use super::Column;
use super::sealing::Place;
use crate::index::Change;
use crate::refusal::DeviceRefused;
use crate::seal::{SealFormat, SealKey};

/// A key to be registered for a provider's phone.
pub(crate) struct NewKey {
    pub provider: ProviderId,
    pub mac: MacAddress,
    /// `None` takes the present one away.
    pub key: Option<SealKey>,
    pub at: Timestamp,
}

const SET: &str = "
UPDATE device SET seal_format = $3, seal_key = $4, changed_at = $5
WHERE mac = $1 AND provider_id = $2";

/// Registers the key of the provider's phone, or takes it away.
#[tracing::instrument(name = "db.device_key.set", level = "debug", skip_all, fields(device.mac = %new.mac))]
pub(crate) async fn device_key_set(tx: &mut Tx, vault: &Vault, new: &NewKey) -> Result<(), DeviceRefused> {
    let sealed = new.key.as_ref().map(|key| Place::Key(new.mac).seal(vault, key.key.expose())).transpose()?;
    let stored = on!(tx, conn => sqlx::query(SET)
        .bind(new.mac.to_i64())
        .bind(new.provider.as_str())
        .bind(new.key.as_ref().map(|key| key.format.word()))
        .bind(sealed)
        .bind(new.at.as_micros())
        .execute(conn).await.map(|done| done.rows_affected()));
    match stored.map_err(StoreError::from)? {
        0 => Err(DeviceRefused::Unknown),
        _ => Ok(()),
    }
}

const CHUNK: i64 = 1_000;

const LIST: &str = "
SELECT mac, seal_format, seal_key FROM device
WHERE seal_format IS NOT NULL AND mac > $1
ORDER BY mac LIMIT $2";

/// Up to a thousand of the keys behind the address `after`, as the index takes them in.
pub(super) async fn device_keys(tx: &mut Tx, vault: &Vault, after: i64) -> Result<Vec<(i64, Change)>, StoreError> {
    let rows: Vec<(i64, String, Vec<u8>)> =
        on!(tx, conn => sqlx::query_as(LIST).bind(after).bind(CHUNK).fetch_all(conn).await?);
    rows.into_iter().map(|(mac, format, key)| Ok((mac, key_of(vault, mac, &format, &key)?))).collect()
}

/// A sealed key, as the index takes it in.
pub(super) fn key_of(vault: &Vault, mac: i64, format: &str, sealed: &[u8]) -> Result<Change, StoreError> {
    let column = |column| Column { table: "device", column };
    let mac = MacAddress::from_u64(mac.cast_unsigned()).map_err(|_| column("mac").impossible())?;
    let format = SealFormat::from_word(format).ok_or(column("seal_format").impossible())?;
    Ok(Change::DeviceKeySet { mac, key: SealKey { format, key: Place::Key(mac).unseal(vault, sealed)? } })
}
