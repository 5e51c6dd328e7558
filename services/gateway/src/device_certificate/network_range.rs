//! A range of IP addresses as configurations write it: `10.0.0.0/8`, `2001:db8::/32`, or one address.

use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;

/// A range of addresses of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NetworkRange {
    first: IpAddr,
    /// How many of the leading bits all its addresses share.
    bits: u32,
}

/// The text is not a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a range of addresses: expected an address, or one like 10.0.0.0/8 with no bit set after the /8")]
pub struct InvalidNetworkRange(String);

impl NetworkRange {
    /// Whether `address` is in it; an IPv4 address written as IPv6 is IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        leading(address.to_canonical(), self.bits) == Some(self.first)
    }
}

/// The address with all bits cleared but the first `bits`; `None` where it has not so many.
fn leading(address: IpAddr, bits: u32) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.checked_sub(bits)?).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.checked_sub(bits)?).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    })
}

impl FromStr for NetworkRange {
    type Err = InvalidNetworkRange;

    fn from_str(text: &str) -> Result<Self, InvalidNetworkRange> {
        let invalid = || InvalidNetworkRange(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().map_err(|_| invalid())?)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| invalid())?;
        let bits = bits.unwrap_or(if first.is_ipv4() { 32 } else { 128 });
        if leading(first, bits) == Some(first) { Ok(Self { first, bits }) } else { Err(invalid()) }
    }
}

impl TryFrom<String> for NetworkRange {
    type Error = InvalidNetworkRange;

    fn try_from(text: String) -> Result<Self, InvalidNetworkRange> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(range: &str, address: &str) -> bool {
        let range: NetworkRange = range.parse().expect("a range");
        range.contains(address.parse().expect("an address"))
    }

    #[test]
    fn a_range_holds_the_addresses_that_begin_like_it() {
        assert!(contains("10.1.0.0/16", "10.1.255.3"));
        assert!(!contains("10.1.0.0/16", "10.2.0.0"));
        assert!(contains("10.1.2.3", "10.1.2.3"));
        assert!(contains("10.1.2.3", "::ffff:10.1.2.3"));
        assert!(!contains("10.1.2.3", "10.1.2.4"));
        assert!(contains("0.0.0.0/0", "198.51.100.7"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!contains("2001:db8::/32", "2001:db9::1"));
        assert!(contains("::/0", "2001:db9::1"));
        assert!(contains("::1", "::1"));
    }

    #[test]
    fn what_is_not_a_range_is_refused() {
        for text in ["", "10.1.2.3/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "::/129", "proxy.example", "10.0.0/8"]
        {
            assert!(text.parse::<NetworkRange>().is_err(), "{text}");
        }
    }
}
