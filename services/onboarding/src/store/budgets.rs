//! The table `budget`: who may guess again.

use std::collections::BTreeMap;

use storage::StoreError;
use storage::sqlite::Tx;
use vocabulary::Timestamp;

use super::json;
use crate::attempts::Share;

/// The budgets that a group of guesses draws on, as they were read in its transaction: until it is committed nobody
/// else changes them, so that they are counted here and written once.
pub(super) struct Levels {
    /// When each is whole again.
    whole_at: BTreeMap<String, i64>,
    charged: BTreeMap<String, i64>,
}

const READ: &str = "
SELECT json_group_object(key, whole_at)
FROM budget
WHERE key IN (SELECT value FROM jsonb_each($1))";

const CHARGE: &str = "
INSERT INTO budget (key, whole_at)
SELECT key, value FROM jsonb_each($1) WHERE TRUE
ON CONFLICT (key) DO UPDATE
SET whole_at = excluded.whole_at
WHERE budget.whole_at < excluded.whole_at";

impl Levels {
    /// Reads those of all these shares.
    #[tracing::instrument(name = "db.budget.read", level = "debug", skip_all)]
    pub async fn read(tx: &mut Tx, shares: impl Iterator<Item = &Share>) -> Result<Self, StoreError> {
        let mut keys: Vec<&str> = shares.map(|share| share.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        let levels: String = sqlx::query_scalar(READ).bind(json(&keys)?).fetch_one(&mut **tx).await?;
        let whole_at = serde_json::from_str(&levels).map_err(|error| sqlx::Error::Decode(error.into()))?;
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
        if !self.charged.is_empty() {
            sqlx::query(CHARGE).bind(json(&self.charged)?).execute(&mut **tx).await?;
        }
        Ok(())
    }
}
