//! Who a phone says it is: the `id` it sends (MAC[:SERIAL[:MODEL]]), its User-Agent, and its certificate.
//!
//! Only the MAC address names a phone. Everything else is a hint.

use vocabulary::{DeviceModel, Firmware, MacAddress, SerialNumber};

use crate::device_certificate::DeviceCertificate;

/// What a request says of the phone that sent it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub mac: Option<MacAddress>,
    /// As the `id` says; compared with the serial number that the provider registered.
    pub serial: Option<SerialNumber>,
    /// As the User-Agent says. Anybody can configure that, so it is shown and never compared.
    pub hinted_serial: Option<SerialNumber>,
    pub model: Option<DeviceModel>,
    pub firmware: Option<Firmware>,
}

impl Identity {
    /// Reads an `id`, percent-decoded. Parts that cannot be read count as missing.
    ///
    /// Colons separate the parts, and also the octets of one spelling of the address: six groups of two
    /// hex digits at the beginning are the address.
    pub fn from_id(id: &str) -> Self {
        let octets = id.match_indices(':').nth(5).map_or(id.len(), |(at, _)| at);
        let (spread, _) = id.split_at(octets);
        let is_spread = spread.len() == 17 && spread.split(':').all(|group| group.len() == 2);
        let (mac, rest) = match (is_spread, id.split_once(':')) {
            (true, _) => (spread, id.get(octets + 1..).unwrap_or_default()),
            (false, Some((mac, rest))) => (mac, rest),
            (false, None) => (id, ""),
        };
        let (serial, model) = rest.split_once(':').unwrap_or((rest, ""));
        let (mac, serial, model) = (mac.parse().ok(), serial.parse().ok(), model.parse().ok());
        Self { mac, serial, model, ..Self::default() }
    }

    /// Reads `Cisco-CP-7832-3PCC/11.0.1 (00562b043615)` (chapter, "HTTP Provisioning"). The documents
    /// call the last part a serial number, the phones put their address there; both are understood.
    pub fn from_user_agent(text: &str) -> Self {
        let (product, comment) = match text.split_once(" (") {
            Some((product, comment)) => (product, comment.strip_suffix(')').unwrap_or_default()),
            None => (text, ""),
        };
        let Some((model, firmware)) = product.strip_prefix("Cisco-").and_then(|product| product.split_once('/')) else {
            return Self::default();
        };
        let mac = comment.parse().ok();
        let hinted_serial = if mac.is_none() { comment.parse().ok() } else { None };
        Self { mac, serial: None, hinted_serial, model: model.parse().ok(), firmware: firmware.parse().ok() }
    }

    /// This, and what it does not say from `hint`. What is compared is never taken from a hint: neither
    /// the address nor the serial number.
    pub fn completed_by(self, hint: Self) -> Self {
        Self {
            mac: self.mac,
            serial: self.serial,
            hinted_serial: self.hinted_serial.or(hint.hinted_serial),
            model: self.model.or(hint.model),
            firmware: self.firmware.or(hint.firmware),
        }
    }

    /// This, and what a manufacturer certifies where the request does not say it. What the request says is
    /// kept: whether the certificate contradicts it is for redirection to judge.
    pub fn or_certified(self, certificate: &DeviceCertificate) -> Self {
        let Some(verified) = certificate.verified() else { return self };
        Self { mac: self.mac.or(Some(verified.mac)), model: self.model.or_else(|| verified.model.clone()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(id: &Identity) -> (String, String, String) {
        let serial = id.serial.as_ref().or(id.hinted_serial.as_ref());
        let text = |text: Option<String>| text.unwrap_or_default();
        (
            text(id.mac.map(|mac| mac.to_string())),
            text(serial.map(ToString::to_string)),
            text(id.model.as_ref().map(ToString::to_string)),
        )
    }

    proptest! {
        #[test]
        fn every_spelling_and_every_missing_part(
            mac in prop::sample::select(vec![
                "00562b043615", "00562B043615", "00:56:2b:04:36:15", "00:56:2B:04:36:15", "00-56-2b-04-36-15", "0056.2b04.3615",
            ]),
            serial in prop::sample::select(vec!["", "FCH2034D0PL", "AB"]),
            model in prop::sample::select(vec!["", "CP-7832-3PCC"]),
            parts in 1..=3usize,
        ) {
            let id = [mac, serial, model][..parts].join(":");
            let wanted = (
                "00562b043615".to_owned(),
                if parts > 1 { serial.to_owned() } else { String::new() },
                if parts > 2 { model.to_owned() } else { String::new() },
            );
            prop_assert_eq!(shown(&Identity::from_id(&id)), wanted);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = (Identity::from_id(&text), Identity::from_user_agent(&text));
        }
    }

    #[test]
    fn the_chapters_user_agent_is_read() {
        let said = Identity::from_user_agent("Cisco-CP-7832-3PCC/11.0.1 (00562b043615)");
        assert_eq!(shown(&said), ("00562b043615".to_owned(), String::new(), "CP-7832-3PCC".to_owned()));
        assert_eq!(said.firmware.as_ref().map(Firmware::as_str), Some("11.0.1"));
        let serial = Identity::from_user_agent("Cisco-CP-8841-3PCC/12.0.1 (FCH2034D0PL)");
        assert_eq!(shown(&serial), (String::new(), "FCH2034D0PL".to_owned(), "CP-8841-3PCC".to_owned()));
        assert_eq!(Identity::from_user_agent("Mozilla/5.0 (X11)"), Identity::default());
    }

    #[test]
    fn what_is_compared_is_never_taken_from_a_hint() {
        let hint = |comment| Identity::from_user_agent(&format!("Cisco-CP-7832-3PCC/11.0.1 ({comment})"));
        let said = Identity::from_id("").completed_by(hint("00562b043615"));
        assert_eq!((said.mac, said.model.is_some()), (None, true));
        let said = Identity::from_id("").completed_by(hint("FCH2034D0PL"));
        assert_eq!((said.serial, said.hinted_serial.is_some()), (None, true));
    }
}
