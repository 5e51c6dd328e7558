//! What can happen to a phone, and under which circumstances it was noticed.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use vocabulary::{DeviceModel, Firmware, MacAddress, ProfileId, ProviderId, Timestamp};

use crate::word::words;

/// Something that happened to a phone, with the facts it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// The phone asked for its provider.
    Asked { question: String },
    /// It was sent to its provider. `rule` has its secrets struck out already.
    AnsweredWithProvider { profile: ProfileId, rule: String },
    /// It was given an empty answer.
    AnsweredWithNothing { reason: EmptyBecause },
    /// It downloaded and applied its provider's profile.
    ResyncSucceeded,
    /// It could not.
    ResyncFailed(ResyncFailure),
    /// DHCP named its provisioning server, so that it never asked us.
    ProvisionedByDhcp,
    /// A person configured it.
    ProvisionedByHand { place: Option<Place> },
    /// It was returned to the state in which it left the factory.
    FactoryReset,
    /// It said which firmware it runs.
    FirmwareSeen,
    /// A provider registered it, or sent it to another profile.
    Associated { profile: ProfileId },
    /// A provider gave it up.
    Dissociated,
}

words! {
    /// The name of each event.
    EventKind {
        Asked = "asked",
        AnsweredWithProvider = "answered_with_provider",
        AnsweredWithNothing = "answered_with_nothing",
        ResyncSucceeded = "resync_succeeded",
        ResyncFailed = "resync_failed",
        ProvisionedByDhcp = "provisioned_by_dhcp",
        ProvisionedByHand = "provisioned_by_hand",
        FactoryReset = "factory_reset",
        FirmwareSeen = "firmware_seen",
        Associated = "associated",
        Dissociated = "dissociated",
    }
}

words! {
    /// Why an answer was empty. The phone is not told; its provider is.
    EmptyBecause {
        NoProvider = "no_provider",
        ProviderFrozen = "provider_frozen",
        WrongSerial = "wrong_serial",
        NoSerial = "no_serial",
        NoCertificate = "no_certificate",
        ForeignCertificate = "foreign_certificate",
        ExpiredCertificate = "expired_certificate",
        NoKey = "no_key",
        Throttled = "throttled",
    }
}

words! {
    /// Where a person configures a phone.
    Place {
        Lcd = "lcd",
        Web = "web",
    }
}

words! {
    /// The phone's own classes of failure (chapter, "HTTP Status Code Handling on Resync and Upgrade").
    FailureClass {
        /// File not found, or a corrupt profile.
        FileNotFound = "B",
        /// Everything else.
        Other = "C",
    }
}

words! {
    /// How an event is known.
    Evidence {
        /// Dialtone took part in it.
        Observed = "observed",
        /// It must have happened, since something else did.
        Inferred = "inferred",
        /// The phone says so.
        Reported = "reported",
        /// The provider says so.
        Stated = "stated",
    }
}

/// How a resync failed, and what the phone does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResyncFailure {
    pub class: FailureClass,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// When the phone will try again, where it will and said so.
    pub retry_at: Option<Timestamp>,
}

/// Names an observation for ever, so that one sent twice is recorded once. Begins with the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObservationId(pub [u8; 16]);

/// The text is no id: 32 hex digits are.
#[derive(Debug)]
pub(crate) struct InvalidObservationId;

impl FromStr for ObservationId {
    type Err = InvalidObservationId;

    fn from_str(text: &str) -> Result<Self, InvalidObservationId> {
        let number = u128::from_str_radix(text, 16).map_err(|_| InvalidObservationId)?;
        if text.len() == 32 { Ok(Self(number.to_be_bytes())) } else { Err(InvalidObservationId) }
    }
}

impl fmt::Display for ObservationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// An event, whose it is, and how it came to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observation {
    /// `None` for what this service inferred.
    pub id: Option<ObservationId>,
    pub mac: MacAddress,
    pub at: Timestamp,
    pub evidence: Evidence,
    pub event: Event,
    pub source: Option<IpAddr>,
    /// Empty where there was no request.
    pub request_id: String,
    /// Whose phone it was at that moment.
    pub provider: Option<ProviderId>,
    pub firmware: Option<Firmware>,
    pub model: Option<DeviceModel>,
    /// Who states it. Goes to the audit log and not to the timeline.
    pub subject: Option<Subject>,
}

/// A person or a program that states something of a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    pub id: String,
    /// Its own tenant, which may stand above the phone's owner.
    pub tenant: String,
    /// Where it asked from.
    pub source: String,
}

impl Event {
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Asked { .. } => EventKind::Asked,
            Self::AnsweredWithProvider { .. } => EventKind::AnsweredWithProvider,
            Self::AnsweredWithNothing { .. } => EventKind::AnsweredWithNothing,
            Self::ResyncSucceeded => EventKind::ResyncSucceeded,
            Self::ResyncFailed(_) => EventKind::ResyncFailed,
            Self::ProvisionedByDhcp => EventKind::ProvisionedByDhcp,
            Self::ProvisionedByHand { .. } => EventKind::ProvisionedByHand,
            Self::FactoryReset => EventKind::FactoryReset,
            Self::FirmwareSeen => EventKind::FirmwareSeen,
            Self::Associated { .. } => EventKind::Associated,
            Self::Dissociated => EventKind::Dissociated,
        }
    }

    /// Whether the phone is a party to it. What a provider does at its desk is no sign of life.
    const fn involves_the_phone(&self) -> bool {
        match self {
            Self::Asked { .. }
            | Self::AnsweredWithProvider { .. }
            | Self::AnsweredWithNothing { .. }
            | Self::ResyncSucceeded
            | Self::ResyncFailed(_)
            | Self::ProvisionedByDhcp
            | Self::ProvisionedByHand { .. }
            | Self::FactoryReset
            | Self::FirmwareSeen => true,
            Self::Associated { .. } | Self::Dissociated => false,
        }
    }
}

impl Observation {
    /// Whether the phone itself was in touch with us.
    pub const fn is_contact(&self) -> bool {
        let first_hand = match self.evidence {
            Evidence::Observed | Evidence::Reported => true,
            Evidence::Inferred | Evidence::Stated => false,
        };
        first_hand && self.event.involves_the_phone()
    }

    /// The factory reset that must have come before this, under the same circumstances.
    pub fn reset_before(&self) -> Self {
        Self { id: None, evidence: Evidence::Inferred, event: Event::FactoryReset, subject: None, ..self.clone() }
    }
}
