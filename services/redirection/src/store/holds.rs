//! The table `hold`.

use storage::StoreError;
use storage::sqlite::Tx;
use vocabulary::{MacAddress, ProviderId, Timestamp};

use super::Column;
use super::macs::{Macs, mac_of};

const PUT: &str = "
INSERT INTO hold (mac, since) SELECT value, $2 FROM json_each($1) WHERE TRUE
ON CONFLICT (mac) DO NOTHING
RETURNING mac";

/// Holds the phones; those that are held already stay so since when they were. Answers which are new.
#[tracing::instrument(name = "db.hold.put", level = "debug", skip_all)]
pub(crate) async fn hold_put(tx: &mut Tx, macs: &Macs, since: Timestamp) -> Result<Vec<MacAddress>, StoreError> {
    let held: Vec<i64> =
        sqlx::query_scalar(PUT).bind(macs.as_str()).bind(since.as_micros()).fetch_all(&mut **tx).await?;
    held.into_iter().map(|mac| mac_of("hold", mac)).collect()
}

const DELETE: &str = "DELETE FROM hold WHERE mac IN (SELECT value FROM json_each($1)) RETURNING mac";

/// Lets go of the phones. Answers which were held.
#[tracing::instrument(name = "db.hold.delete", level = "debug", skip_all)]
pub(crate) async fn hold_delete(tx: &mut Tx, macs: &Macs) -> Result<Vec<MacAddress>, StoreError> {
    let held: Vec<i64> = sqlx::query_scalar(DELETE).bind(macs.as_str()).fetch_all(&mut **tx).await?;
    held.into_iter().map(|mac| mac_of("hold", mac)).collect()
}

const HELD: &str = "SELECT mac FROM hold WHERE mac IN (SELECT value FROM json_each($1)) ORDER BY mac LIMIT 6";

/// Which of the phones are held: at most six, to name five of them.
#[tracing::instrument(name = "db.hold.find", level = "debug", skip_all)]
pub(crate) async fn hold_find(tx: &mut Tx, macs: &Macs) -> Result<Vec<MacAddress>, StoreError> {
    let held: Vec<i64> = sqlx::query_scalar(HELD).bind(macs.as_str()).fetch_all(&mut **tx).await?;
    held.into_iter().map(|mac| mac_of("hold", mac)).collect()
}

const OWNER: Column = Column { table: "device", column: "provider_id" };

const OWNERS: &str = "
SELECT provider_id, mac FROM device
WHERE mac IN (SELECT value FROM json_each($1))
ORDER BY provider_id, mac";

/// Which of the phones are registered, and by whom, in the order of the owners.
#[tracing::instrument(name = "db.owners.find", level = "debug", skip_all)]
pub(crate) async fn owners_find(tx: &mut Tx, macs: &Macs) -> Result<Vec<(ProviderId, MacAddress)>, StoreError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(OWNERS).bind(macs.as_str()).fetch_all(&mut **tx).await?;
    rows.into_iter().map(|(owner, mac)| Ok((OWNER.parse(&owner)?, mac_of("device", mac)?))).collect()
}
