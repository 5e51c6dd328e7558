//! One entry of a phone's timeline, and how much of it a provider may see.

use vocabulary::ProviderId;

use crate::event::{Event, Observation};
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

/// An entry as a provider sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum View {
    /// All of it.
    Whole(Entry),
    /// That it happened, but neither what was asked and answered nor from where.
    Outline(Entry),
}

impl Entry {
    /// What `reader` may see.
    ///
    /// A phone changes hands, and its new provider needs to know how far it has come; where its old
    /// provider sent it, and from which address it came then, is none of its business.
    pub fn seen_by(self, reader: &ProviderId) -> View {
        match &self.observation.provider {
            Some(owner) if owner != reader => View::Outline(self),
            Some(_) | None => View::Whole(self),
        }
    }
}
