//! The statements of a redemption. Every guess, whatever it is, runs the same ones and reads and writes as many rows;
//! only a right one does more.

use sqlx::{FromRow, SqliteExecutor};
use storage::StoreError;
use storage::sqlite::{Db, Tx};
use vocabulary::{ActivationCode, CodeKind, MacAddress};

use super::attempts::{Attempt, charge, is_exhausted, note};
use super::row::{CodeRow, columns};
use crate::attempts::{Outcome, Share};
use crate::code::CodeDigest;
use crate::record::{NOBODYS, Record};

/// The code that was typed, or nobody's, and what it knows of the phone.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub record: Record,
    /// The phone stands on the list of those that are expected.
    pub is_expected: bool,
    /// The phone has redeemed it before (directory codes).
    pub has_activated: bool,
}

/// What a guess is before its budget is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The code may be granted to the phone.
    Right,
    /// The same, and the provider knows the phone: it is granted whatever others around it have guessed.
    RightOfKnown,
    Wrong(Outcome),
}

/// A guess, as it is settled.
#[derive(Debug, Clone)]
pub(crate) struct Redemption {
    pub attempt: Attempt,
    /// Of the code.
    pub kind: CodeKind,
    /// What the guess draws on.
    pub shares: [Share; 3],
    pub verdict: Verdict,
}

#[derive(FromRow)]
struct FoundRow {
    #[sqlx(flatten)]
    code: CodeRow,
    is_expected: bool,
    has_activated: bool,
}

// Both read one row of `code`, and look once into each of the other tables, whether there is such a code or not.
const BY_DIGEST: &str = concat!(
    "SELECT ",
    columns!(),
    ",
       EXISTS (SELECT 1 FROM expected_phone AS it WHERE it.code_id = code.id AND it.mac = $2) AS is_expected,
       EXISTS (SELECT 1 FROM activation AS it WHERE it.code_id = code.id AND it.mac = $2) AS has_activated
FROM code
WHERE id = coalesce((SELECT it.id FROM code AS it WHERE it.digest = $1), $3)"
);

const BY_DIGITS: &str = concat!(
    "SELECT ",
    columns!(),
    ",
       EXISTS (SELECT 1 FROM expected_phone AS it WHERE it.code_id = code.id AND it.mac = $2) AS is_expected,
       EXISTS (SELECT 1 FROM activation AS it WHERE it.code_id = code.id AND it.mac = $2) AS has_activated
FROM code
WHERE id = coalesce(
    (
        SELECT it.id
        FROM code AS it
        WHERE it.kind = 'directory' AND it.digits = $1
        ORDER BY (it.state IN ('queued', 'open')) DESC, it.created_at DESC LIMIT 1
    ),
    $3
)"
);

/// The code that was typed, of directory codes with the same digits the live one, or else the newest; nobody's
/// where there is none.
#[tracing::instrument(name = "db.code.find_typed", level = "debug", skip_all)]
pub(crate) async fn find_typed(
    executor: impl SqliteExecutor<'_>,
    code: &ActivationCode,
    digest: &CodeDigest,
    mac: MacAddress,
) -> Result<Found, StoreError> {
    let query = match code.kind() {
        CodeKind::Personal => sqlx::query_as(BY_DIGEST).bind(digest.as_bytes()),
        CodeKind::Directory => sqlx::query_as(BY_DIGITS).bind(code.expose_digits()),
    };
    let FoundRow { code, is_expected, has_activated } =
        query.bind(mac.to_i64()).bind(NOBODYS).fetch_one(executor).await?;
    Ok(Found { record: code.try_into()?, is_expected, has_activated })
}

const APART: &str = "SAVEPOINT redemption";
const KEPT: &str = "RELEASE redemption";
const UNDONE: &str = "ROLLBACK TO redemption";

/// Settles one of the redemptions that share a transaction. Where it fails, only its own statements are taken back;
/// where that fails too, the transaction is lost.
#[tracing::instrument(name = "db.code.settle", level = "debug", skip_all)]
pub(crate) async fn settle_apart(
    tx: &mut Tx,
    redemption: &Redemption,
) -> Result<Result<Outcome, StoreError>, StoreError> {
    sqlx::query(APART).execute(&mut **tx).await?;
    let settled = settle(tx, redemption).await;
    if settled.is_err() {
        sqlx::query(UNDONE).execute(&mut **tx).await?;
    }
    sqlx::query(KEPT).execute(&mut **tx).await?;
    Ok(settled)
}

/// Looks at the budgets, grants what is right, charges what is wrong, and notes what came of it.
async fn settle(tx: &mut Tx, redemption: &Redemption) -> Result<Outcome, StoreError> {
    let Redemption { attempt, shares, verdict, .. } = redemption;
    let is_exhausted = is_exhausted(&mut **tx, shares, attempt.at).await?;
    let outcome = match verdict {
        Verdict::Right | Verdict::Wrong(_) if is_exhausted => Outcome::Throttled,
        Verdict::Wrong(outcome) => *outcome,
        Verdict::Right | Verdict::RightOfKnown => grant(tx, redemption).await?,
    };
    charge(tx, shares, outcome, attempt.at).await?;
    note(tx, attempt, outcome).await?;
    Ok(outcome)
}

async fn grant(tx: &mut Tx, redemption: &Redemption) -> Result<Outcome, StoreError> {
    match redemption.kind {
        CodeKind::Personal => grant_personal(tx, &redemption.attempt).await,
        CodeKind::Directory => grant_directory(tx, &redemption.attempt).await,
    }
}

const REDEEM: &str = "
UPDATE code
SET state = 'redeemed', redeemed_by = $2, redeemed_at = $3, activations = 1
WHERE id = $1 AND kind = 'personal' AND state = 'open' AND ends_at > $3";

const HOLDER: &str = "SELECT redeemed_by FROM code WHERE id = $1";

async fn grant_personal(tx: &mut Tx, attempt: &Attempt) -> Result<Outcome, StoreError> {
    let redeemed = sqlx::query(REDEEM)
        .bind(attempt.code.as_str())
        .bind(attempt.mac.to_i64())
        .bind(attempt.at.as_micros())
        .execute(&mut **tx)
        .await?;
    if redeemed.rows_affected() == 1 {
        return Ok(Outcome::Redeemed);
    }
    let holder: Option<i64> = sqlx::query_scalar(HOLDER).bind(attempt.code.as_str()).fetch_one(&mut **tx).await?;
    Ok(if holder == Some(attempt.mac.to_i64()) { Outcome::Repeated } else { Outcome::Used })
}

const COUNT_IN: &str = "
UPDATE code
SET activations = activations + 1
WHERE id = $1 AND kind = 'directory' AND state = 'open'
AND (activation_limit IS NULL OR activations < activation_limit)
AND NOT EXISTS (SELECT 1 FROM activation WHERE code_id = $1 AND mac = $2)";

const ACTIVATE: &str = "INSERT INTO activation (code_id, mac, at) VALUES ($1, $2, $3)";

const ACTIVATED: &str = "SELECT EXISTS (SELECT 1 FROM activation WHERE code_id = $1 AND mac = $2)";

async fn grant_directory(tx: &mut Tx, attempt: &Attempt) -> Result<Outcome, StoreError> {
    let (id, mac) = (attempt.code.as_str(), attempt.mac.to_i64());
    let counted = sqlx::query(COUNT_IN).bind(id).bind(mac).execute(&mut **tx).await?;
    if counted.rows_affected() == 1 {
        sqlx::query(ACTIVATE).bind(id).bind(mac).bind(attempt.at.as_micros()).execute(&mut **tx).await?;
        return Ok(Outcome::Redeemed);
    }
    let is_repeated: bool = sqlx::query_scalar(ACTIVATED).bind(id).bind(mac).fetch_one(&mut **tx).await?;
    Ok(if is_repeated { Outcome::Repeated } else { Outcome::UsedUp })
}

const REOPEN: &str = "
UPDATE code
SET state = 'open', redeemed_by = NULL, redeemed_at = NULL, activations = 0
WHERE id = $1 AND state = 'redeemed' AND redeemed_by = $2";

const DEACTIVATE: &str = "DELETE FROM activation WHERE code_id = $1 AND mac = $2";

const COUNT_OUT: &str = "UPDATE code SET activations = activations - 1 WHERE id = $1";

/// Takes back what was granted in vain, and notes why.
#[tracing::instrument(name = "db.code.release", level = "debug", skip_all, fields(code.id = %record.id))]
pub(crate) async fn release(db: &Db, record: &Record, attempt: &Attempt, why: Outcome) -> Result<(), StoreError> {
    let mut tx = db.write().await?;
    let (id, mac) = (record.id.as_str(), attempt.mac.to_i64());
    match record.kind {
        CodeKind::Personal => {
            sqlx::query(REOPEN).bind(id).bind(mac).execute(&mut *tx).await?;
        }
        CodeKind::Directory => {
            let deleted = sqlx::query(DEACTIVATE).bind(id).bind(mac).execute(&mut *tx).await?;
            if deleted.rows_affected() == 1 {
                sqlx::query(COUNT_OUT).bind(id).execute(&mut *tx).await?;
            }
        }
    }
    note(&mut tx, attempt, why).await?;
    tx.commit().await?;
    Ok(())
}
