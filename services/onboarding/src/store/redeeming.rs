//! The transactions of a redemption. Every guess, whatever it is, runs the same statements; only a right one runs
//! more.

use sqlx::{FromRow, SqliteExecutor};
use storage::StoreError;
use storage::sqlite::{Db, Tx};
use vocabulary::{ActivationCode, CodeKind, MacAddress};

use super::attempts::{Attempt, charge, forget, is_exhausted, misses_of, note};
use super::row::{CodeRow, columns};
use crate::attempts::{Outcome, Share, looks_searched};
use crate::code::CodeDigest;
use crate::record::Record;

/// The newest misses that are looked at for a search after each attempt. More would take long enough to be told
/// apart from none.
const RECENT: u32 = 100;

/// A code that was typed, and what it knows of the phone.
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

/// What came of a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settled {
    pub outcome: Outcome,
    /// With this attempt, those at the code have begun to look like a search.
    pub begins_search: bool,
}

#[derive(FromRow)]
struct FoundRow {
    #[sqlx(flatten)]
    code: CodeRow,
    is_expected: bool,
    has_activated: bool,
}

const BY_DIGEST: &str = concat!(
    "SELECT ",
    columns!(),
    ",
       EXISTS (SELECT 1 FROM expected_phone AS it WHERE it.code_id = code.id AND it.mac = $2) AS is_expected,
       EXISTS (SELECT 1 FROM activation AS it WHERE it.code_id = code.id AND it.mac = $2) AS has_activated
FROM code
WHERE digest = $1"
);

const BY_DIGITS: &str = concat!(
    "SELECT ",
    columns!(),
    ",
       EXISTS (SELECT 1 FROM expected_phone AS it WHERE it.code_id = code.id AND it.mac = $2) AS is_expected,
       EXISTS (SELECT 1 FROM activation AS it WHERE it.code_id = code.id AND it.mac = $2) AS has_activated
FROM code
WHERE kind = 'directory' AND digits = $1
ORDER BY state IN ('queued', 'open') DESC, created_at DESC LIMIT 1"
);

/// The code that was typed: of directory codes with the same digits the live one, or else the newest.
#[tracing::instrument(name = "db.code.find_typed", level = "debug", skip_all)]
pub(crate) async fn find_typed(
    executor: impl SqliteExecutor<'_>,
    code: &ActivationCode,
    digest: &CodeDigest,
    mac: MacAddress,
) -> Result<Option<Found>, StoreError> {
    let query = match code.kind() {
        CodeKind::Personal => sqlx::query_as(BY_DIGEST).bind(digest.as_bytes()),
        CodeKind::Directory => sqlx::query_as(BY_DIGITS).bind(code.expose_digits()),
    };
    let row: Option<FoundRow> = query.bind(mac.to_i64()).fetch_optional(executor).await?;
    row.map(|FoundRow { code, is_expected, has_activated }| {
        Ok(Found { record: code.try_into()?, is_expected, has_activated })
    })
    .transpose()
}

/// Looks at the budgets, grants what is right, charges what is wrong, and notes what came of it: one transaction.
#[tracing::instrument(name = "db.code.settle", level = "debug", skip_all)]
pub(crate) async fn settle(
    db: &Db,
    attempt: &Attempt,
    shares: &[Share; 3],
    guess: (Option<&Record>, Verdict),
) -> Result<Settled, StoreError> {
    let mut tx = db.write().await?;
    forget(&mut tx, attempt.at).await?;
    let is_exhausted = is_exhausted(&mut tx, shares, attempt.at).await?;
    let outcome = match guess {
        (_, Verdict::Right | Verdict::Wrong(_)) if is_exhausted => Outcome::Throttled,
        (_, Verdict::Wrong(outcome)) => outcome,
        (Some(record), Verdict::Right | Verdict::RightOfKnown) => grant(&mut tx, record, attempt).await?,
        (None, Verdict::Right | Verdict::RightOfKnown) => Outcome::Unknown,
    };
    charge(&mut tx, shares, outcome, attempt.at).await?;
    note(&mut tx, attempt, outcome).await?;
    let code_id = attempt.code.as_ref().map_or("", |(id, _)| id.as_str());
    let misses = misses_of(&mut *tx, code_id, RECENT, attempt.at).await?;
    tx.commit().await?;
    let before = misses.get(1..).unwrap_or_default();
    let begins_search = outcome.is_miss() && looks_searched(&misses) && !looks_searched(before);
    Ok(Settled { outcome, begins_search })
}

async fn grant(tx: &mut Tx, record: &Record, attempt: &Attempt) -> Result<Outcome, StoreError> {
    match record.kind {
        CodeKind::Personal => grant_personal(tx, record, attempt).await,
        CodeKind::Directory => grant_directory(tx, record, attempt).await,
    }
}

const REDEEM: &str = "
UPDATE code
SET state = 'redeemed', redeemed_by = $2, redeemed_at = $3, activations = 1
WHERE id = $1 AND kind = 'personal' AND state = 'open' AND ends_at > $3";

const HOLDER: &str = "SELECT redeemed_by FROM code WHERE id = $1";

async fn grant_personal(tx: &mut Tx, record: &Record, attempt: &Attempt) -> Result<Outcome, StoreError> {
    let redeemed = sqlx::query(REDEEM)
        .bind(record.id.as_str())
        .bind(attempt.mac.to_i64())
        .bind(attempt.at.as_micros())
        .execute(&mut **tx)
        .await?;
    if redeemed.rows_affected() == 1 {
        return Ok(Outcome::Redeemed);
    }
    let holder: Option<i64> = sqlx::query_scalar(HOLDER).bind(record.id.as_str()).fetch_one(&mut **tx).await?;
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

async fn grant_directory(tx: &mut Tx, record: &Record, attempt: &Attempt) -> Result<Outcome, StoreError> {
    let (id, mac) = (record.id.as_str(), attempt.mac.to_i64());
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
