//! Where one phone stands, and what an observation does to that. Pure: the store reads and writes it.

use std::borrow::Cow;
use std::time::Duration;

use vocabulary::{DeviceModel, Firmware, MacAddress, Timestamp};

use crate::event::{Event, Observation, ObservationId, ResyncFailure};
use crate::state::{self, State, Transition};
use crate::timeline::Entry;

/// A phone that asks so long after it acquired its profile may be second-hand: sooner, it was more likely
/// reset to be repaired.
const LONG_AGO: Duration = Duration::from_hours(30 * 24);

/// What is known of a phone. All of it follows from its timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phone {
    pub mac: MacAddress,
    pub state: State,
    /// How many entries its timeline has.
    pub entries: u64,
    /// The first and the last moment at which the phone itself was in touch.
    pub contact: Option<(Timestamp, Timestamp)>,
    pub firmware: Option<Firmware>,
    pub model: Option<DeviceModel>,
    /// The last failure of the resync now awaited.
    pub failure: Option<ResyncFailure>,
    /// When it last came to have its provider's profile.
    pub acquired_at: Option<Timestamp>,
    /// When it asked as after a factory reset, long after that: it may have a new user. `None` again once
    /// somebody registers it or gives it up.
    pub second_hand_since: Option<Timestamp>,
    /// The greatest of the ids of its observations: one with a greater id cannot have been recorded.
    pub newest: Option<ObservationId>,
}

impl Phone {
    /// A phone that nothing has been heard of.
    pub const fn unheard_of(mac: MacAddress) -> Self {
        Self {
            mac,
            state: State::Open,
            entries: 0,
            contact: None,
            firmware: None,
            model: None,
            failure: None,
            acquired_at: None,
            second_hand_since: None,
            newest: None,
        }
    }

    /// Takes in one observation and adds to `timeline` what came of it: one entry, or two where a factory
    /// reset had to be inferred first.
    ///
    /// The order in which observations arrive counts, not the time they carry: an entry once written stays.
    pub fn observe<'o>(&mut self, observation: &'o Observation, timeline: &mut Vec<Entry<'o>>) {
        self.note_contact(observation);
        self.newest = self.newest.max(observation.id);
        match state::apply(self.state, &observation.event) {
            Err(refused) => {
                let (from, to) = (self.state, self.state);
                let number = self.next_number();
                let (observation, refused) = (Cow::Borrowed(observation), Some(refused.to_string()));
                timeline.push(Entry { number, observation, from, to, refused });
            }
            Ok(Transition::To(to)) => timeline.push(self.moved(to, Cow::Borrowed(observation))),
            Ok(Transition::ResetThenTo(to)) => {
                timeline.push(self.moved(State::Open, Cow::Owned(observation.reset_before())));
                timeline.push(self.moved(to, Cow::Borrowed(observation)));
            }
        }
    }

    fn moved<'o>(&mut self, to: State, observation: Cow<'o, Observation>) -> Entry<'o> {
        let from = self.state;
        self.state = to;
        self.note_hands(&observation, (from, to));
        match &observation.event {
            Event::ResyncFailed(failure) => self.failure = Some(*failure),
            Event::ResyncSucceeded => self.failure = None,
            Event::Asked { .. }
            | Event::AnsweredWithProvider { .. }
            | Event::AnsweredWithNothing { .. }
            | Event::ProvisionedByDhcp
            | Event::ProvisionedByHand { .. }
            | Event::FactoryReset
            | Event::FirmwareSeen
            | Event::Associated { .. }
            | Event::Dissociated => {
                if from != to {
                    self.failure = None;
                }
            }
        }
        Entry { number: self.next_number(), observation, from, to, refused: None }
    }

    /// Whether it may have come to somebody else. An asking phone has been reset since it was Acquired.
    fn note_hands(&mut self, observation: &Observation, (from, to): (State, State)) {
        match &observation.event {
            Event::Associated { .. } | Event::Dissociated => self.second_hand_since = None,
            Event::Asked { .. } => {
                let long_ago = self.acquired_at.is_some_and(|then| then.plus(LONG_AGO) <= observation.at);
                if long_ago && self.second_hand_since.is_none() {
                    self.second_hand_since = Some(observation.at);
                }
            }
            Event::AnsweredWithProvider { .. }
            | Event::AnsweredWithNothing { .. }
            | Event::ResyncSucceeded
            | Event::ResyncFailed(_)
            | Event::ProvisionedByDhcp
            | Event::ProvisionedByHand { .. }
            | Event::FactoryReset
            | Event::FirmwareSeen => {}
        }
        if to == State::Acquired && from != to {
            self.acquired_at = Some(observation.at);
        }
    }

    const fn next_number(&mut self) -> u64 {
        self.entries += 1;
        self.entries
    }

    /// Also for what is refused: the phone was heard of all the same.
    fn note_contact(&mut self, observation: &Observation) {
        if observation.is_contact() {
            let (first, last) = self.contact.unwrap_or((observation.at, observation.at));
            self.contact = Some((first.min(observation.at), last.max(observation.at)));
        }
        if observation.firmware.is_some() {
            self.firmware.clone_from(&observation.firmware);
        }
        if observation.model.is_some() {
            self.model.clone_from(&observation.model);
        }
    }
}

#[cfg(test)]
mod tests;
