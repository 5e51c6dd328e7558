//! Slows whoever counts through MAC addresses, or through serial numbers, without ever shutting out an office of known
//! phones.
//!
//! Only questions that are answered with nothing are charged, to the network they come from, whatever the reason: if
//! some were free, whoever has one phone of its own could see by it which ones are.
//! A network that has spent its share gets empty answers until the share has grown back. This is
//! coarse and kept in memory, one for each process; what protects secrets is kept elsewhere.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use vocabulary::Timestamp;

/// How many networks are remembered. At 24 bytes each this is under 2 MB.
const REMEMBERED: usize = 65_536;
const SECOND: i64 = 1_000_000;

/// The network a request comes from: an IPv4 /24 or an IPv6 /56, as access providers hand them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(u64);

impl Network {
    /// The network of `address`; an IPv4 address written as IPv6 is IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(u64::from(address.to_bits() >> 8)),
            // The top bit tells an IPv6 network from an IPv4 one.
            IpAddr::V6(address) => Self(Self::upper_56(address) | 1 << 63),
        }
    }

    fn upper_56(address: Ipv6Addr) -> u64 {
        u64::try_from(address.to_bits() >> 72).unwrap_or_default()
    }
}

/// The shares of all networks: the generic cell rate algorithm, one moment for each network.
///
/// No library of the usual ones can be asked without being charged, and only the answer tells whether
/// to charge.
#[derive(Debug)]
pub(crate) struct MissLimit {
    /// Microseconds that one miss costs.
    cost: i64,
    /// Microseconds that a network may be ahead.
    allowance: i64,
    /// For each network, the moment at which its share is whole again.
    whole_at: Mutex<HashMap<Network, i64>>,
}

impl MissLimit {
    /// A share of `burst` misses, which grows back by `per_second`.
    pub fn new(burst: u32, per_second: u32) -> Self {
        let cost = SECOND / i64::from(per_second.max(1));
        Self { cost, allowance: cost * i64::from(burst), whole_at: Mutex::default() }
    }

    /// Whether `network` has spent its share.
    pub fn is_exhausted(&self, network: Network, now: Timestamp) -> bool {
        let whole_at = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = whole_at.get(&network).map_or(0, |whole| whole - now.as_micros());
        ahead > self.allowance - self.cost && !self.is_of_another_time(ahead)
    }

    /// Nobody can be so far ahead, unless the clock was set back. Then nothing is known of who has spent what, and no
    /// phone is to wait until the clock is there again.
    const fn is_of_another_time(&self, ahead: i64) -> bool {
        ahead > self.allowance + SECOND
    }

    /// Charges one miss to `network`.
    pub fn charge(&self, network: Network, now: Timestamp) {
        let now = now.as_micros();
        let mut whole_at = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        if whole_at.len() >= REMEMBERED {
            whole_at.retain(|_, whole| *whole > now);
        }
        if whole_at.len() < REMEMBERED || whole_at.contains_key(&network) {
            let whole = whole_at.entry(network).or_insert(now);
            if self.is_of_another_time(*whole - now) {
                *whole = now;
            }
            *whole = (*whole).max(now).saturating_add(self.cost).min(now + self.allowance);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_370_400_000_000);

    fn network(address: &str) -> Network {
        Network::of(address.parse().expect("an address"))
    }

    #[test]
    fn addresses_share_a_network() {
        assert_eq!(network("192.0.2.1"), network("192.0.2.254"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.9"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("2001:db8:0:12::1"), network("2001:db8:0:34::1"));
        assert_ne!(network("2001:db8:0:100::1"), network("2001:db8:0:200::1"));
    }

    #[test]
    fn a_share_is_spent_and_grows_back() {
        let limit = MissLimit::new(3, 1);
        let (busy, quiet) = (network("192.0.2.1"), network("198.51.100.1"));
        for _ in 0..3 {
            assert!(!limit.is_exhausted(busy, NOW));
            limit.charge(busy, NOW);
        }
        assert!(limit.is_exhausted(busy, NOW));
        assert!(!limit.is_exhausted(quiet, NOW));
        assert!(!limit.is_exhausted(busy, NOW.plus(std::time::Duration::from_secs(1))));
        // However often it is charged beyond its share, it is never shut out for longer.
        for _ in 0..100 {
            limit.charge(busy, NOW);
        }
        assert!(!limit.is_exhausted(busy, NOW.plus(std::time::Duration::from_secs(1))));
    }

    #[test]
    fn a_clock_that_is_set_back_shuts_out_nobody() {
        let limit = MissLimit::new(3, 1);
        let office = network("192.0.2.1");
        for _ in 0..3 {
            limit.charge(office, NOW);
        }
        let earlier = |micros: i64| Timestamp::from_micros(NOW.as_micros() - micros);
        // A little, as clocks are corrected all the time, forgives nothing.
        assert!(limit.is_exhausted(office, earlier(SECOND / 2)));
        let hour = earlier(3600 * SECOND);
        assert!(!limit.is_exhausted(office, hour));
        for _ in 0..3 {
            assert!(!limit.is_exhausted(office, hour));
            limit.charge(office, hour);
        }
        assert!(limit.is_exhausted(office, hour));
    }
}
