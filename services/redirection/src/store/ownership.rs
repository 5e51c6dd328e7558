//! The table `ownership`, and whose a phone is.

use sqlx::FromRow;
use storage::{Connection, StoreError, Tx, on};
use vocabulary::{MacAddress, ProfileId, ProviderId, Timestamp};

use super::Column;
use super::macs::{Both, Dialect, Macs, both, mac_of};
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

// The next owner is named while the phone is still its own.
const UNSEEN: &str = "
SELECT gone.mac, gone.number, gone.provider_id, gone.until_at, device.provider_id, device.profile_id
FROM ownership AS gone
LEFT JOIN ownership AS heir
    ON heir.mac = gone.mac AND heir.number = gone.number + 1
    AND heir.began_by = 'transfer' AND heir.from_at = gone.until_at AND heir.ended_by IS NULL
LEFT JOIN device ON device.mac = heir.mac
WHERE gone.ended_by = 'unseen' AND gone.until_at >= $1 AND (gone.mac, gone.number) > ($2, $3)
ORDER BY gone.mac, gone.number LIMIT $4";

/// A phone that was given back because it had not been seen for long.
#[derive(Debug, Clone)]
pub(crate) struct GivenBack {
    pub mac: MacAddress,
    /// Which of its owners gave it back, counted from 1.
    pub number: u64,
    pub provider: ProviderId,
    pub at: Timestamp,
    /// Who had asked for it and got it, and where it goes there.
    pub heir: Option<(ProviderId, ProfileId)>,
}

/// At most `limit` of the phones given back at `since` or later, unseen, that come after the one named by address and
/// number.
#[tracing::instrument(name = "db.ownership.unseen", level = "debug", skip_all)]
pub(crate) async fn ownership_unseen(
    mut conn: Connection<'_>,
    since: Timestamp,
    after: (i64, u64),
    limit: i64,
) -> Result<Vec<GivenBack>, StoreError> {
    let rows: Vec<UnseenRow> = on!(conn, conn => sqlx::query_as(UNSEEN)
        .bind(since.as_micros())
        .bind(after.0)
        .bind(i64::try_from(after.1).unwrap_or(i64::MAX))
        .bind(limit)
        .fetch_all(conn)
        .await?);
    rows.into_iter().map(given_back).collect()
}

/// Address, number, owner and end; then the next owner and its profile.
type UnseenRow = (i64, i64, String, i64, Option<String>, Option<String>);

fn given_back((mac, number, provider, at, heir, profile): UnseenRow) -> Result<GivenBack, StoreError> {
    let column = |column| Column { table: "ownership", column };
    let heir = heir.map(|heir| column("provider_id").parse(&heir)).transpose()?;
    let profile =
        profile.map(|profile| Column { table: "device", column: "profile_id" }.parse(&profile)).transpose()?;
    Ok(GivenBack {
        mac: mac_of("ownership", mac)?,
        number: u64::try_from(number).map_err(|_| column("number").impossible())?,
        provider: column("provider_id").parse(&provider)?,
        at: Timestamp::from_micros(at),
        heir: heir.zip(profile),
    })
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
