//! What a provider's phones must prove beyond what its profiles say, and how long a silent one stays.

/// The most days after which a silent phone is given back: ten years.
const MOST_DAYS: u32 = 3650;

/// A provider's policy. Without one, expired certificates are accepted and phones stay for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Policy {
    pub expired_certificates: ExpiredCertificates,
    pub release_unseen: ReleaseUnseen,
}

/// What becomes of a phone whose manufacturer's certificate has expired. Most phones outlive theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ExpiredCertificates {
    /// It is taken as any other, and noted.
    #[default]
    Accept,
    /// The phone is answered as if it were nobody's.
    Refuse,
}

/// After how many days a phone that has not asked is given back; 0 for never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ReleaseUnseen(u32);

/// Too many days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("release_unseen_days: expected 1 to 3650, or 0 for never")]
pub(crate) struct InvalidPolicy;

impl ReleaseUnseen {
    /// Checks the number of days.
    pub const fn after(days: u32) -> Result<Self, InvalidPolicy> {
        if days <= MOST_DAYS { Ok(Self(days)) } else { Err(InvalidPolicy) }
    }

    /// The number of days; 0 for never.
    pub const fn days(self) -> u32 {
        self.0
    }
}

impl ExpiredCertificates {
    /// The word that stands in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Refuse => "refuse",
        }
    }

    /// The reverse of [`ExpiredCertificates::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Accept, Self::Refuse].into_iter().find(|expired| expired.word() == word)
    }
}
