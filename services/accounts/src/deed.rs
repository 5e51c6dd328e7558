//! Who does something, when, and the line about it in the audit log.

use audit::Act;
use rpc::Actor;
use serde_json::Value;
use storage::{StoreError, Tx};
use vocabulary::{ProviderId, Timestamp};

/// Somebody who changes something at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Doer {
    pub actor: Actor,
    pub at: Timestamp,
}

impl Doer {
    /// Writes that `verb` was done to `target`, in the transaction in which it is done. `detail` holds no secret.
    pub async fn did(
        &self,
        tx: &mut Tx,
        concerns: &ProviderId,
        (verb, target): (&'static str, &str),
        detail: Value,
    ) -> Result<(), StoreError> {
        let act = Act { at: self.at, concerns: concerns.as_str(), actor: &self.actor, verb, target, detail };
        audit::append(tx, &act).await
    }
}
