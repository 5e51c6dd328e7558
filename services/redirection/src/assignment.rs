//! An assignment: this phone is this provider's and goes to this profile, and what the provider
//! notes of it.

use vocabulary::{DeviceModel, InvalidDeviceText, MacAddress, ProfileId, ProviderId, SerialNumber, Timestamp};

use crate::seal::SealFormat;

/// The longest note, in characters.
const LONGEST_NOTE: usize = 500;

/// A phone as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub mac: MacAddress,
    pub provider: ProviderId,
    pub profile: ProfileId,
    pub description: Description,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    /// How its answers are sealed, where it has a key.
    pub seal: Option<SealFormat>,
    /// Whether the operator holds it.
    pub is_held: bool,
}

/// What a provider wants: this phone, sent to this profile.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub mac: MacAddress,
    pub provider: ProviderId,
    /// A profile's id or its name.
    pub profile: String,
    pub description: Description,
    /// Who stands above the provider.
    pub ancestors: Vec<ProviderId>,
}

/// What a provider knows of a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Description {
    pub serial: Option<SerialNumber>,
    pub model: Option<DeviceModel>,
    /// Up to 500 characters, for people.
    pub note: String,
}

/// Why a description is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidDescription {
    #[error("serial: {0}")]
    Serial(InvalidDeviceText),
    #[error("model: {0}")]
    Model(InvalidDeviceText),
    #[error("note: expected at most 500 characters on one line")]
    Note,
}

impl Description {
    /// Checks what the provider says; empty texts are things it does not know.
    pub fn parse(serial: &str, model: &str, note: &str) -> Result<Self, InvalidDescription> {
        let note = note.trim();
        if note.chars().count() > LONGEST_NOTE || note.chars().any(char::is_control) {
            return Err(InvalidDescription::Note);
        }
        let serial = known(serial).map(str::parse).transpose().map_err(InvalidDescription::Serial)?;
        let model = known(model).map(str::parse).transpose().map_err(InvalidDescription::Model)?;
        Ok(Self { serial, model, note: note.to_owned() })
    }
}

fn known(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_not_known() {
        let description = Description::parse("", "  ", "").expect("nothing is known");
        assert_eq!(description, Description { serial: None, model: None, note: String::new() });
    }

    #[test]
    fn texts_are_trimmed_and_bounded() {
        let description = Description::parse(" FCH2034D0PL", "CP-7832-3PCC ", " Zoë's desk ").expect("a description");
        assert_eq!(description.serial.map(|serial| serial.to_string()), Some("FCH2034D0PL".to_owned()));
        assert_eq!(description.note, "Zoë's desk");
        assert!(Description::parse("", "", &"é".repeat(500)).is_ok());
        assert_eq!(Description::parse("", "", &"é".repeat(501)), Err(InvalidDescription::Note));
        assert_eq!(Description::parse("", "", "two\nlines"), Err(InvalidDescription::Note));
        assert_eq!(Description::parse("é", "", ""), Err(InvalidDescription::Serial(InvalidDeviceText)));
        assert_eq!(Description::parse("", &"x".repeat(65), ""), Err(InvalidDescription::Model(InvalidDeviceText)));
    }
}
