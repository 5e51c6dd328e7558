//! The statements of redemptions. Wrong guesses of a group share theirs, whatever is wrong with each, and each writes as
//! many rows; only right ones have some of their own.

use storage::{Connection, Db, StoreError, Tx, on};
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

/// Waits until nobody else settles redemptions or takes one back, in this process or in another, and takes the turn
/// until the transaction ends. What is read of budgets, activations and throttled attempts from then on stays so.
///
/// One turn for all, because nearly all guesses would share one anyway: that of the budget of their length.
#[tracing::instrument(name = "db.budget.turn", level = "debug", skip_all)]
pub(crate) async fn turn_take(tx: &mut Tx) -> Result<(), StoreError> {
    // The table's own number is the lock's, so that services in one database do not wait for one another.
    const TURN: &str = "SELECT pg_advisory_xact_lock('budget'::regclass::oid::bigint)";

    match tx.connection() {
        // SQLite has one writer.
        Connection::Sqlite(_) => {}
        Connection::Postgres(conn) => {
            sqlx::query(TURN).execute(conn).await?;
        }
    }
    Ok(())
}

/// Settles the redemptions that share a transaction, and says what came of each: looks at the budgets, grants what is
/// right, charges what is wrong, and notes it. A grant that fails fails alone; anything else that fails is an error,
/// and the transaction is lost.
pub(crate) async fn settle<'a>(
    tx: &mut Tx,
    redemptions: impl Iterator<Item = &'a Redemption> + Clone,
) -> Result<Vec<Result<Outcome, StoreError>>, StoreError> {
    turn_take(tx).await?;
    let levels = Levels::read(tx, redemptions.clone().flat_map(|redemption| &redemption.shares)).await?;
    let Judged { levels, notes, settled } = judge(tx, redemptions, levels).await?;
    levels.write(tx).await?;
    notes.write(tx).await?;
    Ok(settled)
}

/// What came of each, granted but neither charged nor noted.
struct Judged<'a> {
    levels: Levels,
    notes: Notes<'a>,
    settled: Vec<Result<Outcome, StoreError>>,
}

/// Where a grant that fails leads back to.
#[derive(Clone, Copy)]
enum Undo {
    /// To before the first grant of the group.
    All,
    /// To before that grant.
    Grant,
}

const APART: &str = "SAVEPOINT redemption";
const KEPT: &str = "RELEASE redemption";
const UNDONE: &str = "ROLLBACK TO redemption";

/// Grants are made under one savepoint, because hardly ever one fails; then all are made anew, each under its own.
async fn judge<'a>(
    tx: &mut Tx,
    redemptions: impl Iterator<Item = &'a Redemption> + Clone,
    levels: Levels,
) -> Result<Judged<'a>, StoreError> {
    if redemptions.clone().all(|it| matches!(it.verdict, Verdict::Wrong(_))) {
        return judge_each(tx, redemptions, (levels, Undo::All)).await;
    }
    on!(tx, conn => sqlx::query(APART).execute(conn).await.map(drop)?);
    let together = judge_each(tx, redemptions.clone(), (levels.clone(), Undo::All)).await;
    let judged = if let Ok(judged) = together {
        judged
    } else {
        on!(tx, conn => sqlx::query(UNDONE).execute(conn).await.map(drop)?);
        judge_each(tx, redemptions, (levels, Undo::Grant)).await?
    };
    on!(tx, conn => sqlx::query(KEPT).execute(conn).await.map(drop)?);
    Ok(judged)
}

async fn judge_each<'a>(
    tx: &mut Tx,
    redemptions: impl Iterator<Item = &'a Redemption>,
    (levels, undo): (Levels, Undo),
) -> Result<Judged<'a>, StoreError> {
    let mut judged = Judged { levels, notes: Notes::default(), settled: Vec::new() };
    for redemption in redemptions {
        let Redemption { attempt, shares, verdict, .. } = redemption;
        let outcome = match verdict {
            Verdict::Right | Verdict::Wrong(_) if judged.levels.are_exhausted(shares, attempt.at) => {
                Ok(Outcome::Throttled)
            }
            Verdict::Wrong(outcome) => Ok(*outcome),
            Verdict::Right | Verdict::RightOfKnown => match undo {
                Undo::All => Ok(grant(tx, redemption).await?),
                Undo::Grant => grant_apart(tx, redemption).await?,
            },
        };
        if let Ok(outcome) = outcome {
            judged.notes.add(attempt, outcome);
            if outcome.is_wrong() {
                judged.levels.charge(shares, attempt.at);
            }
        }
        judged.settled.push(outcome);
    }
    Ok(judged)
}

/// Where the grant fails, only its own statements are taken back; where that fails too, the transaction is lost.
async fn grant_apart(tx: &mut Tx, redemption: &Redemption) -> Result<Result<Outcome, StoreError>, StoreError> {
    on!(tx, conn => sqlx::query(APART).execute(conn).await.map(drop)?);
    let granted = grant(tx, redemption).await;
    if granted.is_err() {
        on!(tx, conn => sqlx::query(UNDONE).execute(conn).await.map(drop)?);
    }
    on!(tx, conn => sqlx::query(KEPT).execute(conn).await.map(drop)?);
    Ok(granted)
}

#[tracing::instrument(name = "db.code.grant", level = "debug", skip_all)]
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
    let (id, mac) = (attempt.code.as_str(), attempt.mac.to_i64());
    let redeemed = on!(tx, conn => {
        sqlx::query(REDEEM).bind(id).bind(mac).bind(attempt.at.as_micros()).execute(conn).await?.rows_affected()
    });
    if redeemed == 1 {
        return Ok(Outcome::Redeemed);
    }
    let holder: Option<i64> = on!(tx, conn => sqlx::query_scalar(HOLDER).bind(id).fetch_one(conn).await?);
    Ok(if holder == Some(mac) { Outcome::Repeated } else { Outcome::Used })
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
    let counted = on!(tx, conn => sqlx::query(COUNT_IN).bind(id).bind(mac).execute(conn).await?.rows_affected());
    if counted == 1 {
        on!(tx, conn => {
            sqlx::query(ACTIVATE).bind(id).bind(mac).bind(attempt.at.as_micros()).execute(conn).await.map(drop)?;
        });
        return Ok(Outcome::Redeemed);
    }
    let is_repeated: bool = on!(tx, conn => sqlx::query_scalar(ACTIVATED).bind(id).bind(mac).fetch_one(conn).await?);
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
    turn_take(&mut tx).await?;
    let (id, mac) = (record.id.as_str(), attempt.mac.to_i64());
    match record.kind {
        CodeKind::Personal => {
            on!(tx, conn => sqlx::query(REOPEN).bind(id).bind(mac).execute(conn).await.map(drop)?);
        }
        CodeKind::Directory => {
            let deleted = on!(tx, conn => {
                sqlx::query(DEACTIVATE).bind(id).bind(mac).execute(conn).await?.rows_affected()
            });
            if deleted == 1 {
                on!(tx, conn => sqlx::query(COUNT_OUT).bind(id).execute(conn).await.map(drop)?);
            }
        }
    }
    let mut notes = Notes::default();
    notes.add(attempt, why);
    notes.write(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}
