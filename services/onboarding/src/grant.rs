//! What can become of a code: its states, and what people do to it. Time alone changes no state; that a personal
//! code has expired is told by its limits. What phones do to it, redeem and release, is a compare-and-set in
//! `store/redeeming.rs`, because they race.
//!
//! ```text
//!  directory:  Queued --approve--> Open --revoke--> Revoked        personal:  Open --redeem--> Redeemed
//!              Queued --refuse---> Refused                                    Open <--release-- Redeemed
//!              Queued --revoke---> Revoked                                    Open --revoke--> Revoked
//! ```

use vocabulary::{CodeKind, MacAddress, Timestamp};

/// Where a code stands, with what is known there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Waits for an operator.
    Queued,
    /// Can be redeemed.
    Open,
    /// An operator refused it.
    Refused { reason: String },
    /// Used up.
    Redeemed { by: MacAddress, at: Timestamp },
    /// Taken back by its provider.
    Revoked,
}

/// What can happen to a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Approve,
    Refuse { reason: String },
    Revoke,
}

/// The event is impossible where the code stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Impossible {
    #[error("this code was already decided on; only one that waits can be approved or refused")]
    Decided,
    #[error("a phone has already used this code; it cannot be used again")]
    Used,
    #[error("this code is closed; make a new one")]
    Closed,
}

impl State {
    /// The state after `event`. An event that leads nowhere else is no mistake, so that it can be repeated.
    pub fn apply(self, kind: CodeKind, event: Event) -> Result<Self, Impossible> {
        match (kind, event) {
            (CodeKind::Directory, Event::Approve) => match self {
                Self::Queued | Self::Open => Ok(Self::Open),
                Self::Refused { .. } | Self::Redeemed { .. } | Self::Revoked => Err(Impossible::Decided),
            },
            (CodeKind::Directory, Event::Refuse { reason }) => match self {
                Self::Queued | Self::Refused { .. } => Ok(Self::Refused { reason }),
                Self::Open | Self::Redeemed { .. } | Self::Revoked => Err(Impossible::Decided),
            },
            (CodeKind::Directory | CodeKind::Personal, Event::Revoke) => match self {
                Self::Queued | Self::Open | Self::Revoked => Ok(Self::Revoked),
                Self::Redeemed { .. } => Err(Impossible::Used),
                Self::Refused { .. } => Err(Impossible::Closed),
            },
            // Nobody decides on personal codes.
            (CodeKind::Personal, Event::Approve | Event::Refuse { .. }) => Err(Impossible::Closed),
        }
    }

    /// As stored.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Open => "open",
            Self::Refused { .. } => "refused",
            Self::Redeemed { .. } => "redeemed",
            Self::Revoked => "revoked",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_event() -> impl Strategy<Value = Event> {
        prop_oneof![Just(Event::Approve), Just(Event::Refuse { reason: "taken".to_owned() }), Just(Event::Revoke)]
    }

    fn redeemed() -> State {
        let by = MacAddress::from_u64(0x0004_f200_0001).expect("a phone");
        State::Redeemed { by, at: Timestamp::from_micros(1) }
    }

    proptest! {
        #[test]
        fn what_is_over_stays_so_whatever_people_do(events in prop::collection::vec(any_event(), 0..40)) {
            for (kind, start) in [
                (CodeKind::Directory, State::Revoked),
                (CodeKind::Personal, State::Revoked),
                (CodeKind::Personal, redeemed()),
                (CodeKind::Directory, State::Refused { reason: "taken".to_owned() }),
            ] {
                let mut state = start.clone();
                for event in &events {
                    state = state.clone().apply(kind, event.clone()).unwrap_or(state);
                }
                prop_assert_eq!(state, start);
            }
        }

        #[test]
        fn every_event_can_be_repeated(event in any_event(), queued: bool) {
            let start = if queued { State::Queued } else { State::Open };
            if let Ok(once) = start.apply(CodeKind::Directory, event.clone()) {
                prop_assert_eq!(once.clone().apply(CodeKind::Directory, event), Ok(once));
            }
        }
    }

    #[test]
    fn an_operator_decides_once() {
        let refuse = Event::Refuse { reason: "taken".to_owned() };
        assert_eq!(State::Queued.apply(CodeKind::Directory, Event::Approve), Ok(State::Open));
        assert_eq!(State::Open.apply(CodeKind::Directory, refuse.clone()), Err(Impossible::Decided));
        assert_eq!(redeemed().apply(CodeKind::Personal, Event::Revoke), Err(Impossible::Used));
        assert_eq!(State::Open.apply(CodeKind::Personal, refuse), Err(Impossible::Closed));
    }
}
