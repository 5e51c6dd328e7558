//! One entry of a phone's timeline.

use vocabulary::ProviderId;

use crate::event::Observation;
use crate::state::State;

/// What happened, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Counts from 1 for each phone.
    pub number: u64,
    pub observation: Observation,
    pub from: State,
    pub to: State,
    /// Why the event was refused as impossible; the state then stayed.
    pub refused: Option<String>,
}

impl Entry {
    /// Whether it happened while the phone was another provider's.
    ///
    /// A phone changes hands, and its new provider needs to know how far it has come; where its old
    /// provider sent it, and from which address it came then, is none of its business.
    pub fn is_anothers(&self, reader: &ProviderId) -> bool {
        self.observation.provider.as_ref().is_some_and(|owner| owner != reader)
    }
}
