//! Every change that can be made, each one transaction: whether it may be, what is stored, what the
//! audit log keeps of it, and what the index is told.

mod claims;
mod devices;
mod imports;
mod keys;
mod moves;
mod profiles;
mod providers;
mod ranges;
mod succession;
mod transfers;
mod unseen;
mod windows;

pub(crate) use imports::ImportDone;
pub(crate) use moves::{Hold, Move, MovedPhones, Which};
pub(crate) use ranges::{NewRange, RangeChange};
pub(crate) use transfers::{Verdict, Wish};
pub(crate) use unseen::release_unseen;
pub(crate) use windows::{NewWindow, When};

use audit::Act;
use rpc::Actor;
use storage::{StoreError, Tx};
use vocabulary::{ProviderId, Timestamp};

/// On whose behalf something is changed, and when.
#[derive(Debug, Clone)]
pub(crate) struct By {
    pub actor: Actor,
    pub at: Timestamp,
}

/// What was done, for the audit log. Holds no secret.
pub(crate) struct Deed<'a> {
    /// Whose business it is.
    pub concerns: &'a ProviderId,
    /// Such as `profile.create`.
    pub verb: &'static str,
    /// The id or the address of what it was done to.
    pub target: &'a str,
    pub detail: serde_json::Value,
}

impl By {
    /// Appends the deed to the audit log, in the transaction of the change itself.
    pub async fn record(&self, tx: &mut Tx, deed: Deed<'_>) -> Result<(), StoreError> {
        let Deed { concerns, verb, target, detail } = deed;
        let act = Act { at: self.at, concerns: concerns.as_str(), actor: &self.actor, verb, target, detail };
        audit::append(tx.connection(), &act).await
    }
}
