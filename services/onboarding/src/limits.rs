//! What a code is limited to, and whether a phone that brings it fits: pure, without a database.

use std::net::IpAddr;
use std::str::FromStr;

use vocabulary::{DeviceModel, MacAddress, Timestamp};

use crate::attempts::Outcome;

/// The most models, and the most networks, in one code's limits.
const MOST: usize = 100;
/// The most phones that one code can expect.
const MOST_PHONES: usize = 10_000;

/// What a code is limited to. `None` and nothing in a list limit nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub starts_at: Option<Timestamp>,
    /// The first moment at which it is too late. A personal code always has one.
    pub ends_at: Option<Timestamp>,
    /// Different phones.
    pub activations: Option<u64>,
    pub models: Vec<DeviceModel>,
    pub networks: Vec<NetworkRange>,
    pub phones: Phones,
    /// Expected phones. Only read where somebody wants to see them; `expected` tells how many there are.
    pub macs: Vec<MacAddress>,
    pub expected: u64,
}

/// Whose phones may use a code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Phones {
    /// Any that is not another provider's.
    #[default]
    Any,
    /// Those that the provider has registered already.
    Registered,
}

/// Why limits make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidLimits {
    #[error("limits: `until` must be after `from`, and both must be times after 1970 or left out")]
    Times,
    #[error("limits: a model is 1 to 64 visible ASCII characters; give at most 100 of them")]
    Models,
    #[error("limits: a network is written as in 192.0.2.0/24 or 2001:db8::/32; give at most 100 of them")]
    Networks,
    #[error("limits: an expected phone is a MAC address; give at most 10000 of them")]
    Macs,
}

/// A phone that brings a code, and what is known of it at that moment.
#[derive(Debug, Clone)]
pub(crate) struct Bearer<'a> {
    pub model: Option<&'a DeviceModel>,
    pub source: IpAddr,
    /// Whether the code's provider has registered it.
    pub is_registered: bool,
    /// Whether it stands on the code's list of expected phones.
    pub is_expected: bool,
    /// Whether it has redeemed the code before.
    pub has_redeemed: bool,
    pub at: Timestamp,
}

impl Limits {
    /// Checks what cannot be wrong by type.
    pub fn check(mut self) -> Result<Self, InvalidLimits> {
        let is_after = |time: Option<Timestamp>| time.is_none_or(|time| time > Timestamp::from_micros(0));
        let in_order = self.starts_at.zip(self.ends_at).is_none_or(|(from, until)| from < until);
        if !is_after(self.starts_at) || !is_after(self.ends_at) || !in_order {
            return Err(InvalidLimits::Times);
        }
        if self.models.len() > MOST {
            return Err(InvalidLimits::Models);
        }
        if self.networks.len() > MOST {
            return Err(InvalidLimits::Networks);
        }
        self.macs.sort_unstable();
        self.macs.dedup();
        if self.macs.len() > MOST_PHONES {
            return Err(InvalidLimits::Macs);
        }
        self.expected = u64::try_from(self.macs.len()).unwrap_or(u64::MAX);
        Ok(self)
    }

    /// Whether `bearer` fits, or what it is refused for. `activations` phones have redeemed the code.
    pub fn admit(&self, bearer: &Bearer<'_>, activations: u64) -> Result<(), Outcome> {
        if self.starts_at.is_some_and(|from| bearer.at < from) {
            return Err(Outcome::TooEarly);
        }
        if self.ends_at.is_some_and(|until| bearer.at >= until) {
            return Err(Outcome::TooLate);
        }
        if self.expected > 0 && !bearer.is_expected {
            return Err(Outcome::WrongPhone);
        }
        if self.phones == Phones::Registered && !bearer.is_registered {
            return Err(Outcome::NotRegistered);
        }
        if !self.models.is_empty() && !bearer.model.is_some_and(|model| self.names(model)) {
            return Err(Outcome::WrongModel);
        }
        if !self.networks.is_empty() && !self.networks.iter().any(|range| range.contains(bearer.source)) {
            return Err(Outcome::WrongNetwork);
        }
        if !bearer.has_redeemed && self.activations.is_some_and(|most| activations >= most) {
            return Err(Outcome::UsedUp);
        }
        Ok(())
    }

    fn names(&self, model: &DeviceModel) -> bool {
        self.models.iter().any(|listed| listed.as_str().eq_ignore_ascii_case(model.as_str()))
    }

    /// How much of a guesser's luck an open code with these limits is from `now` on: one whose time is over, nothing.
    pub fn weight_at(&self, now: Timestamp) -> f64 {
        if self.ends_at.is_some_and(|until| now >= until) { 0.0 } else { self.weight() }
    }

    /// How much of a guesser's luck a code with these limits is; the README says why these numbers.
    pub fn weight(&self) -> f64 {
        if self.phones == Phones::Registered || self.expected > 0 {
            0.0
        } else if !self.networks.is_empty() {
            0.01
        } else if !self.models.is_empty() {
            0.1
        } else {
            1.0
        }
    }
}

/// A network in CIDR notation (RFC 4632, RFC 4291). Prints as it was meant: without the bits behind the prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NetworkRange {
    network: IpAddr,
    prefix: u8,
}

impl NetworkRange {
    /// Whether `address` lies in it; an IPv4 address written as IPv6 is IPv4.
    pub fn contains(self, address: IpAddr) -> bool {
        masked(address.to_canonical(), self.prefix) == Some(self.network)
            && self.network.is_ipv4() == address.to_canonical().is_ipv4()
    }
}

/// `address` with only its first `prefix` bits; `None` where it has not so many.
fn masked(address: IpAddr, prefix: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let behind = 32_u32.checked_sub(u32::from(prefix))?;
            Some(IpAddr::V4((address.to_bits() & u32::MAX.checked_shl(behind).unwrap_or(0)).into()))
        }
        IpAddr::V6(address) => {
            let behind = 128_u32.checked_sub(u32::from(prefix))?;
            Some(IpAddr::V6((address.to_bits() & u128::MAX.checked_shl(behind).unwrap_or(0)).into()))
        }
    }
}

impl FromStr for NetworkRange {
    type Err = InvalidLimits;

    fn from_str(text: &str) -> Result<Self, InvalidLimits> {
        let (address, prefix) = text.trim().split_once('/').ok_or(InvalidLimits::Networks)?;
        let address: IpAddr = address.parse().map_err(|_| InvalidLimits::Networks)?;
        let prefix = prefix.parse().map_err(|_| InvalidLimits::Networks)?;
        let network = masked(address, prefix).ok_or(InvalidLimits::Networks)?;
        Ok(Self { network, prefix })
    }
}

impl std::fmt::Display for NetworkRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

#[cfg(test)]
mod tests;
