//! What a person or a program says of a phone on its timeline, as the audit log keeps it.
//!
//! Registering a phone and giving it up are on the timeline too, but are audited where they are done.

use audit::Act;
use rpc::Actor;
use serde_json::json;
use storage::{StoreError, Tx};
use vocabulary::Timestamp;

use crate::event::{EventKind, Evidence, Observation, Subject};

/// Something stated by somebody.
pub(crate) struct Stated {
    at: Timestamp,
    actor: Actor,
    concerns: String,
    target: String,
    event: EventKind,
}

impl Stated {
    /// Those of `observations` that somebody answers for.
    pub fn among(observations: &[&Observation]) -> Vec<Self> {
        let stated = observations.iter().filter(|seen| seen.evidence == Evidence::Stated);
        stated.filter_map(|seen| Self::by_somebody(seen)).collect()
    }

    fn by_somebody(seen: &Observation) -> Option<Self> {
        let event = seen.event.kind();
        if matches!(event, EventKind::Associated | EventKind::Dissociated) {
            return None;
        }
        let concerns = seen.provider.as_ref()?.to_string();
        let Subject { id, tenant, source } = seen.subject.clone()?;
        let actor = Actor { subject: id, tenant, source, request_id: seen.request_id.clone() };
        Some(Self { at: seen.at, actor, concerns, target: seen.mac.to_string(), event })
    }

    /// Appends it, in the transaction that records it.
    pub async fn audit(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let act = Act {
            at: self.at,
            concerns: &self.concerns,
            actor: &self.actor,
            verb: "device.state",
            target: &self.target,
            detail: json!({ "event": self.event.word() }),
        };
        audit::append(tx.connection(), &act).await
    }
}
