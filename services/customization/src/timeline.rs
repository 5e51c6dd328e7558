//! One entry of a phone's timeline, and which two of them are kept as one.

use std::borrow::Cow;

use vocabulary::ProviderId;

use crate::event::{Event, Observation};
use crate::state::State;

/// What happened, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry<'o> {
    /// Counts from 1 for each phone.
    pub number: u64,
    pub observation: Cow<'o, Observation>,
    pub from: State,
    pub to: State,
    /// Why the event was refused as impossible; the state then stayed.
    pub refused: Option<String>,
}

/// What is kept as one: an entry, or a question with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record<'o> {
    pub entry: Entry<'o>,
    pub answer: Option<Entry<'o>>,
}

impl Entry<'_> {
    /// Whether it happened while the phone was another provider's.
    ///
    /// A phone changes hands, and its new provider needs to know how far it has come; where its old
    /// provider sent it, and from which address it came then, is none of its business.
    pub fn is_anothers(&self, reader: &ProviderId) -> bool {
        self.observation.provider.as_ref().is_some_and(|owner| owner != reader)
    }

    /// Whether `next`, the phone's next entry, is the answer to this question, given at once: then they differ in
    /// nothing but their names, their times and what was asked and answered.
    fn is_answered_by(&self, next: &Self) -> bool {
        let (asked, answered) = (&*self.observation, &*next.observation);
        matches!(asked.event, Event::Asked { .. })
            && matches!(answered.event, Event::AnsweredWithProvider { .. } | Event::AnsweredWithNothing { .. })
            && self.refused.is_none()
            && next.refused.is_none()
            && asked.id.is_some()
            && answered.id.is_some()
            && asked.evidence == answered.evidence
            && asked.source == answered.source
            && asked.request_id == answered.request_id
            && asked.provider == answered.provider
            && asked.firmware == answered.firmware
            && asked.model == answered.model
    }
}

impl<'o> Record<'o> {
    /// The entries of one phone, in the order of their numbers, as they are kept.
    pub fn of(entries: impl IntoIterator<Item = Entry<'o>>) -> Vec<Self> {
        let mut records: Vec<Self> = Vec::new();
        for entry in entries {
            match records.last_mut() {
                Some(last) if last.answer.is_none() && last.entry.is_answered_by(&entry) => last.answer = Some(entry),
                Some(_) | None => records.push(Self { entry, answer: None }),
            }
        }
        records
    }

    /// The last of its entries.
    pub fn newest(&self) -> &Entry<'o> {
        self.answer.as_ref().unwrap_or(&self.entry)
    }

    /// The entries again.
    pub fn into_entries(self) -> impl DoubleEndedIterator<Item = Entry<'o>> {
        [Some(self.entry), self.answer].into_iter().flatten()
    }
}
