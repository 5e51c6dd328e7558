//! The tables `login_budget` and `known_network`: who may try again, and who is known where.

use sqlx::SqliteExecutor;
use storage::StoreError;
use storage::sqlite::Tx;
use vocabulary::Timestamp;

use crate::throttle::{KNOWN_FOR, Network, Share};

const LEVELS: &str = "SELECT key, whole_at FROM login_budget WHERE key IN ($1, $2, $3)";

/// When each of these budgets is whole again, in their order; long ago where nothing is charged.
#[tracing::instrument(name = "db.login_budget.levels", level = "debug", skip_all)]
pub(crate) async fn levels(executor: impl SqliteExecutor<'_>, shares: &[Share]) -> Result<Vec<Timestamp>, StoreError> {
    let key = |nth: usize| shares.get(nth).map_or("", |share| share.key.as_str());
    let rows: Vec<(String, i64)> =
        sqlx::query_as(LEVELS).bind(key(0)).bind(key(1)).bind(key(2)).fetch_all(executor).await?;
    let whole_at = |share: &Share| rows.iter().find(|(key, _)| *key == share.key).map_or(0, |(_, at)| *at);
    Ok(shares.iter().map(|share| Timestamp::from_micros(whole_at(share))).collect())
}

const FORGET: &str = "DELETE FROM login_budget WHERE whole_at <= $1";

const CHARGE: &str = "
INSERT INTO login_budget (key, whole_at) VALUES ($1, $2 + $3)
ON CONFLICT (key) DO UPDATE
SET whole_at = max(login_budget.whole_at, $2) + $3
WHERE max(login_budget.whole_at, $2) + $3 <= $2 + $4";

/// Takes one wrong try from each of these budgets. Never takes what is not there: the budget then stays.
#[tracing::instrument(name = "db.login_budget.charge", level = "debug", skip_all)]
pub(crate) async fn charge(tx: &mut Tx, shares: &[Share], now: Timestamp) -> Result<(), StoreError> {
    sqlx::query(FORGET).bind(now.as_micros()).execute(&mut **tx).await?;
    for share in shares {
        sqlx::query(CHARGE)
            .bind(share.key.as_str())
            .bind(now.as_micros())
            .bind(share.step)
            .bind(share.reach)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

const KNOWN: &str = "
SELECT EXISTS (SELECT 1 FROM known_network WHERE subject = $1 AND network = $2 AND last_at > $3)";

/// Whether `subject` has logged in from this network lately.
#[tracing::instrument(name = "db.known_network.find", level = "debug", skip_all)]
pub(crate) async fn network_known(
    executor: impl SqliteExecutor<'_>,
    (subject, network): (&str, &Network),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let query = sqlx::query_scalar(KNOWN).bind(subject).bind(network.as_str()).bind(forgotten_at(now));
    Ok(query.fetch_one(executor).await?)
}

const FORGET_NETWORKS: &str = "DELETE FROM known_network WHERE last_at <= $1";

const NOTE: &str = "
INSERT INTO known_network (subject, network, last_at) VALUES ($1, $2, $3)
ON CONFLICT (subject, network) DO UPDATE SET last_at = max(known_network.last_at, excluded.last_at)";

/// Notes that `subject` proved itself from this network.
#[tracing::instrument(name = "db.known_network.note", level = "debug", skip_all)]
pub(crate) async fn network_noted(
    tx: &mut Tx,
    (subject, network): (&str, &Network),
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(FORGET_NETWORKS).bind(forgotten_at(now)).execute(&mut **tx).await?;
    sqlx::query(NOTE).bind(subject).bind(network.as_str()).bind(now.as_micros()).execute(&mut **tx).await?;
    Ok(())
}

fn forgotten_at(now: Timestamp) -> i64 {
    now.as_micros().saturating_sub(i64::try_from(KNOWN_FOR.as_micros()).unwrap_or(i64::MAX))
}
