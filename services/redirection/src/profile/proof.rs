//! What a phone must prove to be given a profile.

/// In the order of strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Nothing: it says its address, and anybody can.
    Mac,
    /// It says the serial number that its provider has registered.
    Serial,
    /// Its manufacturer's certificate names its address.
    Certificate,
    /// It can read what is sealed with its registered key.
    Sealed,
}

impl Proof {
    const ALL: [Self; 4] = [Self::Mac, Self::Serial, Self::Certificate, Self::Sealed];

    /// The word that stands in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mac => "mac",
            Self::Serial => "serial",
            Self::Certificate => "certificate",
            Self::Sealed => "sealed",
        }
    }

    /// The reverse of [`Proof::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|proof| proof.word() == word)
    }
}
