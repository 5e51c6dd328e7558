//! What a phone knows about itself from the factory.

use vocabulary::MacAddress;

/// The hardware version that every virtual phone claims (`$HWVER`).
const HARDWARE: &str = "1.0.0";

/// Who a phone is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The Ethernet address.
    pub mac: MacAddress,
    /// The product name, such as `CP-7832-3PCC`.
    pub model: String,
    /// The serial number, such as `FCH2034D0PL`; without one `$SN` is empty.
    pub serial: Option<String>,
    /// The firmware version, such as `11.0.1`.
    pub firmware: String,
}

impl Identity {
    /// The chapter's example: `Cisco-CP-7832-3PCC/11.0.1 (00562b043615)`.
    pub(crate) fn user_agent(&self) -> String {
        format!("Cisco-{}/{} ({})", self.model, self.firmware, self.mac)
    }

    /// The value of a macro that speaks of the phone itself.
    pub(crate) fn fact(&self, name: &str) -> Option<String> {
        let value = match name {
            "MA" => self.mac.to_string(),
            "MAU" => self.mac.to_string().to_ascii_uppercase(),
            "MAC" => self.mac_with_colons(),
            "PN" => self.model.clone(),
            "PSN" => self.series().to_owned(),
            "SN" => self.serial.clone().unwrap_or_default(),
            "SWVER" => self.firmware.clone(),
            "HWVER" => HARDWARE.to_owned(),
            _ => return None,
        };
        Some(value)
    }

    fn mac_with_colons(&self) -> String {
        let mut text = String::with_capacity(17);
        for (place, digit) in self.mac.to_string().char_indices() {
            if place > 0 && place % 2 == 0 {
                text.push(':');
            }
            text.push(digit);
        }
        text
    }

    /// The number of the product series: `7832` of `CP-7832-3PCC`.
    fn series(&self) -> &str {
        let number = |part: &&str| part.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
        self.model.split('-').find(number).unwrap_or(&self.model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_introduces_itself_as_in_the_chapter() {
        let phone = Identity {
            mac: "00562b043615".parse().expect("a phone's address"),
            model: "CP-7832-3PCC".to_owned(),
            serial: None,
            firmware: "11.0.1".to_owned(),
        };
        assert_eq!(phone.user_agent(), "Cisco-CP-7832-3PCC/11.0.1 (00562b043615)");
        assert_eq!(phone.fact("MAC").as_deref(), Some("00:56:2b:04:36:15"));
        assert_eq!(phone.fact("MAU").as_deref(), Some("00562B043615"));
        assert_eq!(phone.fact("PSN").as_deref(), Some("7832"));
        assert_eq!(phone.fact("SN").as_deref(), Some(""));
        assert_eq!(phone.fact("ma"), None);
    }
}
