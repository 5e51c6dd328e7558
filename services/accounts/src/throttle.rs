//! Slowing down those who guess, without locking out those they guess at.
//!
//! A budget is the generic cell rate algorithm: one moment, at which it is whole again. Each wrong try moves the moment
//! one step further; a budget is exhausted while one more step would move it further than its burst from now. So nobody
//! is banned: after a step there is one try more. Right tries are never charged.
//!
//! Where an account has logged in lately, only what goes wrong for this account at that place counts: wrong tries from
//! elsewhere, and of its neighbours, cannot keep it out.

use std::net::IpAddr;
use std::time::Duration;

use vocabulary::Timestamp;

/// How long a network is known after a login from there.
pub(crate) const KNOWN_FOR: Duration = Duration::from_hours(30 * 24);

/// So many wrong tries at once, and one more after each step of so many microseconds.
type Allowance = (i64, i64);

const MINUTE: i64 = 60_000_000;
/// Of one account from one network.
const PAIR: Allowance = (10, 5 * MINUTE);
/// Of one network at all accounts it is not known to.
const NETWORK: Allowance = (100, MINUTE);
/// At one account from all networks that are not known to it.
const ACCOUNT: Allowance = (50, 5 * MINUTE);

/// The network an address belongs to: an IPv4 /24 or an IPv6 /56, as access providers hand them out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Network(String);

impl Network {
    /// The network of an IP address; texts that are none share one network.
    pub fn of(source: &str) -> Self {
        match source.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(address)) => Self(format!("{:06x}", address.to_bits() >> 8)),
            Ok(IpAddr::V6(address)) => Self(format!("{:014x}", address.to_bits() >> 72)),
            Err(_) => Self("unknown".to_owned()),
        }
    }

    /// As stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One budget that a wrong try draws on, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    /// As stored.
    pub key: String,
    /// How much further one wrong try moves the moment at which it is whole.
    pub step: i64,
    /// How far from now that moment may be at most.
    pub reach: i64,
}

impl Share {
    fn new(key: String, (burst, step): Allowance) -> Self {
        Self { key, step, reach: step.saturating_mul(burst) }
    }

    /// Those that a wrong try at `account` from `network` draws on, where the network is known to the account.
    pub fn where_known(account: &str, network: &Network) -> Vec<Self> {
        vec![Self::new(format!("pair:{account}/{}", network.as_str()), PAIR)]
    }

    /// Those that a wrong try at `account` from `network` draws on, where it is not.
    pub fn where_unknown(account: &str, network: &Network) -> Vec<Self> {
        let mut shares = Self::where_known(account, network);
        shares.push(Self::new(format!("network:{}", network.as_str()), NETWORK));
        shares.push(Self::new(format!("account:{account}"), ACCOUNT));
        shares
    }

    /// How long until there is a try left, in microseconds, where the budget is whole again at `whole_at`.
    pub fn wait(&self, whole_at: Timestamp, now: Timestamp) -> i64 {
        let from_now = whole_at.as_micros().saturating_sub(now.as_micros()).max(0);
        from_now.saturating_add(self.step).saturating_sub(self.reach).max(0)
    }
}

/// There were too many wrong tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many wrong tries; the next one is possible in {seconds} s")]
pub(crate) struct TooManyAttempts {
    /// At least 1.
    pub seconds: i64,
}

impl TooManyAttempts {
    /// How long to wait.
    pub fn wait(self) -> Duration {
        Duration::from_secs(u64::try_from(self.seconds).unwrap_or_default())
    }
}

/// Whether there is a try left in each budget.
pub(crate) fn admit(shares: &[Share], whole_at: &[Timestamp], now: Timestamp) -> Result<(), TooManyAttempts> {
    let longest = shares.iter().zip(whole_at).map(|(share, at)| share.wait(*at, now)).max().unwrap_or(0);
    if longest == 0 { Ok(()) } else { Err(TooManyAttempts { seconds: longest.div_euclid(1_000_000) + 1 }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_795_370_400_000_000;

    proptest! {
        /// However wrong tries come, no more than the burst and one for each step that has passed are allowed; and
        /// whoever waits as long as told has one more.
        #[test]
        fn a_budget_never_allows_more_than_its_share(
            burst in 1..100_i64,
            step in 1..10 * MINUTE,
            pauses in prop::collection::vec(0..20 * MINUTE, 1..300),
        ) {
            let share = Share::new("pair:".to_owned(), (burst, step));
            let (mut now, mut whole_at, mut allowed) = (START, 0, 0_i64);
            for pause in pauses {
                now += pause;
                let wait = share.wait(Timestamp::from_micros(whole_at), Timestamp::from_micros(now));
                if wait == 0 {
                    whole_at = whole_at.max(now) + share.step;
                    allowed += 1;
                }
                prop_assert!(allowed <= burst + (now - START) / step);
                let later = Timestamp::from_micros(now + wait);
                prop_assert!(wait == 0 || share.wait(Timestamp::from_micros(whole_at), later) == 0);
            }
        }
    }

    #[test]
    fn networks_are_what_access_providers_hand_out() {
        assert_eq!(Network::of("192.0.2.1"), Network::of("192.0.2.254"));
        assert_eq!(Network::of("192.0.2.1"), Network::of("::ffff:192.0.2.9"));
        assert_ne!(Network::of("192.0.2.1"), Network::of("192.0.3.1"));
        assert_eq!(Network::of("2001:db8:0:ff00::1"), Network::of("2001:db8:0:ffff::2"));
        assert_ne!(Network::of("2001:db8:0:fe00::1"), Network::of("2001:db8:0:ff00::1"));
        assert_eq!(Network::of(""), Network::of("a socket"));
    }

    #[test]
    fn a_known_network_is_charged_for_its_own_account_only() {
        let network = Network::of("192.0.2.1");
        let keys = |shares: Vec<Share>| shares.into_iter().map(|share| share.key).collect::<Vec<_>>();
        assert_eq!(keys(Share::where_known("jo@example.com", &network)), ["pair:jo@example.com/c00002"]);
        assert_eq!(
            keys(Share::where_unknown("jo@example.com", &network)),
            ["pair:jo@example.com/c00002", "network:c00002", "account:jo@example.com"]
        );
    }
}
