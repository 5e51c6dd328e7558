//! Guessing: what came of an attempt, what it is charged to, and when many of them look like a search.
//!
//! A budget is the generic cell rate algorithm: one moment, at which it is whole again. Each wrong guess moves
//! the moment one step (a day divided by the day's share) further; a budget is exhausted while one more step
//! would move it further than its burst from now. So nobody is banned: after a step there is one guess more.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::str::FromStr;

use vocabulary::{MacAddress, Timestamp};

use crate::policy::{Allowance, Budgets};

const DAY: i64 = 86_400_000_000;
/// How many misses, and from how many phones or networks, look like a search.
const SEARCH: (usize, usize) = (20, 5);

/// What came of an attempt. Its provider is told; the phone learns only whether it was a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Redeemed,
    /// The same phone, the same code.
    Repeated,
    /// No such code.
    Unknown,
    Expired,
    Used,
    Revoked,
    /// It waits for an operator, or was refused by one.
    NotOpen,
    WrongModel,
    WrongNetwork,
    WrongPhone,
    NotRegistered,
    TooEarly,
    TooLate,
    UsedUp,
    OwnedByOther,
    /// The operator holds the phone.
    OnHold,
    /// The operator's policy wants more for such a phone than a code: a serial number, a manifest, a certificate.
    NotProven,
    /// The operator has frozen the provider.
    ProviderFrozen,
    /// The profile was deleted after the code was made.
    NoProfile,
    /// The profile was given a secret after the code was made.
    ProfileCarriesSecret,
    /// The code was right, but somebody there had guessed wrong too often.
    Throttled,
    /// Not of an attempt: with it, the misses at a code have begun to look like a search.
    Search,
}

impl Outcome {
    const ALL: [(Self, &'static str); 22] = [
        (Self::Redeemed, "redeemed"),
        (Self::Repeated, "repeated"),
        (Self::Unknown, "unknown"),
        (Self::Expired, "expired"),
        (Self::Used, "used"),
        (Self::Revoked, "revoked"),
        (Self::NotOpen, "not_open"),
        (Self::WrongModel, "wrong_model"),
        (Self::WrongNetwork, "wrong_network"),
        (Self::WrongPhone, "wrong_phone"),
        (Self::NotRegistered, "not_registered"),
        (Self::TooEarly, "too_early"),
        (Self::TooLate, "too_late"),
        (Self::UsedUp, "used_up"),
        (Self::OwnedByOther, "owned_by_other"),
        (Self::OnHold, "on_hold"),
        (Self::NotProven, "not_proven"),
        (Self::ProviderFrozen, "provider_frozen"),
        (Self::NoProfile, "no_profile"),
        (Self::ProfileCarriesSecret, "profile_carries_secret"),
        (Self::Throttled, "throttled"),
        (Self::Search, "search"),
    ];

    /// As stored, and as the contract names it.
    pub fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(outcome, _)| *outcome == self).map_or("", |(_, word)| word)
    }

    /// Whether a guess is charged: every one that is refused, lest it shows in the budget which was how wrong.
    pub const fn is_wrong(self) -> bool {
        match self {
            Self::Unknown
            | Self::Expired
            | Self::Used
            | Self::Revoked
            | Self::NotOpen
            | Self::WrongModel
            | Self::WrongNetwork
            | Self::WrongPhone
            | Self::NotRegistered
            | Self::TooEarly
            | Self::TooLate
            | Self::UsedUp
            | Self::OwnedByOther
            | Self::OnHold
            | Self::NotProven
            | Self::ProviderFrozen
            | Self::NoProfile
            | Self::ProfileCarriesSecret => true,
            // A throttled source is slowed and not banned.
            Self::Redeemed | Self::Repeated | Self::Throttled | Self::Search => false,
        }
    }

    /// Whether somebody had the right digits and was outside what the code is limited to.
    pub const fn is_miss(self) -> bool {
        matches!(self, Self::WrongModel | Self::WrongNetwork | Self::WrongPhone | Self::NotRegistered)
    }
}

impl FromStr for Outcome {
    type Err = UnknownOutcome;

    fn from_str(text: &str) -> Result<Self, UnknownOutcome> {
        Self::ALL.into_iter().find(|(_, word)| *word == text).map(|(outcome, _)| outcome).ok_or(UnknownOutcome)
    }
}

/// The word names no outcome.
#[derive(Debug)]
pub(crate) struct UnknownOutcome;

/// The network an address belongs to: an IPv4 /24 or an IPv6 /56, as access providers hand them out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Network(String);

impl Network {
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(format!("{:06x}", address.to_bits() >> 8)),
            IpAddr::V6(address) => Self(format!("{:014x}", address.to_bits() >> 72)),
        }
    }

    /// As stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it was stored.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }
}

/// One budget that a guess draws on, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    /// As stored.
    pub key: String,
    /// How much further one wrong guess moves the moment at which it is whole.
    pub step: i64,
    /// How far from now that moment may be at most.
    pub reach: i64,
}

impl Share {
    fn new(key: String, allowance: Allowance) -> Self {
        let step = DAY / i64::from(allowance.per_day.max(1));
        Self { key, step, reach: step.saturating_mul(i64::from(allowance.burst.max(1))) }
    }

    /// The three that a guess draws on.
    pub fn of_guess(budgets: &Budgets, mac: MacAddress, network: &Network, length: u32) -> [Self; 3] {
        [
            Self::new(format!("phone:{mac}"), budgets.phone),
            Self::new(format!("network:{}", network.as_str()), budgets.network),
            Self::new(format!("length:{length}"), budgets.of_length(length)),
        ]
    }

    /// Whether there is no guess left in one of the three, where each is whole again at its `whole_at`.
    pub fn are_exhausted(shares: &[Self; 3], whole_at: &[Timestamp; 3], now: Timestamp) -> bool {
        shares.iter().zip(whole_at).any(|(share, whole_at)| share.is_exhausted(*whole_at, now))
    }

    /// Whether there is no guess left, where the budget is whole again at `whole_at`.
    pub fn is_exhausted(&self, whole_at: Timestamp, now: Timestamp) -> bool {
        let from_now = whole_at.as_micros().max(now.as_micros()).saturating_sub(now.as_micros());
        from_now.saturating_add(self.step) > self.reach
    }
}

/// Whether misses of one day look like a search. One for each miss: the phone, and the network it came from.
pub(crate) fn looks_searched(misses: &[(MacAddress, Network)]) -> bool {
    let (many, sources) = SEARCH;
    let phones: BTreeSet<_> = misses.iter().map(|(mac, _)| mac).collect();
    let networks: BTreeSet<_> = misses.iter().map(|(_, network)| network).collect();
    misses.len() >= many && (phones.len() >= sources || networks.len() >= sources)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However guesses come, no more than the burst and the share of the time that has passed are allowed;
        /// and whoever waits a step has one more.
        #[test]
        fn a_budget_never_allows_more_than_its_share(
            per_day in 1..100_000_u32,
            burst in 1..100_u32,
            pauses in prop::collection::vec(0..7_200_000_000_i64, 1..300),
        ) {
            let share = Share::new("phone:".to_owned(), Allowance { per_day, burst });
            let (mut now, mut whole_at, mut allowed) = (0, 0, 0_i64);
            for pause in pauses {
                now += pause;
                if !share.is_exhausted(Timestamp::from_micros(whole_at), Timestamp::from_micros(now)) {
                    whole_at = whole_at.max(now) + share.step;
                    allowed += 1;
                }
                prop_assert!(allowed <= i64::from(burst) + now / share.step);
                let later = Timestamp::from_micros(now.max(whole_at - share.reach + share.step));
                prop_assert!(!share.is_exhausted(Timestamp::from_micros(whole_at), later));
            }
        }
    }

    #[test]
    fn networks_are_what_access_providers_hand_out() {
        let of = |text: &str| Network::of(text.parse().expect("an address"));
        assert_eq!(of("192.0.2.1"), of("192.0.2.254"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.9"));
        assert_ne!(of("192.0.2.1"), of("192.0.3.1"));
        assert_eq!(of("2001:db8:0:ff00::1"), of("2001:db8:0:ffff::2"));
        assert_ne!(of("2001:db8:0:fe00::1"), of("2001:db8:0:ff00::1"));
    }

    #[test]
    fn many_misses_from_few_places_are_a_clumsy_user_and_from_many_a_search() {
        let misses = |phones: u64, networks: u32| -> Vec<(MacAddress, Network)> {
            let of = |n: u32| {
                let mac = MacAddress::from_u64(0x0004_f200_0000 + u64::from(n) % phones).expect("a phone");
                (mac, Network::of(IpAddr::V4((0xc000_0200 + (n % networks) * 256).into())))
            };
            (0..20).map(of).collect()
        };
        assert!(!looks_searched(&misses(4, 4)));
        assert!(looks_searched(&misses(5, 1)));
        assert!(looks_searched(&misses(1, 5)));
        assert!(!looks_searched(&misses(20, 20)[1..]));
    }

    #[test]
    fn every_outcome_has_its_word() {
        for (outcome, word) in Outcome::ALL {
            assert_eq!(outcome.word(), word);
            assert_eq!(word.parse::<Outcome>().ok(), Some(outcome));
        }
    }
}
