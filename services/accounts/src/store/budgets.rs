//! The tables `login_budget` and `known_network`: who may try again, and who is known where.

use storage::{Connection, StoreError, Tx, on};
use vocabulary::Timestamp;

use crate::throttle::{KNOWN_FOR, Network, Share};

const LEVELS: &str = "SELECT key, whole_at FROM login_budget WHERE key IN ($1, $2, $3)";

/// When each of these budgets is whole again, in their order; long ago where nothing is charged.
#[tracing::instrument(name = "db.login_budget.levels", level = "debug", skip_all)]
pub(crate) async fn levels(mut conn: Connection<'_>, shares: &[Share]) -> Result<Vec<Timestamp>, StoreError> {
    let key = |nth: usize| shares.get(nth).map_or("", |share| share.key.as_str());
    let rows: Vec<(String, i64)> = on!(conn, conn => {
        sqlx::query_as(LEVELS).bind(key(0)).bind(key(1)).bind(key(2)).fetch_all(conn).await?
    });
    let whole_at = |share: &Share| rows.iter().find(|(key, _)| *key == share.key).map_or(0, |(_, at)| *at);
    Ok(shares.iter().map(|share| Timestamp::from_micros(whole_at(share))).collect())
}

const CHARGE: &str = "
INSERT INTO login_budget (key, whole_at) VALUES ($1, $2 + $3)
ON CONFLICT (key) DO UPDATE
SET whole_at = CASE WHEN login_budget.whole_at > $2 THEN login_budget.whole_at ELSE $2 END + $3
WHERE CASE WHEN login_budget.whole_at > $2 THEN login_budget.whole_at ELSE $2 END + $3 <= $2 + $4";

const FORGET: Forget = Forget {
    sqlite: "DELETE FROM login_budget WHERE whole_at <= $1",
    postgres: "
        DELETE FROM login_budget
        WHERE key IN (SELECT key FROM login_budget WHERE whole_at <= $1 FOR UPDATE SKIP LOCKED)",
};

/// Takes one wrong try from each of these budgets. Never takes what is not there: the budget then stays. Everybody
/// takes from the budgets in the order of `shares`: of the pair, of the network, of the account.
#[tracing::instrument(name = "db.login_budget.charge", level = "debug", skip_all)]
pub(crate) async fn charge(tx: &mut Tx, shares: &[Share], now: Timestamp) -> Result<(), StoreError> {
    for share in shares {
        on!(tx, conn => {
            let query = sqlx::query(CHARGE).bind(share.key.as_str()).bind(now.as_micros());
            query.bind(share.step).bind(share.reach).execute(conn).await?;
        });
    }
    FORGET.until(tx, now.as_micros()).await
}

const KNOWN: &str = "
SELECT EXISTS (SELECT 1 FROM known_network WHERE subject = $1 AND network = $2 AND last_at > $3)";

/// Whether `subject` has logged in from this network lately.
#[tracing::instrument(name = "db.known_network.find", level = "debug", skip_all)]
pub(crate) async fn network_known(
    mut conn: Connection<'_>,
    (subject, network): (&str, &Network),
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(on!(conn, conn => {
        let query = sqlx::query_scalar(KNOWN).bind(subject).bind(network.as_str()).bind(forgotten_at(now));
        query.fetch_one(conn).await?
    }))
}

const FORGET_NETWORKS: Forget = Forget {
    sqlite: "DELETE FROM known_network WHERE last_at <= $1",
    postgres: "
        DELETE FROM known_network
        WHERE (subject, network) IN (
            SELECT subject, network FROM known_network WHERE last_at <= $1 FOR UPDATE SKIP LOCKED
        )",
};

const NOTE: &str = "
INSERT INTO known_network (subject, network, last_at) VALUES ($1, $2, $3)
ON CONFLICT (subject, network) DO UPDATE SET last_at = excluded.last_at
WHERE known_network.last_at < excluded.last_at";

/// Notes that `subject` proved itself from this network.
#[tracing::instrument(name = "db.known_network.note", level = "debug", skip_all)]
pub(crate) async fn network_noted(
    tx: &mut Tx,
    (subject, network): (&str, &Network),
    now: Timestamp,
) -> Result<(), StoreError> {
    on!(tx, conn => {
        let query = sqlx::query(NOTE).bind(subject).bind(network.as_str()).bind(now.as_micros());
        query.execute(conn).await?;
    });
    FORGET_NETWORKS.until(tx, forgotten_at(now)).await
}

fn forgotten_at(now: Timestamp) -> i64 {
    now.as_micros().saturating_sub(i64::try_from(KNOWN_FOR.as_micros()).unwrap_or(i64::MAX))
}

/// How rows are forgotten that say nothing any more.
///
/// On PostgreSQL without those that others are just writing: two who clean up, each with a row in hand that the other
/// wants to forget, would wait for each other. Comes after what the transaction has to wait for.
struct Forget {
    sqlite: &'static str,
    postgres: &'static str,
}

impl Forget {
    async fn until(&self, tx: &mut Tx, moment: i64) -> Result<(), StoreError> {
        match tx.connection() {
            Connection::Sqlite(conn) => sqlx::query(self.sqlite).bind(moment).execute(conn).await?.rows_affected(),
            Connection::Postgres(conn) => sqlx::query(self.postgres).bind(moment).execute(conn).await?.rows_affected(),
        };
        Ok(())
    }
}
