//! Who does something, when, and the line about it in the audit log.

use audit::Act;
use rpc::Actor;
use serde_json::Value;
use storage::{StoreError, Tx};
use vocabulary::{ProviderId, Scopes, Timestamp};

/// Somebody who changes something at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Doer {
    pub actor: Actor,
    pub at: Timestamp,
    /// What its token may be used for.
    pub token: Scopes,
}

impl Doer {
    /// The same, with a token of these scopes; what an old or a new version of us wrote and we do not know is not
    /// in it. Without any there is no token, which narrows nothing.
    pub fn with_token(self, scopes: &[String]) -> Self {
        if scopes.is_empty() {
            return self;
        }
        Self { token: scopes.iter().filter_map(|word| word.parse::<vocabulary::Scope>().ok()).collect(), ..self }
    }

    /// Writes that `verb` was done to `target`, in the transaction in which it is done, after what may have to wait for
    /// somebody: those who write acts wait for one another until they commit. `detail` holds no secret.
    pub async fn did(
        &self,
        tx: &mut Tx,
        concerns: &ProviderId,
        (verb, target): (&'static str, &str),
        detail: Value,
    ) -> Result<(), StoreError> {
        let act = Act { at: self.at, concerns: concerns.as_str(), actor: &self.actor, verb, target, detail };
        audit::append(tx.connection(), &act).await
    }
}
