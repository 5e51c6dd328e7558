//! A transfer: one provider asks for a phone that is another's.
//!
//! 1. The claimant asks, and says why; it is never told whose the phone is.
//! 2. The owner agrees or refuses until `answer_by`.
//! 3. From then on the operator decides. The clock says so, no job does.
//! 4. At any time the claimant takes it back, the owner releases the phone, or it goes to somebody else.

use vocabulary::{MacAddress, ProfileId, ProviderId, SerialNumber, Timestamp, TransferId};

use crate::claim::Proven;
use crate::words::words;

/// The longest statement and the longest reason, in characters.
const LONGEST: usize = 500;

words! {
    /// What is stored of how far it has come.
    Progress {
        Open = "open",
        /// The phone is the claimant's.
        Done = "done",
        Refused = "refused",
        Cancelled = "cancelled",
        /// The phone went another way meanwhile.
        Overtaken = "overtaken",
    }
}

words! {
    /// Who has decided.
    Decider {
        Owner = "owner",
        Operator = "operator",
        Claimant = "claimant",
        Nobody = "",
    }
}

/// A request as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub id: TransferId,
    pub mac: MacAddress,
    pub claimant: ProviderId,
    /// Where the phone goes once it is the claimant's.
    pub profile: ProfileId,
    /// Whose the phone was when it was asked for.
    pub owner: ProviderId,
    pub progress: Progress,
    pub statement: Note,
    pub serial: Option<SerialNumber>,
    pub proof: Proven,
    pub requested_at: Timestamp,
    /// Until when the owner may answer.
    pub answer_by: Timestamp,
    pub decided_at: Option<Timestamp>,
    pub decided_by: Decider,
    pub reason: Note,
}

/// A sentence or two for people: up to 500 characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Note(String);

/// The text is too long, or holds control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected at most 500 characters on one line")]
pub(crate) struct InvalidNote;

/// Where it stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Waits for the owner.
    Requested,
    /// Waits for the operator.
    Escalated,
    Done,
    Refused,
    Cancelled,
    Overtaken,
}

/// What somebody wants to become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Agree,
    Refuse,
    Cancel,
}

/// Why a decision is not the decider's, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undecidable {
    #[error("the owner of the phone agrees or refuses; you can cancel your request")]
    NotTheOwner,
    #[error("only the provider that asked for the phone can cancel the request; agree or refuse")]
    NotTheClaimant,
    #[error("the time to answer has passed; the operator decides now")]
    Escalated,
    #[error("the owner still has time to answer; decide when it has passed")]
    NotEscalated,
    #[error("the request has been decided; read it again")]
    Closed,
}

impl Note {
    /// Checks the text.
    pub fn parse(text: &str) -> Result<Self, InvalidNote> {
        let text = text.trim();
        let fits = text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidNote) }
    }

    /// A text that was checked when it was stored.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Decision {
    /// What it makes of an open request.
    pub const fn outcome(self) -> Progress {
        match self {
            Self::Agree => Progress::Done,
            Self::Refuse => Progress::Refused,
            Self::Cancel => Progress::Cancelled,
        }
    }
}

impl Transfer {
    /// Where it stands at `now`.
    pub fn state(&self, now: Timestamp) -> State {
        match self.progress {
            Progress::Open if now < self.answer_by => State::Requested,
            Progress::Open => State::Escalated,
            Progress::Done => State::Done,
            Progress::Refused => State::Refused,
            Progress::Cancelled => State::Cancelled,
            Progress::Overtaken => State::Overtaken,
        }
    }

    /// What `provider` is to it; `None` for the operator. Nobody else may know of it.
    pub fn role_of(&self, provider: Option<&ProviderId>) -> Option<Decider> {
        match provider {
            None => Some(Decider::Operator),
            Some(provider) if *provider == self.owner => Some(Decider::Owner),
            Some(provider) if *provider == self.claimant => Some(Decider::Claimant),
            Some(_) => None,
        }
    }

    /// Whether `decider` may decide so at `now`; `false` where that has been decided already.
    pub fn is_to_be(&self, decision: Decision, decider: Decider, now: Timestamp) -> Result<bool, Undecidable> {
        match (decider, decision) {
            (Decider::Owner | Decider::Operator, Decision::Cancel) => return Err(Undecidable::NotTheClaimant),
            (Decider::Claimant | Decider::Nobody, Decision::Agree | Decision::Refuse) | (Decider::Nobody, _) => {
                return Err(Undecidable::NotTheOwner);
            }
            (Decider::Owner | Decider::Operator, Decision::Agree | Decision::Refuse)
            | (Decider::Claimant, Decision::Cancel) => {}
        }
        match (self.state(now), decider) {
            (State::Requested, Decider::Operator) => Err(Undecidable::NotEscalated),
            (State::Escalated, Decider::Owner) => Err(Undecidable::Escalated),
            (State::Requested | State::Escalated, _) => Ok(true),
            (State::Done | State::Refused | State::Cancelled | State::Overtaken, _) => {
                let is_repeated = self.progress == decision.outcome() && self.decided_by == decider;
                if is_repeated { Ok(false) } else { Err(Undecidable::Closed) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use vocabulary::Randomness;

    use super::*;

    const ANSWER_BY: Timestamp = Timestamp::from_micros(1_000);

    fn transfer(progress: Progress, decided_by: Decider) -> Transfer {
        let randomness = Randomness::seeded(1);
        Transfer {
            id: TransferId::draw(&randomness),
            mac: "0004f2aabbcc".parse().expect("an address"),
            claimant: ProviderId::draw(&randomness),
            profile: ProfileId::draw(&randomness),
            owner: ProviderId::draw(&randomness),
            progress,
            statement: Note::default(),
            serial: None,
            proof: Proven::None,
            requested_at: Timestamp::from_micros(0),
            answer_by: ANSWER_BY,
            decided_at: None,
            decided_by,
            reason: Note::default(),
        }
    }

    #[test]
    fn an_open_request_waits_for_the_owner_and_then_for_the_operator() {
        let open = transfer(Progress::Open, Decider::Nobody);
        let (before, after) = (Timestamp::from_micros(999), ANSWER_BY);
        assert_eq!((open.state(before), open.state(after)), (State::Requested, State::Escalated));
        for decision in [Decision::Agree, Decision::Refuse] {
            assert_eq!(open.is_to_be(decision, Decider::Owner, before), Ok(true));
            assert_eq!(open.is_to_be(decision, Decider::Owner, after), Err(Undecidable::Escalated));
            assert_eq!(open.is_to_be(decision, Decider::Operator, before), Err(Undecidable::NotEscalated));
            assert_eq!(open.is_to_be(decision, Decider::Operator, after), Ok(true));
            for at in [before, after] {
                assert_eq!(open.is_to_be(decision, Decider::Claimant, at), Err(Undecidable::NotTheOwner));
            }
        }
        for at in [before, after] {
            assert_eq!(open.is_to_be(Decision::Cancel, Decider::Claimant, at), Ok(true));
            for decider in [Decider::Owner, Decider::Operator] {
                assert_eq!(open.is_to_be(Decision::Cancel, decider, at), Err(Undecidable::NotTheClaimant));
            }
        }
    }

    #[test]
    fn what_is_decided_can_be_said_again_and_nothing_else() {
        let done = transfer(Progress::Done, Decider::Owner);
        assert_eq!(done.is_to_be(Decision::Agree, Decider::Owner, ANSWER_BY), Ok(false));
        assert_eq!(done.is_to_be(Decision::Refuse, Decider::Owner, ANSWER_BY), Err(Undecidable::Closed));
        assert_eq!(done.is_to_be(Decision::Agree, Decider::Operator, ANSWER_BY), Err(Undecidable::Closed));
        assert_eq!(done.is_to_be(Decision::Cancel, Decider::Claimant, ANSWER_BY), Err(Undecidable::Closed));
        let overtaken = transfer(Progress::Overtaken, Decider::Owner);
        assert_eq!(overtaken.is_to_be(Decision::Agree, Decider::Owner, ANSWER_BY), Err(Undecidable::Closed));
    }

    #[test]
    fn nobody_else_has_a_part_in_it() {
        let open = transfer(Progress::Open, Decider::Nobody);
        assert_eq!(open.role_of(None), Some(Decider::Operator));
        assert_eq!(open.role_of(Some(&open.owner)), Some(Decider::Owner));
        assert_eq!(open.role_of(Some(&open.claimant)), Some(Decider::Claimant));
        assert_eq!(open.role_of(Some(&ProviderId::operator())), None);
        assert_eq!(Note::parse(&"é".repeat(501)), Err(InvalidNote));
        assert_eq!(Note::parse("two\nlines"), Err(InvalidNote));
    }
}
