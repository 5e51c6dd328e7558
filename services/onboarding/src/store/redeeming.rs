//! The statements of redemptions. Wrong guesses of a group share theirs, whatever is wrong with each, and each writes as
//! many rows; only right ones have some of their own.

use storage::StoreError;
use storage::sqlite::{Db, Tx};
use vocabulary::CodeKind;

use super::attempts::{Attempt, Notes};
use super::budgets::Levels;
use crate::attempts::{Outcome, Share};
use crate::record::Record;

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

/// Settles the redemptions that share a transaction, and says what came of each: looks at the budgets, grants what is
/// right, charges what is wrong, and notes it. A grant that fails fails alone; anything else that fails is an error,
/// and the transaction is lost.
pub(crate) async fn settle<'a>(
    tx: &mut Tx,
    redemptions: impl Iterator<Item = &'a Redemption> + Clone,
) -> Result<Vec<Result<Outcome, StoreError>>, StoreError> {
    let mut levels = Levels::read(tx, redemptions.clone().flat_map(|redemption| &redemption.shares)).await?;
    let (mut settled, mut notes) = (Vec::new(), Notes::default());
    for redemption in redemptions {
        let Redemption { attempt, shares, verdict, .. } = redemption;
        let outcome = match verdict {
            Verdict::Right | Verdict::Wrong(_) if levels.are_exhausted(shares, attempt.at) => Ok(Outcome::Throttled),
            Verdict::Wrong(outcome) => Ok(*outcome),
            Verdict::Right | Verdict::RightOfKnown => grant_apart(tx, redemption).await?,
        };
        if let Ok(outcome) = outcome {
            notes.add(attempt, outcome);
            if outcome.is_wrong() {
                levels.charge(shares, attempt.at);
            }
        }
        settled.push(outcome);
    }
    levels.write(tx).await?;
    notes.write(tx).await?;
    Ok(settled)
}

const APART: &str = "SAVEPOINT redemption";
const KEPT: &str = "RELEASE redemption";
const UNDONE: &str = "ROLLBACK TO redemption";

/// Where the grant fails, only its own statements are taken back; where that fails too, the transaction is lost.
#[tracing::instrument(name = "db.code.grant", level = "debug", skip_all)]
async fn grant_apart(tx: &mut Tx, redemption: &Redemption) -> Result<Result<Outcome, StoreError>, StoreError> {
    sqlx::query(APART).execute(&mut **tx).await?;
    let granted = grant(tx, redemption).await;
    if granted.is_err() {
        sqlx::query(UNDONE).execute(&mut **tx).await?;
    }
    sqlx::query(KEPT).execute(&mut **tx).await?;
    Ok(granted)
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
    let mut notes = Notes::default();
    notes.add(attempt, why);
    notes.write(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}
