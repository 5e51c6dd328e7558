//! The table `device`, where phones go from one provider to another, one or many at a time.

use storage::{Connection, StoreError, Tx, on};
use vocabulary::{MacAddress, ProfileId, ProviderId, SerialNumber, Timestamp};

use super::Column;
use super::devices::device_upsert;
use super::macs::{Both, Dialect, Macs, both, mac_of};
use crate::assignment::Assignment;

const VACATE: &str = "DELETE FROM device WHERE mac = $1 AND provider_id = $2";

/// Makes the phone somebody's from whom it was `before`: nothing that `before` has noted of it is kept.
#[tracing::instrument(name = "db.device.take", level = "debug", skip_all, fields(device.mac = %new.mac))]
pub(crate) async fn device_take(tx: &mut Tx, new: &Assignment, before: &ProviderId) -> Result<(), StoreError> {
    on!(tx, conn => { sqlx::query(VACATE).bind(new.mac.to_i64()).bind(before.as_str()).execute(conn).await?; });
    StoreError::expect_one(device_upsert(tx, new).await?)
}

/// Which phones are handed over, from whom, to whom.
pub(crate) struct Handover<'a> {
    pub from: &'a ProviderId,
    pub to: &'a ProviderId,
    pub profile: &'a ProfileId,
    pub at: Timestamp,
}

/// A phone that was handed over, as the index takes it in.
pub(crate) struct HandedOver {
    pub mac: MacAddress,
    pub serial: Option<SerialNumber>,
}

const MOVE: Both = both!(
    "
UPDATE device SET provider_id = $3, profile_id = $4, created_at = $5, changed_at = $5
WHERE provider_id = $2 AND mac IN (SELECT value FROM ",
    ")
RETURNING mac, serial"
);

/// Hands over those of the phones that are `from`'s, with what was noted of them.
#[tracing::instrument(name = "db.device.move", level = "debug", skip_all)]
pub(crate) async fn devices_move(
    tx: &mut Tx,
    macs: &Macs,
    handover: &Handover<'_>,
) -> Result<Vec<HandedOver>, StoreError> {
    let rows: Vec<(i64, Option<String>)> = on!(tx, conn => sqlx::query_as(conn.text(&MOVE))
        .bind(conn.numbers(macs))
        .bind(handover.from.as_str())
        .bind(handover.to.as_str())
        .bind(handover.profile.as_str())
        .bind(handover.at.as_micros())
        .fetch_all(conn).await?);
    let serial = Column { table: "device", column: "serial" };
    rows.into_iter()
        .map(|(mac, text)| {
            let serial = text.map(|text| serial.parse(&text)).transpose()?;
            Ok(HandedOver { mac: mac_of("device", mac)?, serial })
        })
        .collect()
}

const MINE: Both = both!(
    "
SELECT mac FROM device
WHERE provider_id = $2 AND mac IN (SELECT value FROM ",
    ")
ORDER BY mac"
);

/// Which of the phones the provider has registered, in the order of their addresses.
#[tracing::instrument(name = "db.device.among", level = "debug", skip_all)]
pub(crate) async fn devices_among(
    tx: &mut Tx,
    macs: &Macs,
    provider: &ProviderId,
) -> Result<Vec<MacAddress>, StoreError> {
    let rows: Vec<i64> = on!(tx, conn => sqlx::query_scalar(conn.text(&MINE)).bind(conn.numbers(macs)).bind(provider.as_str()).fetch_all(conn).await?);
    rows.into_iter().map(|mac| mac_of("device", mac)).collect()
}

const OF_PROFILE: &str = "
SELECT mac FROM device
WHERE provider_id = $1 AND profile_id = $2
ORDER BY mac LIMIT $3";

/// The first phones that go to the provider's profile.
#[tracing::instrument(name = "db.device.of_profile", level = "debug", skip_all)]
pub(crate) async fn devices_of_profile(
    tx: &mut Tx,
    provider: &ProviderId,
    profile: &ProfileId,
    limit: i64,
) -> Result<Vec<MacAddress>, StoreError> {
    let rows: Vec<i64> = on!(tx, conn => sqlx::query_scalar(OF_PROFILE)
        .bind(provider.as_str())
        .bind(profile.as_str())
        .bind(limit)
        .fetch_all(conn).await?);
    rows.into_iter().map(|mac| mac_of("device", mac)).collect()
}

/// A phone that its owner's policy may give back.
#[derive(Debug, Clone)]
pub(crate) struct Silent {
    pub mac: MacAddress,
    pub provider: ProviderId,
    /// Since when it is the provider's.
    pub since: Timestamp,
    /// It must have asked at this moment or later to be kept.
    pub asked_since: Timestamp,
}

// Microseconds of a day; held phones and those of frozen providers stay where they are.
const SILENT: &str = "
SELECT device.mac, device.provider_id, device.created_at, $2 - provider_policy.release_unseen_days * 86400000000
FROM device JOIN provider_policy ON provider_policy.provider_id = device.provider_id
WHERE device.mac > $1
AND provider_policy.release_unseen_days > 0
AND device.created_at <= $2 - provider_policy.release_unseen_days * 86400000000
AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.mac = device.mac)
AND NOT EXISTS (SELECT 1 FROM frozen_provider WHERE frozen_provider.provider_id = device.provider_id)
ORDER BY device.mac LIMIT $3";

/// Phones behind the address `after` that have been their owner's for as long as its policy lets silent ones stay.
#[tracing::instrument(name = "db.device.silent", level = "debug", skip_all)]
pub(crate) async fn devices_silent(
    mut conn: Connection<'_>,
    after: i64,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Silent>, StoreError> {
    let rows: Vec<(i64, String, i64, i64)> =
        on!(conn, conn => sqlx::query_as(SILENT).bind(after).bind(now.as_micros()).bind(limit).fetch_all(conn).await?);
    rows.into_iter()
        .map(|(mac, provider, since, asked_since)| {
            Ok(Silent {
                mac: mac_of("device", mac)?,
                provider: Column { table: "device", column: "provider_id" }.parse(&provider)?,
                since: Timestamp::from_micros(since),
                asked_since: Timestamp::from_micros(asked_since),
            })
        })
        .collect()
}

const RELEASE_SILENT: &str = "
DELETE FROM device
WHERE mac = $1 AND provider_id = $2 AND created_at = $3
AND EXISTS (
    SELECT 1 FROM provider_policy
    WHERE provider_policy.provider_id = $2 AND release_unseen_days > 0
    AND $4 <= $5 - release_unseen_days * 86400000000
)
AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.mac = $1)
AND NOT EXISTS (SELECT 1 FROM frozen_provider WHERE frozen_provider.provider_id = $2)";

/// Makes the phone nobody's, where its owner and what the owner wants are still as they were; `false` where not.
#[tracing::instrument(name = "db.device.release_silent", level = "debug", skip_all, fields(device.mac = %silent.mac))]
pub(crate) async fn device_release_silent(tx: &mut Tx, silent: &Silent, now: Timestamp) -> Result<bool, StoreError> {
    let released = on!(tx, conn => sqlx::query(RELEASE_SILENT)
        .bind(silent.mac.to_i64())
        .bind(silent.provider.as_str())
        .bind(silent.since.as_micros())
        .bind(silent.asked_since.as_micros())
        .bind(now.as_micros())
        .execute(conn).await?.rows_affected());
    Ok(released == 1)
}
