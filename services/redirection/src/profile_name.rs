//! What a provider calls a profile.

use std::str::FromStr;

use vocabulary::{InvalidName, Name, ProfileId};

/// A name that cannot be taken for a profile's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProfileName(Name);

/// The text cannot be a profile's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidProfileName {
    /// Empty, too long, or with characters that nobody can see.
    #[error(transparent)]
    Shape(#[from] InvalidName),
    /// A phone's profile can be given by id or by name, so that no name may be an id.
    #[error("a profile's name cannot be spelled like an id; give it a name that people can read")]
    Id,
}

impl ProfileName {
    /// A name that was accepted when it was stored; the rules may have become stricter since.
    pub const fn stored(text: String) -> Self {
        Self(Name::stored(text))
    }

    /// The text, as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The spelling in which two names are compared.
    pub fn key(&self) -> String {
        self.0.key()
    }
}

impl FromStr for ProfileName {
    type Err = InvalidProfileName;

    fn from_str(text: &str) -> Result<Self, InvalidProfileName> {
        let name: Name = text.parse()?;
        if name.key().parse::<ProfileId>().is_ok() {
            return Err(InvalidProfileName::Id);
        }
        Ok(Self(name))
    }
}

#[cfg(test)]
mod tests {
    use vocabulary::Randomness;

    use super::*;

    #[test]
    fn a_name_cannot_pass_for_an_id() {
        let id = ProfileId::draw(&Randomness::seeded(1)).to_string();
        assert_eq!(id.parse::<ProfileName>(), Err(InvalidProfileName::Id));
        assert_eq!(id.to_uppercase().parse::<ProfileName>(), Err(InvalidProfileName::Id));
        assert!("prf_main".parse::<ProfileName>().is_ok());
        assert_eq!("Ma\u{200b}in".parse::<ProfileName>(), Err(InvalidProfileName::Shape(InvalidName)));
    }
}
