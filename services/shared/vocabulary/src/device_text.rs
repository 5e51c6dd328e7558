//! The short texts that describe a phone: model, serial number, firmware version.

use std::fmt;
use std::str::FromStr;

/// The longest of them, in characters. Real ones stay under 40.
const LONGEST: usize = 64;

/// The text cannot be a model, serial number or firmware version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 64 visible ASCII characters")]
pub struct InvalidDeviceText;

fn check(text: &str) -> Result<String, InvalidDeviceText> {
    let text = text.trim();
    let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err(InvalidDeviceText) }
}

macro_rules! device_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text, trimmed, as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidDeviceText;

            fn from_str(text: &str) -> Result<Self, InvalidDeviceText> {
                check(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

device_text!(
    /// A product name such as `CP-7832-3PCC`.
    DeviceModel
);
device_text!(
    /// The manufacturer's serial number, such as `FCH2034D0PL`. Compared without regard to case.
    SerialNumber
);
device_text!(
    /// A firmware version such as `11.0.1` or `sip88xx.12-0-3MPP0001-609`.
    Firmware
);

impl SerialNumber {
    /// The spelling in which two serial numbers are compared.
    pub fn canonical(&self) -> String {
        self.0.to_ascii_uppercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_trimmed_and_bounded() {
        assert_eq!(" CP-7832-3PCC ".parse::<DeviceModel>().map(|m| m.to_string()), Ok("CP-7832-3PCC".to_owned()));
        assert_eq!("".parse::<SerialNumber>(), Err(InvalidDeviceText));
        assert_eq!("x".repeat(65).parse::<SerialNumber>(), Err(InvalidDeviceText));
        assert_eq!("11.0\n1".parse::<Firmware>(), Err(InvalidDeviceText));
        assert_eq!("fch2034d0pl".parse::<SerialNumber>().map(|s| s.canonical()), Ok("FCH2034D0PL".to_owned()));
    }
}
