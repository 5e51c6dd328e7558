//! The customization state machine: one pure table, no database and no clock.
//!
//! The rules are the chapter's ("Remote Customization (RC) Distribution"). Where the chapter is silent, a
//! comment in [`apply`] says what was decided. `tests/golden/transitions.txt` shows the whole table.

use crate::event::Event;
use crate::word::words;

words! {
    /// The chapter's "Customization State" of a phone.
    State {
        /// Fresh from the factory, or reset to it.
        Open = "open",
        /// It has asked for its provider.
        Pending = "pending",
        /// It was sent to its provider and is resyncing there.
        CustomPending = "custom_pending",
        /// It has its provider's profile.
        Acquired = "acquired",
        /// It was provisioned by other means and asks no more.
        Aborted = "aborted",
        /// No provider is known for it.
        Unavailable = "unavailable",
    }
}

/// What an event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transition {
    /// The phone is in this state now; perhaps it was before.
    To(State),
    /// A factory reset must have happened unseen. It leads to Open, and the event from there to this state.
    ResetThenTo(State),
}

/// The event cannot have happened in this state, as far as we know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("no question is open: an answer comes only after the phone has asked")]
    NoQuestionOpen,
    #[error("the phone was not sent to a provider, so it had nowhere to resync to")]
    NotRedirected,
    #[error("the phone was provisioned by other means and does not resync to its provider until it is factory reset")]
    ProvisionedOtherwise,
    #[error("the phone has its provider's profile; only a factory reset makes it look for a server again")]
    AlreadyAcquired,
}

/// Where `event` takes a phone that is in `state`.
#[expect(clippy::match_same_arms, reason = "a table is read event by event, not by where events lead")]
pub(crate) fn apply(state: State, event: &Event) -> Result<Transition, Refused> {
    use State::{Aborted, Acquired, CustomPending, Open, Pending, Unavailable};
    use Transition::{ResetThenTo, To};

    match (event, state) {
        // A phone asks again while Custom Pending when it was restarted before the resync succeeded.
        (Event::Asked { .. }, Open | Pending | CustomPending | Unavailable) => Ok(To(Pending)),
        // Once provisioned it does not ask "unless the phone is factory reset".
        (Event::Asked { .. }, Acquired | Aborted) => Ok(ResetThenTo(Pending)),

        (Event::AnsweredWithProvider { .. }, Pending) => Ok(To(CustomPending)),
        (Event::AnsweredWithNothing { .. }, Pending) => Ok(To(Unavailable)),
        (
            Event::AnsweredWithProvider { .. } | Event::AnsweredWithNothing { .. },
            Open | CustomPending | Acquired | Aborted | Unavailable,
        ) => Err(Refused::NoQuestionOpen),

        // An acquired phone resyncs periodically; that one of these succeeds or fails changes nothing.
        (Event::ResyncSucceeded, CustomPending | Acquired) => Ok(To(Acquired)),
        (Event::ResyncFailed(_), same @ (CustomPending | Acquired)) => Ok(To(same)),
        (Event::ResyncSucceeded | Event::ResyncFailed(_), Open | Pending | Unavailable) => Err(Refused::NotRedirected),
        (Event::ResyncSucceeded | Event::ResyncFailed(_), Aborted) => Err(Refused::ProvisionedOtherwise),

        // The chapter has DHCP asked first, so Open is the rule. The others are phones that were restarted
        // on a network whose DHCP server has learned of a provisioning server since.
        (Event::ProvisionedByDhcp, Open | Pending | CustomPending | Aborted | Unavailable) => Ok(To(Aborted)),
        (Event::ProvisionedByDhcp, Acquired) => Err(Refused::AlreadyAcquired),

        // By hand "prior to the Customization State becoming Acquired" aborts; later it is a mere change of settings.
        (Event::ProvisionedByHand { .. }, Open | Pending | CustomPending | Aborted | Unavailable) => Ok(To(Aborted)),
        (Event::ProvisionedByHand { .. }, Acquired) => Ok(To(Acquired)),

        (Event::FactoryReset, Open | Pending | CustomPending | Acquired | Aborted | Unavailable) => Ok(To(Open)),

        // The phone does not learn of an association until it asks again.
        (Event::FirmwareSeen | Event::Associated { .. } | Event::Dissociated, same) => Ok(To(same)),
    }
}

#[cfg(test)]
mod tests;
