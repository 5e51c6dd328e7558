//! Reads again what has changed, as the index takes it in.
//!
//! All of it from one moment, and in an order in which nothing points to what is not there: profiles before the phones
//! that go to them, and what was deleted last.

use std::collections::BTreeSet;

use storage::{StoreError, Tx, on};
use vault::Vault;
use vocabulary::MacAddress;

use super::Column;
use super::change_log::{Kind, Subject, phones_of};
use super::device_keys::key_of;
use super::load::device;
use super::macs::{Both, Dialect, Macs, both};
use super::profiles::ProfileRow;
use super::provider_policy::expired_from;
use super::ranges::RangeRow;
use super::windows::WindowRow;
use crate::index::Change;
use crate::policy::ExpiredCertificates;
use crate::range::Range;
use crate::window::Window;

/// How many are read at once.
const CHUNK: usize = 1_000;
/// How many phones: they are put into the index in one go.
const PHONE_CHUNK: usize = 500;
/// Profiles are thousands of times larger than phones.
const PROFILE_CHUNK: usize = 100;

/// What `subjects` are now. `tx` sees one moment: it is a snapshot, or nobody else writes.
#[tracing::instrument(name = "db.reread", level = "debug", skip_all, fields(subjects = subjects.len()))]
pub(crate) async fn reread(
    tx: &mut Tx,
    vault: &Vault,
    subjects: &BTreeSet<Subject>,
) -> Result<Vec<Change>, StoreError> {
    let of = |kind: Kind| -> Vec<String> {
        subjects.iter().filter(|(other, _)| *other == kind).map(|(_, id)| id.clone()).collect()
    };
    let mut changes = Vec::new();
    for ids in of(Kind::Policy).chunks(CHUNK) {
        changes.extend(policies(tx, ids).await?);
    }
    for ids in of(Kind::Frozen).chunks(CHUNK) {
        changes.extend(frozen(tx, ids).await?);
    }
    let mut deleted = Vec::new();
    for ids in of(Kind::Profile).chunks(PROFILE_CHUNK) {
        profiles(tx, vault, ids, (&mut changes, &mut deleted)).await?;
    }
    let mut phones = BTreeSet::new();
    for id in of(Kind::Device) {
        phones.extend(phones_of(&id)?);
    }
    for macs in phones.into_iter().collect::<Vec<_>>().chunks(PHONE_CHUNK) {
        changes.extend(devices(tx, vault, macs).await?);
    }
    ranges(tx, &of(Kind::Range), &mut changes).await?;
    for ids in of(Kind::Window).chunks(CHUNK) {
        changes.extend(windows(tx, ids).await?);
    }
    changes.extend(deleted);
    Ok(changes)
}

/// Those of `ids` that are not among `found`.
fn missing<'a>(ids: &'a [String], found: &BTreeSet<String>) -> impl Iterator<Item = &'a String> {
    ids.iter().filter(move |id| !found.contains(*id))
}

const ID: Column = Column { table: "change_log", column: "id" };

const POLICIES: Both = both!(
    text "SELECT provider_id, expired_certificates FROM provider_policy WHERE provider_id IN (SELECT value FROM ",
    ")"
);

/// No policy is ever deleted.
async fn policies(tx: &mut Tx, ids: &[String]) -> Result<Vec<Change>, StoreError> {
    let rows: Vec<(String, String)> = on!(tx, conn => {
        sqlx::query_as(conn.text(&POLICIES)).bind(conn.texts(ids)).fetch_all(conn).await?
    });
    let mut found = BTreeSet::new();
    let mut changes = Vec::with_capacity(ids.len());
    for (provider, expired) in rows {
        changes
            .push(Change::PolicySet { provider: ID.parse(&provider)?, expired_certificates: expired_from(&expired)? });
        found.insert(provider);
    }
    for provider in missing(ids, &found) {
        let expired_certificates = ExpiredCertificates::default();
        changes.push(Change::PolicySet { provider: ID.parse(provider)?, expired_certificates });
    }
    Ok(changes)
}

const FROZEN: Both =
    both!(text "SELECT provider_id FROM frozen_provider WHERE provider_id IN (SELECT value FROM ", ")");

async fn frozen(tx: &mut Tx, ids: &[String]) -> Result<Vec<Change>, StoreError> {
    let rows: Vec<String> = on!(tx, conn => {
        sqlx::query_scalar(conn.text(&FROZEN)).bind(conn.texts(ids)).fetch_all(conn).await?
    });
    let found: BTreeSet<String> = rows.into_iter().collect();
    let change = |id: &String| {
        let provider = ID.parse(id)?;
        Ok(if found.contains(id) { Change::ProviderFrozen(provider) } else { Change::ProviderThawed(provider) })
    };
    ids.iter().map(change).collect()
}

const PROFILES: Both = both!(
    text "
    SELECT id, provider_id, name, sealed_parameters, proof, version, created_at, changed_at
    FROM profile WHERE id IN (SELECT value FROM ",
    ")"
);

async fn profiles(
    tx: &mut Tx,
    vault: &Vault,
    ids: &[String],
    (stored, deleted): (&mut Vec<Change>, &mut Vec<Change>),
) -> Result<(), StoreError> {
    let rows: Vec<ProfileRow> = on!(tx, conn => {
        sqlx::query_as(conn.text(&PROFILES)).bind(conn.texts(ids)).fetch_all(conn).await?
    });
    let mut found = BTreeSet::new();
    for row in rows {
        let profile = row.opened(vault)?;
        found.insert(profile.id.to_string());
        stored.push(Change::ProfileStored(profile.into()));
    }
    for id in missing(ids, &found) {
        deleted.push(Change::ProfileDeleted(ID.parse(id)?));
    }
    Ok(())
}

const DEVICES: Both =
    both!("SELECT mac, profile_id, serial, seal_format, seal_key FROM device WHERE mac IN (SELECT value FROM ", ")");

type DeviceRow = (i64, String, Option<String>, Option<String>, Option<Vec<u8>>);

async fn devices(tx: &mut Tx, vault: &Vault, macs: &[MacAddress]) -> Result<Vec<Change>, StoreError> {
    let rows: Vec<DeviceRow> = on!(tx, conn => {
        sqlx::query_as(conn.text(&DEVICES)).bind(conn.numbers(&Macs::of(macs))).fetch_all(conn).await?
    });
    let mut gone: BTreeSet<MacAddress> = macs.iter().copied().collect();
    let (mut phones, mut keys) = (Vec::with_capacity(rows.len()), Vec::new());
    for (mac, profile, serial, format, key) in rows {
        let phone = device(mac, &profile, serial.as_deref())?;
        gone.remove(&phone.mac);
        keys.push(match format.zip(key) {
            Some((format, key)) => key_of(vault, mac, &format, &key)?,
            None => Change::DeviceKeyDeleted(phone.mac),
        });
        phones.push(phone);
    }
    // A phone that goes to another provider loses its key, and may have a new one.
    let stored = [Change::DevicesStored(phones)].into_iter();
    Ok(stored.chain(keys).chain(gone.into_iter().map(Change::DeviceDeleted)).collect())
}

const RANGES: Both = both!(
    text "
    SELECT id, provider_id, profile_id, first, last, created_at
    FROM address_range WHERE id IN (SELECT value FROM ",
    ")"
);

/// All at once: the index cuts its stretches anew for each change.
async fn ranges(tx: &mut Tx, ids: &[String], changes: &mut Vec<Change>) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let rows: Vec<RangeRow> = on!(tx, conn => {
        sqlx::query_as(conn.text(&RANGES)).bind(conn.texts(ids)).fetch_all(conn).await?
    });
    let ranges: Vec<Range> = rows.into_iter().map(Range::try_from).collect::<Result<_, _>>()?;
    let found = ranges.iter().map(|range| range.id.to_string()).collect();
    // A new block may lie where a deleted one was.
    for id in missing(ids, &found) {
        changes.push(Change::RangeDeleted(ID.parse(id)?));
    }
    changes.push(Change::RangesStored(ranges.into_iter().map(Into::into).collect()));
    Ok(())
}

const WINDOWS: Both = both!(
    text "
    SELECT id, provider_id, profile_id, first, last, from_at, until_at, claimed
    FROM claim_window WHERE id IN (SELECT value FROM ",
    ")"
);

/// One that was closed is over by its own account.
async fn windows(tx: &mut Tx, ids: &[String]) -> Result<Vec<Change>, StoreError> {
    let rows: Vec<WindowRow> = on!(tx, conn => {
        sqlx::query_as(conn.text(&WINDOWS)).bind(conn.texts(ids)).fetch_all(conn).await?
    });
    rows.into_iter().map(|row| Ok(Window::try_from(row)?.into())).collect()
}
