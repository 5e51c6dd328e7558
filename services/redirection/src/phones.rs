//! Many phones named at once: those an operator holds, and those that are handed over.

use std::collections::BTreeSet;

use vocabulary::{InvalidMacAddress, MacAddress};

/// The most phones that one call names.
const MOST: usize = 10_000;
/// How many of those that stand in the way a refusal names.
const NAMED: usize = 5;

/// Different phones, in the order of their addresses; at least one.
#[derive(Debug, Clone)]
pub(crate) struct Phones(Vec<MacAddress>);

/// The list of phones is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidPhones {
    #[error("macs: expected 1 to 10000 addresses")]
    Length,
    #[error("macs: address {0}: {1}")]
    Mac(usize, InvalidMacAddress),
}

impl Phones {
    /// Checks each address; one that is named twice counts once.
    pub fn parse(macs: &[u64]) -> Result<Self, InvalidPhones> {
        if !(1..=MOST).contains(&macs.len()) {
            return Err(InvalidPhones::Length);
        }
        let checked = (1..)
            .zip(macs)
            .map(|(place, bits)| MacAddress::from_u64(*bits).map_err(|fault| InvalidPhones::Mac(place, fault)));
        let different: BTreeSet<MacAddress> = checked.collect::<Result<_, _>>()?;
        Ok(Self(different.into_iter().collect()))
    }

    /// The addresses.
    pub fn as_slice(&self) -> &[MacAddress] {
        &self.0
    }
}

/// The first five of `macs`, for a sentence.
pub(crate) fn named(macs: &[MacAddress]) -> String {
    let mut names: Vec<String> = macs.iter().take(NAMED).map(ToString::to_string).collect();
    if macs.len() > NAMED {
        names.push("and others".to_owned());
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_counted_once_and_the_wrong_one_is_named() {
        let phones = Phones::parse(&[2, 1, 2]).expect("phones");
        assert_eq!(phones.as_slice().len(), 2);
        assert_eq!(named(phones.as_slice()), "000000000001, 000000000002");
        assert_eq!(Phones::parse(&[]).map(drop), Err(InvalidPhones::Length));
        assert_eq!(Phones::parse(&vec![1; 10_001]).map(drop), Err(InvalidPhones::Length));
        assert_eq!(Phones::parse(&[1, 0]).map(drop), Err(InvalidPhones::Mac(2, InvalidMacAddress::Zero)));
        let six = Phones::parse(&[1, 2, 3, 4, 5, 6]).expect("phones");
        assert!(named(six.as_slice()).ends_with("000000000005, and others"));
    }
}
