//! The table `transfer`.

use sqlx::FromRow;
use storage::{Connection, Db, StoreError, Tx, on};
use vocabulary::{MacAddress, ProviderId, SerialNumber, Timestamp, TransferId};

use super::macs::{Both, Dialect, Macs, both, mac_of};
use super::{Column, looked_for};
use crate::listing::{Page, PageSize};
use crate::transfer::{Decider, Note, Progress, Transfer};

/// A decision that is made now.
pub(crate) struct Decided<'a> {
    pub progress: Progress,
    pub at: Timestamp,
    pub by: Decider,
    pub reason: &'a Note,
}

const CREATE: &str = "
INSERT INTO transfer (
    id, mac, claimant_id, profile_id, owner_id, state, statement, serial, proof, requested_at, answer_by,
    decided_by, reason
)
VALUES ($1, $2, $3, $4, $5, 'open', $6, $7, $8, $9, $10, '', '')";

/// Stores a request.
#[tracing::instrument(name = "db.transfer.create", level = "debug", skip_all)]
pub(crate) async fn transfer_create(tx: &mut Tx, new: &Transfer) -> Result<(), StoreError> {
    on!(tx, conn => { sqlx::query(CREATE)
        .bind(new.id.as_str())
        .bind(new.mac.to_i64())
        .bind(new.claimant.as_str())
        .bind(new.profile.as_str())
        .bind(new.owner.as_str())
        .bind(new.statement.as_str())
        .bind(new.serial.as_ref().map(SerialNumber::as_str))
        .bind(new.proof.word())
        .bind(new.requested_at.as_micros())
        .bind(new.answer_by.as_micros())
        .execute(conn).await?; });
    Ok(())
}

const FIND: &str = "
SELECT id, mac, claimant_id, profile_id, owner_id, state, statement, serial, proof, requested_at, answer_by,
    decided_at, decided_by, reason
FROM transfer WHERE id = $1";

/// The request of that id.
#[tracing::instrument(name = "db.transfer.find", level = "debug", skip_all)]
pub(crate) async fn transfer_find(mut conn: Connection<'_>, id: &TransferId) -> Result<Option<Transfer>, StoreError> {
    let row: Option<TransferRow> =
        on!(conn, conn => sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(conn).await?);
    row.map(Transfer::try_from).transpose()
}

const FIND_OPEN: &str = "
SELECT id, mac, claimant_id, profile_id, owner_id, state, statement, serial, proof, requested_at, answer_by,
    decided_at, decided_by, reason
FROM transfer WHERE mac = $1 AND claimant_id = $2 AND state = 'open'";

/// The claimant's open request for the phone.
#[tracing::instrument(name = "db.transfer.find_open", level = "debug", skip_all)]
pub(crate) async fn transfer_find_open(
    tx: &mut Tx,
    mac: MacAddress,
    claimant: &ProviderId,
) -> Result<Option<Transfer>, StoreError> {
    let row: Option<TransferRow> = on!(tx, conn => sqlx::query_as(FIND_OPEN).bind(mac.to_i64()).bind(claimant.as_str()).fetch_optional(conn).await?);
    row.map(Transfer::try_from).transpose()
}

const LIST: &str = "
SELECT id, mac, claimant_id, profile_id, owner_id, state, statement, serial, proof, requested_at, answer_by,
    decided_at, decided_by, reason
FROM transfer WHERE (claimant_id = $1 OR owner_id = $1) AND id > $2
ORDER BY id LIMIT $3";

/// The provider's requests and those for its phones, in the order of their ids.
#[tracing::instrument(name = "db.transfer.list", level = "debug", skip_all)]
pub(crate) async fn transfer_list(
    db: &Db,
    provider: &ProviderId,
    after: &str,
    size: PageSize,
) -> Result<Page<Transfer>, StoreError> {
    let rows: Vec<TransferRow> = on!(db.read().await?, conn => sqlx::query_as(LIST).bind(provider.as_str()).bind(looked_for(after)).bind(size.and_one()).fetch_all(conn).await?);
    page(rows, size)
}

const WAITING: &str = "
SELECT id, mac, claimant_id, profile_id, owner_id, state, statement, serial, proof, requested_at, answer_by,
    decided_at, decided_by, reason
FROM transfer WHERE state = 'open' AND answer_by <= $1 AND id > $2
ORDER BY id LIMIT $3";

/// The requests that wait for the operator, in the order of their ids.
#[tracing::instrument(name = "db.transfer.waiting", level = "debug", skip_all)]
pub(crate) async fn transfer_waiting(
    db: &Db,
    now: Timestamp,
    after: &str,
    size: PageSize,
) -> Result<Page<Transfer>, StoreError> {
    let rows: Vec<TransferRow> = on!(db.read().await?, conn => sqlx::query_as(WAITING).bind(now.as_micros()).bind(looked_for(after)).bind(size.and_one()).fetch_all(conn).await?);
    page(rows, size)
}

const DECIDE: &str = "
UPDATE transfer SET state = $2, decided_at = $3, decided_by = $4, reason = $5
WHERE id = $1 AND state = 'open'";

/// Ends an open request.
#[tracing::instrument(name = "db.transfer.decide", level = "debug", skip_all)]
pub(crate) async fn transfer_decide(tx: &mut Tx, id: &TransferId, decided: &Decided<'_>) -> Result<(), StoreError> {
    let decided = on!(tx, conn => sqlx::query(DECIDE)
        .bind(id.as_str())
        .bind(decided.progress.word())
        .bind(decided.at.as_micros())
        .bind(decided.by.word())
        .bind(decided.reason.as_str())
        .execute(conn).await?.rows_affected());
    StoreError::expect_one(decided)
}

/// What ends requests that nobody has decided: their phones went another way.
pub(crate) struct Overtaking<'a> {
    pub at: Timestamp,
    /// Who has the phones now. Where it had asked for one, it has got it.
    pub winner: Option<&'a ProviderId>,
    pub reason: &'static str,
}

const OVERTAKE: Both = both!(
    "
UPDATE transfer
SET state = CASE WHEN claimant_id = $3 THEN 'done' ELSE 'overtaken' END,
    decided_at = $2,
    decided_by = CASE WHEN claimant_id = $3 THEN 'owner' ELSE '' END,
    reason = $4
WHERE state = 'open' AND mac IN (SELECT value FROM ",
    ")"
);

/// Ends all requests for the phones that are still open.
#[tracing::instrument(name = "db.transfer.overtake", level = "debug", skip_all)]
pub(crate) async fn transfer_overtake(tx: &mut Tx, macs: &Macs, by: &Overtaking<'_>) -> Result<(), StoreError> {
    on!(tx, conn => { sqlx::query(conn.text(&OVERTAKE))
        .bind(conn.numbers(macs))
        .bind(by.at.as_micros())
        .bind(by.winner.map_or("", ProviderId::as_str))
        .bind(by.reason)
        .execute(conn).await?; });
    Ok(())
}

// A claimant that is frozen, or has deleted the profile meanwhile, cannot have it.
const HEIR: &str = "
SELECT id, mac, claimant_id, profile_id, owner_id, state, statement, serial, proof, requested_at, answer_by,
    decided_at, decided_by, reason
FROM transfer
WHERE mac = $1 AND state = 'open' AND proof <> 'none'
AND EXISTS (SELECT 1 FROM profile WHERE profile.id = transfer.profile_id AND provider_id = claimant_id)
AND NOT EXISTS (SELECT 1 FROM frozen_provider WHERE provider_id = claimant_id)
ORDER BY requested_at, id LIMIT 1";

/// Who is to have a phone that is given up: the first that asked for it and proved it.
#[tracing::instrument(name = "db.transfer.heir", level = "debug", skip_all)]
pub(crate) async fn transfer_heir(tx: &mut Tx, mac: MacAddress) -> Result<Option<Transfer>, StoreError> {
    let row: Option<TransferRow> = on!(tx, conn => sqlx::query_as(HEIR).bind(mac.to_i64()).fetch_optional(conn).await?);
    row.map(Transfer::try_from).transpose()
}

fn page(rows: Vec<TransferRow>, size: PageSize) -> Result<Page<Transfer>, StoreError> {
    let transfers: Result<Vec<Transfer>, StoreError> = rows.into_iter().map(Transfer::try_from).collect();
    Ok(Page::cut(transfers?, size))
}

#[derive(FromRow)]
struct TransferRow {
    id: String,
    mac: i64,
    claimant_id: String,
    profile_id: String,
    owner_id: String,
    state: String,
    statement: String,
    serial: Option<String>,
    proof: String,
    requested_at: i64,
    answer_by: i64,
    decided_at: Option<i64>,
    decided_by: String,
    reason: String,
}

impl TryFrom<TransferRow> for Transfer {
    type Error = StoreError;

    fn try_from(row: TransferRow) -> Result<Self, StoreError> {
        let column = |column| Column { table: "transfer", column };
        Ok(Self {
            id: column("id").parse(&row.id)?,
            mac: mac_of("transfer", row.mac)?,
            claimant: column("claimant_id").parse(&row.claimant_id)?,
            profile: column("profile_id").parse(&row.profile_id)?,
            owner: column("owner_id").parse(&row.owner_id)?,
            progress: column("state").parse(&row.state)?,
            statement: Note::stored(row.statement),
            serial: row.serial.map(|serial| column("serial").parse(&serial)).transpose()?,
            proof: column("proof").parse(&row.proof)?,
            requested_at: Timestamp::from_micros(row.requested_at),
            answer_by: Timestamp::from_micros(row.answer_by),
            decided_at: row.decided_at.map(Timestamp::from_micros),
            decided_by: column("decided_by").parse(&row.decided_by)?,
            reason: Note::stored(row.reason),
        })
    }
}
