//! Who has had a phone, from when until when, and how each time began and ended.

use rpc::{Actor, Peer};
use vocabulary::{ProviderId, Timestamp};

use crate::words::words;

words! {
    /// How a phone became somebody's.
    Began {
        /// The provider registered it.
        Claimed = "claimed",
        /// Its user typed one of the provider's codes.
        Code = "code",
        /// It showed its certificate while the provider's window was open.
        Window = "window",
        /// Its owner before, or the operator, gave it to the provider that asked for it.
        Transfer = "transfer",
        /// Who stands above handed it over.
        Moved = "moved",
    }
}

words! {
    /// How it ceased to be somebody's.
    Ended {
        /// The owner gave it up.
        Released = "released",
        /// It was given to the provider that asked for it.
        Transferred = "transferred",
        /// Who stands above handed it over.
        Moved = "moved",
        /// It had not asked for as long as the owner's policy says.
        Unseen = "unseen",
    }
}

/// One owner's time with a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ownership {
    /// Counts a phone's owners from 1.
    pub number: u64,
    pub provider: ProviderId,
    pub began: Began,
    pub from: Timestamp,
    /// `None` for the present owner.
    pub ended: Option<(Ended, Timestamp)>,
}

impl Began {
    /// How a claim begins that `actor` makes: a phone claims by a code, and so does the service that keeps the codes.
    pub fn by_claim_of(actor: &Actor) -> Self {
        let is_code = actor.subject.starts_with("phone:") || *actor == Actor::service(Peer::Onboarding);
        if is_code { Self::Code } else { Self::Claimed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_claims_by_a_code_and_a_program_does_not() {
        let mac = "0004f2aabbcc".parse().expect("an address");
        assert_eq!(Began::by_claim_of(&Actor::phone(mac, "", "")), Began::Code);
        assert_eq!(Began::by_claim_of(&Actor::service(Peer::Onboarding)), Began::Code);
        assert_eq!(Began::by_claim_of(&Actor::service(Peer::Gateway)), Began::Claimed);
        assert_eq!("unseen".parse(), Ok(Ended::Unseen));
        assert!("lost".parse::<Ended>().is_err());
    }
}
