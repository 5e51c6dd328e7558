//! The table `ownership`, and whose a phone is.

use sqlx::FromRow;
use storage::{Connection, StoreError, Tx, on};
use vocabulary::{MacAddress, ProviderId, Timestamp};

use super::Column;
use super::macs::{Both, Dialect, Macs, both};
use crate::ownership::{Began, Ended, Ownership};

/// An owner's time that begins.
pub(crate) struct Beginning<'a> {
    pub provider: &'a ProviderId,
    pub began: Began,
    pub at: Timestamp,
}

// The clock may have been set back since: times never overlap.
const BEGIN: Both = both!(
    "
INSERT INTO ownership (mac, number, provider_id, began_by, from_at)
SELECT
    value.value,
    COALESCE(MAX(ownership.number), 0) + 1,
    $2,
    $3,
    CASE WHEN MAX(ownership.until_at) > $4 THEN MAX(ownership.until_at) ELSE $4 END
FROM ",
    " LEFT JOIN ownership ON ownership.mac = value.value
GROUP BY value.value"
);

/// Notes that the phones are the provider's from now on. They must be nobody's.
#[tracing::instrument(name = "db.ownership.begin", level = "debug", skip_all)]
pub(crate) async fn ownership_begin(tx: &mut Tx, macs: &Macs, beginning: &Beginning<'_>) -> Result<(), StoreError> {
    on!(tx, conn => { sqlx::query(conn.text(&BEGIN))
        .bind(conn.numbers(macs))
        .bind(beginning.provider.as_str())
        .bind(beginning.began.word())
        .bind(beginning.at.as_micros())
        .execute(conn).await?; });
    Ok(())
}

const END: Both = both!(
    "
UPDATE ownership SET ended_by = $2, until_at = CASE WHEN from_at > $3 THEN from_at ELSE $3 END
WHERE ended_by IS NULL AND mac IN (SELECT value FROM ",
    ")"
);

/// Notes that the phones are no longer their present owners'.
#[tracing::instrument(name = "db.ownership.end", level = "debug", skip_all)]
pub(crate) async fn ownership_end(tx: &mut Tx, macs: &Macs, ended: Ended, at: Timestamp) -> Result<(), StoreError> {
    on!(tx, conn => { sqlx::query(conn.text(&END)).bind(conn.numbers(macs)).bind(ended.word()).bind(at.as_micros()).execute(conn).await?; });
    Ok(())
}

const LIST: &str = "
SELECT number, provider_id, began_by, from_at, ended_by, until_at
FROM ownership WHERE mac = $1
ORDER BY number DESC LIMIT 1000";

/// Who has had the phone, newest first; at most the last thousand.
#[tracing::instrument(name = "db.ownership.list", level = "debug", skip_all, fields(device.mac = %mac))]
pub(crate) async fn ownership_list(mut conn: Connection<'_>, mac: MacAddress) -> Result<Vec<Ownership>, StoreError> {
    let rows: Vec<OwnershipRow> = on!(conn, conn => sqlx::query_as(LIST).bind(mac.to_i64()).fetch_all(conn).await?);
    rows.into_iter().map(Ownership::try_from).collect()
}

const OWNER: &str = "
SELECT provider_id FROM device WHERE mac = $1
UNION ALL
SELECT provider_id FROM (
    SELECT provider_id FROM address_range WHERE first <= $1 AND last >= $1
    AND NOT EXISTS (SELECT 1 FROM device WHERE mac = $1)
    LIMIT 1
) AS block";

/// Whose the phone is: the provider's that has registered it, else the one's whose block it is in.
#[tracing::instrument(name = "db.owner.find", level = "debug", skip_all, fields(device.mac = %mac))]
pub(crate) async fn owner_find(mut conn: Connection<'_>, mac: MacAddress) -> Result<Option<ProviderId>, StoreError> {
    let owner: Option<String> =
        on!(conn, conn => sqlx::query_scalar(OWNER).bind(mac.to_i64()).fetch_optional(conn).await?);
    owner.map(|owner| Column { table: "device", column: "provider_id" }.parse(&owner)).transpose()
}

#[derive(FromRow)]
struct OwnershipRow {
    number: i64,
    provider_id: String,
    began_by: String,
    from_at: i64,
    ended_by: Option<String>,
    until_at: Option<i64>,
}

impl TryFrom<OwnershipRow> for Ownership {
    type Error = StoreError;

    fn try_from(row: OwnershipRow) -> Result<Self, StoreError> {
        let column = |column| Column { table: "ownership", column };
        let ended = row.ended_by.map(|ended| column("ended_by").parse(&ended)).transpose()?;
        Ok(Self {
            number: u64::try_from(row.number).map_err(|_| column("number").impossible())?,
            provider: column("provider_id").parse(&row.provider_id)?,
            began: column("began_by").parse(&row.began_by)?,
            from: Timestamp::from_micros(row.from_at),
            ended: ended.zip(row.until_at.map(Timestamp::from_micros)),
        })
    }
}
