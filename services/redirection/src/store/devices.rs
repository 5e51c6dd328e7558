//! The table `device`.

use sqlx::FromRow;
use storage::{Connection, Db, StoreError, Tx, on};
use vocabulary::{DeviceModel, MacAddress, ProfileId, ProviderId, SerialNumber, Timestamp};

use super::macs::mac_of;
use super::profiles::profile_named;
use super::{Column, looked_for};
use crate::assignment::{Assignment, Claim, Description};
use crate::listing::{DeviceQuery, Page, searchable};
use crate::refusal::DeviceRefused;
use crate::seal::SealFormat;

/// What became of a claim.
pub(crate) struct Put {
    pub assignment: Assignment,
    /// Where the phone went before; `None` where it was not registered by this provider.
    pub before: Option<ProfileId>,
    pub news: News,
}

/// Whether a claim said anything new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    Changed,
    AsBefore,
}

/// Makes the phone the provider's, or changes what is recorded of it; `before` is what the provider has recorded. A
/// claim that says nothing new changes nothing.
#[tracing::instrument(name = "db.device.put", level = "debug", skip_all, fields(device.mac = %claim.mac))]
pub(crate) async fn device_put(
    tx: &mut Tx,
    claim: &Claim,
    before: Option<Assignment>,
    at: Timestamp,
) -> Result<Put, DeviceRefused> {
    let profile = profile_named(tx, &claim.provider, &claim.profile).await?.ok_or(DeviceRefused::UnknownProfile)?;
    let wanted = Assignment {
        mac: claim.mac,
        provider: claim.provider.clone(),
        profile,
        description: claim.description.clone(),
        created_at: before.as_ref().map_or(at, |before| before.created_at),
        changed_at: before.as_ref().map_or(at, |before| before.changed_at),
        seal: before.as_ref().and_then(|before| before.seal),
        is_held: before.as_ref().is_some_and(|before| before.is_held),
    };
    if let Some(before) = before.as_ref().filter(|before| **before == wanted) {
        return Ok(Put { before: Some(before.profile.clone()), assignment: wanted, news: News::AsBefore });
    }
    let assignment = Assignment { changed_at: at, ..wanted };
    match device_upsert(tx, &assignment).await? {
        0 => Err(DeviceRefused::OwnedByOther),
        _ => Ok(Put { assignment, before: before.map(|before| before.profile), news: News::Changed }),
    }
}

const UPSERT: &str = "
INSERT INTO device (mac, provider_id, profile_id, serial, model, note, search_text, created_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (mac) DO UPDATE
SET profile_id = excluded.profile_id,
    serial = excluded.serial,
    model = excluded.model,
    note = excluded.note,
    search_text = excluded.search_text,
    changed_at = excluded.changed_at
WHERE device.provider_id = excluded.provider_id";

/// Stores the phone, unless it is another provider's: then no row is changed.
pub(super) async fn device_upsert(tx: &mut Tx, device: &Assignment) -> Result<u64, StoreError> {
    let description = &device.description;
    let stored = on!(tx, conn => sqlx::query(UPSERT)
        .bind(device.mac.to_i64())
        .bind(device.provider.as_str())
        .bind(device.profile.as_str())
        .bind(description.serial.as_ref().map(SerialNumber::as_str))
        .bind(description.model.as_ref().map(DeviceModel::as_str))
        .bind(description.note.as_str())
        .bind(searchable(device.mac, description))
        .bind(device.created_at.as_micros())
        .bind(device.changed_at.as_micros())
        .execute(conn).await?.rows_affected());
    Ok(stored)
}

const FIND: &str = "
SELECT mac, provider_id, profile_id, serial, model, note, created_at, changed_at, seal_format,
    EXISTS (SELECT 1 FROM hold WHERE hold.mac = device.mac) AS is_held
FROM device WHERE mac = $1 AND provider_id = $2";

/// The provider's phone of that address, where it has one.
#[tracing::instrument(name = "db.device.find", level = "debug", skip_all, fields(device.mac = %mac))]
pub(crate) async fn device_find(
    mut conn: Connection<'_>,
    provider: &ProviderId,
    mac: MacAddress,
) -> Result<Option<Assignment>, StoreError> {
    let row: Option<DeviceRow> =
        on!(conn, conn => sqlx::query_as(FIND).bind(mac.to_i64()).bind(provider.as_str()).fetch_optional(conn).await?);
    row.map(Assignment::try_from).transpose()
}

const LIST: &str = r"
SELECT mac, provider_id, profile_id, serial, model, note, created_at, changed_at, seal_format,
    EXISTS (SELECT 1 FROM hold WHERE hold.mac = device.mac) AS is_held
FROM device
WHERE provider_id = $1 AND mac > $2
AND ($3 = '' OR profile_id = $3)
AND ($4 = '' OR lower(model) = $4)
AND ($5 IS NULL OR search_text LIKE $5 ESCAPE '\' OR substr(search_text, 1, 12) LIKE $6)
ORDER BY mac LIMIT $7";

/// Part of the provider's phones, in the order of their addresses.
#[tracing::instrument(name = "db.device.list", level = "debug", skip_all)]
pub(crate) async fn device_list(db: &Db, query: &DeviceQuery) -> Result<Page<Assignment>, StoreError> {
    let text = query.filters.text.as_ref();
    let rows: Vec<DeviceRow> = on!(db.read().await?, conn => sqlx::query_as(LIST)
        .bind(query.provider.as_str())
        .bind(i64::try_from(query.after).unwrap_or(i64::MAX))
        .bind(looked_for(&query.filters.profile_id))
        .bind(looked_for(&query.filters.model.trim().to_ascii_lowercase()))
        .bind(text.map(|text| text.pattern.as_str()))
        .bind(text.and_then(|text| text.mac_pattern.as_deref()))
        .bind(query.size.and_one())
        .fetch_all(conn).await?);
    let devices: Result<Vec<Assignment>, StoreError> = rows.into_iter().map(Assignment::try_from).collect();
    Ok(Page::cut(devices?, query.size))
}

const DELETE: &str = "DELETE FROM device WHERE mac = $1 AND provider_id = $2";

/// Makes the provider's phone nobody's.
#[tracing::instrument(name = "db.device.delete", level = "debug", skip_all, fields(device.mac = %mac))]
pub(crate) async fn device_delete(tx: &mut Tx, provider: &ProviderId, mac: MacAddress) -> Result<(), DeviceRefused> {
    let deleted = on!(tx, conn => sqlx::query(DELETE).bind(mac.to_i64()).bind(provider.as_str()).execute(conn).await.map(|done| done.rows_affected()));
    match deleted.map_err(StoreError::from)? {
        0 => Err(DeviceRefused::Unknown),
        _ => Ok(()),
    }
}

#[derive(FromRow)]
pub(super) struct DeviceRow {
    mac: i64,
    provider_id: String,
    profile_id: String,
    serial: Option<String>,
    model: Option<String>,
    note: String,
    created_at: i64,
    changed_at: i64,
    seal_format: Option<String>,
    is_held: bool,
}

impl TryFrom<DeviceRow> for Assignment {
    type Error = StoreError;

    fn try_from(row: DeviceRow) -> Result<Self, StoreError> {
        let column = |column| Column { table: "device", column };
        let serial = row.serial.map(|serial| column("serial").parse(&serial)).transpose()?;
        let model = row.model.map(|model| column("model").parse(&model)).transpose()?;
        let format = |word: String| SealFormat::from_word(&word).ok_or(column("seal_format").impossible());
        let seal = row.seal_format.map(format);
        Ok(Self {
            mac: mac_of("device", row.mac)?,
            provider: column("provider_id").parse(&row.provider_id)?,
            profile: column("profile_id").parse(&row.profile_id)?,
            description: Description { serial, model, note: row.note },
            created_at: Timestamp::from_micros(row.created_at),
            changed_at: Timestamp::from_micros(row.changed_at),
            seal: seal.transpose()?,
            is_held: row.is_held,
        })
    }
}
