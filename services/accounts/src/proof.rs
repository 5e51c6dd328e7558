//! Proving a secret: with argon2id, at one and the same price for everybody, and not too often wrong.
//!
//! 1. The budgets are looked at; whoever has used them up is told so before any hashing.
//! 2. It waits for a place; there are a few, so that no more wrong tries than places can slip through before they are
//!    charged. The budgets are looked at again.
//! 3. The secret is checked; for nobody's account, against a dummy.
//! 4. A wrong one is charged while the place is held.

use storage::StoreError;
use vocabulary::{Secret, Timestamp};

use crate::hashing::{HashingError, Place, SecretHash};
use crate::throttle::{Network, Share, TooManyAttempts, admit};
use crate::{Accounts, store};

/// Somebody who is about to prove something.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    /// Whom it wants to be, as it says: a client's id or an address in lower case.
    pub account: &'a str,
    /// Whom that is: `cli_…`, `per_…`, or empty for nobody.
    pub subject: &'a str,
    pub network: Network,
    pub at: Timestamp,
}

/// Why nothing is proven.
#[derive(Debug)]
pub(crate) enum Unproven {
    Wrong,
    TooMany(TooManyAttempts),
    Hashing(HashingError),
    Store(StoreError),
}

/// The secret was right. Holds the place until it is dropped.
pub(crate) struct Proven {
    pub place: Place,
    /// Whether the account has logged in from this network lately.
    pub is_known: bool,
    shares: Vec<Share>,
    at: Timestamp,
}

impl Accounts {
    /// Whether `hash`, that of the account's secret, is the one of `secret`. `None` where there is no such account.
    #[tracing::instrument(name = "accounts.prove", level = "debug", skip_all)]
    pub(crate) async fn prove(
        &self,
        attempt: &Attempt<'_>,
        secret: &Secret<String>,
        hash: Option<&SecretHash>,
    ) -> Result<Proven, Unproven> {
        let now = attempt.at;
        let from = (attempt.subject, &attempt.network);
        let is_known = store::network_known(self.db.read().await?.connection(), from, now).await?;
        let shares = if is_known {
            Share::where_known(attempt.account, &attempt.network)
        } else {
            Share::where_unknown(attempt.account, &attempt.network)
        };
        self.admitted(&shares, now).await?;
        let place = self.hasher.place().await?;
        self.admitted(&shares, now).await?;
        let dummy = SecretHash::dummy();
        let right = place.is_right(secret, hash.unwrap_or(&dummy)).await?;
        let proven = Proven { place, is_known, shares, at: now };
        if right && hash.is_some() {
            return Ok(proven);
        }
        self.charge(&proven).await?;
        Err(Unproven::Wrong)
    }

    /// Looks at the budgets, without keeping a connection for what comes after.
    async fn admitted(&self, shares: &[Share], now: Timestamp) -> Result<(), Unproven> {
        let levels = store::levels(self.db.read().await?.connection(), shares).await?;
        Ok(admit(shares, &levels, now)?)
    }

    /// Charges a wrong try: of the secret, or of the second factor after it.
    pub(crate) async fn charge(&self, proven: &Proven) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        store::charge(&mut tx, &proven.shares, proven.at).await?;
        tx.commit().await
    }
}

impl From<StoreError> for Unproven {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<HashingError> for Unproven {
    fn from(error: HashingError) -> Self {
        Self::Hashing(error)
    }
}

impl From<TooManyAttempts> for Unproven {
    fn from(error: TooManyAttempts) -> Self {
        Self::TooMany(error)
    }
}
