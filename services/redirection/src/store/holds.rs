//! The table `hold`.

use storage::{StoreError, Tx, on};
use vocabulary::{MacAddress, ProviderId, Timestamp};

use super::Column;
use super::macs::{Both, Dialect, Macs, both, mac_of};

const PUT: Both = both!(
    "
INSERT INTO hold (mac, since) SELECT value, $2 FROM ",
    " WHERE TRUE
ON CONFLICT (mac) DO NOTHING
RETURNING mac"
);

/// Holds the phones; those that are held already stay so since when they were. Answers which are new.
#[tracing::instrument(name = "db.hold.put", level = "debug", skip_all)]
pub(crate) async fn hold_put(tx: &mut Tx, macs: &Macs, since: Timestamp) -> Result<Vec<MacAddress>, StoreError> {
    let held: Vec<i64> = on!(tx, conn => sqlx::query_scalar(conn.text(&PUT)).bind(conn.numbers(macs)).bind(since.as_micros()).fetch_all(conn).await?);
    held.into_iter().map(|mac| mac_of("hold", mac)).collect()
}

const DELETE: Both = both!("DELETE FROM hold WHERE mac IN (SELECT value FROM ", ") RETURNING mac");

/// Lets go of the phones. Answers which were held.
#[tracing::instrument(name = "db.hold.delete", level = "debug", skip_all)]
pub(crate) async fn hold_delete(tx: &mut Tx, macs: &Macs) -> Result<Vec<MacAddress>, StoreError> {
    let held: Vec<i64> =
        on!(tx, conn => sqlx::query_scalar(conn.text(&DELETE)).bind(conn.numbers(macs)).fetch_all(conn).await?);
    held.into_iter().map(|mac| mac_of("hold", mac)).collect()
}

const HELD: Both = both!("SELECT mac FROM hold WHERE mac IN (SELECT value FROM ", ") ORDER BY mac LIMIT 6");

/// Which of the phones are held: at most six, to name five of them.
#[tracing::instrument(name = "db.hold.find", level = "debug", skip_all)]
pub(crate) async fn hold_find(tx: &mut Tx, macs: &Macs) -> Result<Vec<MacAddress>, StoreError> {
    let held: Vec<i64> =
        on!(tx, conn => sqlx::query_scalar(conn.text(&HELD)).bind(conn.numbers(macs)).fetch_all(conn).await?);
    held.into_iter().map(|mac| mac_of("hold", mac)).collect()
}

const OWNER: Column = Column { table: "device", column: "provider_id" };

const OWNERS: Both = both!(
    "
SELECT provider_id, mac FROM device
WHERE mac IN (SELECT value FROM ",
    ")
ORDER BY provider_id, mac"
);

/// Which of the phones are registered, and by whom, in the order of the owners.
#[tracing::instrument(name = "db.owners.find", level = "debug", skip_all)]
pub(crate) async fn owners_find(tx: &mut Tx, macs: &Macs) -> Result<Vec<(ProviderId, MacAddress)>, StoreError> {
    let rows: Vec<(String, i64)> =
        on!(tx, conn => sqlx::query_as(conn.text(&OWNERS)).bind(conn.numbers(macs)).fetch_all(conn).await?);
    rows.into_iter().map(|(owner, mac)| Ok((OWNER.parse(&owner)?, mac_of("device", mac)?))).collect()
}
