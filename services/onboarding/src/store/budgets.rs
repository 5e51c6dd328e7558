//! The table `budget`: who may guess again.

use std::collections::BTreeMap;

use storage::{Connection, StoreError, Tx};
use vocabulary::Timestamp;

use super::{postgres, sqlite};
use crate::attempts::Share;

/// The budgets that a group of guesses draws on, as they were read by whoever has the turn: until it is committed
/// nobody else changes them, here or in another process, so that they are counted here and written once.
#[derive(Clone)]
pub(super) struct Levels {
    /// When each is whole again.
    whole_at: BTreeMap<String, i64>,
    charged: BTreeMap<String, i64>,
}

impl Levels {
    /// Reads those of all these shares.
    #[tracing::instrument(name = "db.budget.read", level = "debug", skip_all)]
    pub async fn read(tx: &mut Tx, shares: impl Iterator<Item = &Share>) -> Result<Self, StoreError> {
        let mut keys: Vec<&str> = shares.map(|share| share.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        let whole_at = match tx.connection() {
            Connection::Sqlite(conn) => sqlite::levels(conn, &keys).await?,
            Connection::Postgres(conn) => postgres::levels(conn, &keys).await?,
        };
        Ok(Self { whole_at, charged: BTreeMap::new() })
    }

    /// Whether one of the three has no guess left.
    pub fn are_exhausted(&self, shares: &[Share; 3], now: Timestamp) -> bool {
        shares.iter().any(|share| share.is_exhausted(self.of(share), now))
    }

    fn of(&self, share: &Share) -> Timestamp {
        let whole_at = self.charged.get(&share.key).or_else(|| self.whole_at.get(&share.key));
        Timestamp::from_micros(whole_at.copied().unwrap_or(0))
    }

    /// Takes one guess from each of the three. Never takes what is not there: that budget then stays.
    pub fn charge(&mut self, shares: &[Share; 3], now: Timestamp) {
        for share in shares {
            let whole_at = self.of(share);
            if !share.is_exhausted(whole_at, now) {
                let whole_at = whole_at.max(now).as_micros().saturating_add(share.step);
                self.charged.insert(share.key.clone(), whole_at);
            }
        }
    }

    /// Keeps what was charged.
    #[tracing::instrument(name = "db.budget.charge", level = "debug", skip_all)]
    pub async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        if self.charged.is_empty() {
            return Ok(());
        }
        match tx.connection() {
            Connection::Sqlite(conn) => sqlite::charge(conn, &self.charged).await,
            Connection::Postgres(conn) => postgres::charge(conn, &self.charged).await,
        }
    }
}
