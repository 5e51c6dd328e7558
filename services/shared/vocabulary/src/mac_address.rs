//! How a phone is known: its Ethernet address.

use std::fmt;
use std::str::FromStr;

/// A phone's MAC address (EUI-48, IEEE 802). Never multicast, never all zero.
///
/// Parses from every usual spelling (`00:04:F2:AA:BB:CC`, `00-04-f2-aa-bb-cc`, `0004.f2aa.bbcc`,
/// `0004f2-aabbcc`, bare) and prints as one: twelve lower-case hex digits, the chapter's `$MA`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress([u8; 6]);

/// The text or number is not the address of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMacAddress {
    /// Not twelve hex digits in one of the usual groupings.
    #[error("not a MAC address: expected twelve hex digits, such as 0004f2aabbcc or 00:04:F2:AA:BB:CC")]
    Shape,
    /// The group bit is set: an address for many receivers.
    #[error("a multicast or broadcast address cannot be a phone's")]
    Multicast,
    /// Twelve zeros.
    #[error("the all-zero address cannot be a phone's")]
    Zero,
}

impl MacAddress {
    /// The address with these six octets.
    pub const fn from_octets(octets: [u8; 6]) -> Result<Self, InvalidMacAddress> {
        match octets {
            [0, 0, 0, 0, 0, 0] => Err(InvalidMacAddress::Zero),
            [first, ..] if first & 1 == 1 => Err(InvalidMacAddress::Multicast),
            _ => Ok(Self(octets)),
        }
    }

    /// The 48 bits as a number: how databases and gRPC messages carry it.
    pub const fn to_u64(self) -> u64 {
        let mut bytes = [0; 8];
        let (_, low) = bytes.split_at_mut(2);
        low.copy_from_slice(&self.0);
        u64::from_be_bytes(bytes)
    }

    /// The reverse of [`MacAddress::to_u64`].
    pub const fn from_u64(bits: u64) -> Result<Self, InvalidMacAddress> {
        match bits.to_be_bytes() {
            [0, 0, octets @ ..] => Self::from_octets(octets),
            _ => Err(InvalidMacAddress::Shape),
        }
    }

    /// The number as a signed column holds it; 48 bits always fit.
    pub const fn to_i64(self) -> i64 {
        self.to_u64().cast_signed()
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.to_u64())
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MacAddress {
    type Err = InvalidMacAddress;

    fn from_str(text: &str) -> Result<Self, InvalidMacAddress> {
        let text = text.trim();
        let groups = Grouping::of(text).ok_or(InvalidMacAddress::Shape)?;
        let mut octets = [0u8; 6];
        let mut digits = text.bytes().filter(|byte| Some(*byte) != groups.separator);
        for octet in &mut octets {
            let high = digits.next().and_then(hex_value).ok_or(InvalidMacAddress::Shape)?;
            let low = digits.next().and_then(hex_value).ok_or(InvalidMacAddress::Shape)?;
            *octet = high << 4 | low;
        }
        if digits.next().is_some() {
            return Err(InvalidMacAddress::Shape);
        }
        Self::from_octets(octets)
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// How the twelve digits are written: bare, or in groups of one width with one separator.
struct Grouping {
    separator: Option<u8>,
}

impl Grouping {
    fn of(text: &str) -> Option<Self> {
        let Some(separator) = text.bytes().find(|byte| matches!(byte, b':' | b'-' | b'.' | b' ')) else {
            return Some(Self { separator: None });
        };
        let mut groups = text.split(char::from(separator));
        let width = groups.next()?.len();
        let even = matches!(width, 2 | 4 | 6) && groups.all(|group| group.len() == width);
        even.then_some(Self { separator: Some(separator) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_phone() -> impl Strategy<Value = MacAddress> {
        any::<[u8; 6]>().prop_filter_map("a phone's address", |mut octets| {
            octets[0] &= 0xfe;
            MacAddress::from_octets(octets).ok()
        })
    }

    fn spelled(mac: MacAddress, width: usize, separator: &str, upper: bool) -> String {
        let digits = mac.to_string();
        let groups: Vec<String> =
            digits.as_bytes().chunks(width).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
        let text = groups.join(separator);
        if upper { text.to_uppercase() } else { text }
    }

    proptest! {
        #[test]
        fn every_spelling_is_the_same_address_and_prints_the_same(
            mac in any_phone(),
            (width, separator) in prop::sample::select(vec![
                (12, ""), (2, ":"), (2, "-"), (2, "."), (2, " "), (4, "."), (4, "-"), (4, ":"), (6, "-"), (6, ":"),
            ]),
            upper: bool,
        ) {
            let text = spelled(mac, width, separator, upper);
            prop_assert_eq!(text.parse::<MacAddress>(), Ok(mac));
            prop_assert_eq!(text.parse::<MacAddress>().map(|m| m.to_string()), Ok(mac.to_string()));
            prop_assert_eq!(MacAddress::from_u64(mac.to_u64()), Ok(mac));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,24}") {
            let _ = text.parse::<MacAddress>();
        }
    }

    #[test]
    fn what_is_not_a_phones_address_is_refused() {
        for text in [
            "",
            "0004f2aabbc",
            "0004f2aabbccd",
            "0004f2aabbcg",
            "00:04:f2:aa:bb",
            "00:04-f2:aa-bb:cc",
            "000:4f2:aab:bcc",
        ] {
            assert_eq!(text.parse::<MacAddress>(), Err(InvalidMacAddress::Shape), "{text}");
        }
        assert_eq!("01005e000001".parse::<MacAddress>(), Err(InvalidMacAddress::Multicast));
        assert_eq!("ff:ff:ff:ff:ff:ff".parse::<MacAddress>(), Err(InvalidMacAddress::Multicast));
        assert_eq!("000000000000".parse::<MacAddress>(), Err(InvalidMacAddress::Zero));
        assert_eq!(MacAddress::from_u64(1 << 48), Err(InvalidMacAddress::Shape));
    }
}
