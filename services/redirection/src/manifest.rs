//! What a manufacturer says it has shipped, and to whom.

use vocabulary::{DeviceModel, InvalidDeviceText, InvalidId, InvalidMacAddress, MacAddress, ProviderId, SerialNumber};

/// The most rows of one import.
pub(crate) const MOST_SHIPPED: usize = 10_000;

/// One phone of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shipped {
    pub mac: MacAddress,
    pub serial: Option<SerialNumber>,
    pub model: Option<DeviceModel>,
    /// Nobody can claim a phone by a manifest that does not say to whom it was sold.
    pub sold_to: Option<ProviderId>,
}

/// A manifest as it comes, unchecked.
pub(crate) struct ShippedText {
    pub mac: u64,
    pub serial: String,
    pub model: String,
    pub sold_to: String,
}

/// Why a manifest is not taken. Rows count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidManifest {
    #[error("a manifest has 1 to 10000 phones; split a longer one")]
    Length,
    #[error("phone {0}: {1}")]
    Mac(usize, InvalidMacAddress),
    #[error("phone {0}: serial: {1}")]
    Serial(usize, InvalidDeviceText),
    #[error("phone {0}: model: {1}")]
    Model(usize, InvalidDeviceText),
    #[error("phone {0}: sold_to: {1}")]
    SoldTo(usize, InvalidId),
}

/// Checks every row; one that is wrong refuses the whole.
pub(crate) fn parse(given: Vec<ShippedText>) -> Result<Vec<Shipped>, InvalidManifest> {
    if !(1..=MOST_SHIPPED).contains(&given.len()) {
        return Err(InvalidManifest::Length);
    }
    (1..).zip(given).map(|(row, text)| Shipped::parse(row, &text)).collect()
}

impl Shipped {
    fn parse(row: usize, text: &ShippedText) -> Result<Self, InvalidManifest> {
        Ok(Self {
            mac: MacAddress::from_u64(text.mac).map_err(|fault| InvalidManifest::Mac(row, fault))?,
            serial: known(&text.serial).map_err(|fault| InvalidManifest::Serial(row, fault))?,
            model: known(&text.model).map_err(|fault| InvalidManifest::Model(row, fault))?,
            sold_to: known(&text.sold_to).map_err(|fault| InvalidManifest::SoldTo(row, fault))?,
        })
    }
}

/// What is empty is not known.
fn known<T: std::str::FromStr>(text: &str) -> Result<Option<T>, T::Err> {
    let text = text.trim();
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(mac: u64) -> ShippedText {
        ShippedText { mac, serial: String::new(), model: String::new(), sold_to: String::new() }
    }

    #[test]
    fn the_row_that_is_wrong_is_named() {
        assert_eq!(parse(Vec::new()), Err(InvalidManifest::Length));
        let bad = ShippedText { serial: "é".to_owned(), ..row(2) };
        assert_eq!(parse(vec![row(1), bad]), Err(InvalidManifest::Serial(2, InvalidDeviceText)));
        assert_eq!(parse(vec![row(0)]), Err(InvalidManifest::Mac(1, InvalidMacAddress::Zero)));
        let bad = ShippedText { sold_to: "acme".to_owned(), ..row(2) };
        assert!(matches!(parse(vec![bad]), Err(InvalidManifest::SoldTo(1, _))));
    }
}
