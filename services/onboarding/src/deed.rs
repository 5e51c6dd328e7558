//! What somebody did to codes, as the audit log keeps it. Digits are never in it: those of personal codes are
//! secret, and a code's id says which it is.
//!
//! Redemptions are not here: each is an attempt, and redirection's log has the assignment that comes of it.

use audit::Act;
use rpc::Actor;
use serde_json::{Value, json};
use storage::{StoreError, Tx};
use vocabulary::Timestamp;

use crate::limits::{Limits, Phones};
use crate::record::Record;

/// Who does something, and when.
#[derive(Debug, Clone)]
pub(crate) struct By {
    pub actor: Actor,
    pub at: Timestamp,
}

impl By {
    /// Appends what was done to `record`, in the transaction that does it.
    pub async fn did(&self, tx: &mut Tx, verb: &'static str, record: &Record, detail: Value) -> Result<(), StoreError> {
        let (concerns, target) = (record.provider.as_str(), record.id.as_str());
        let act = Act { at: self.at, concerns, actor: &self.actor, verb, target, detail };
        audit::append(tx.connection(), &act).await
    }
}

/// What a code is limited to, in short.
pub(crate) fn limits(record: &Record) -> Value {
    let Limits { starts_at, ends_at, activations, models, networks, phones, macs: _, expected } = &record.limits;
    let micros = |at: &Option<Timestamp>| at.map(Timestamp::as_micros);
    json!({
        "profile": record.profile.as_str(),
        "from": micros(starts_at),
        "until": micros(ends_at),
        "activations": activations,
        "models": models.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "networks": networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "registered_only": *phones == Phones::Registered,
        "expected_phones": expected,
    })
}
