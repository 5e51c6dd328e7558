//! The customization states, by the chapter's names ("Remote Customization (RC) Distribution").

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far this phone has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum State {
    /// Fresh from its box, or factory reset.
    #[default]
    Open,
    /// Asking remote customization.
    Pending,
    /// Sent to its provider's server, whose profile it does not have yet.
    #[serde(rename = "Custom Pending")]
    CustomPending,
    /// Its provider's profile is downloaded.
    Acquired,
    /// Provisioned by DHCP or by hand; remote customization is not asked until a factory reset.
    Aborted,
    /// Remote customization knows no provider for it.
    Unavailable,
}

impl State {
    /// The name on the phone's own status page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Pending => "Pending",
            Self::CustomPending => "Custom Pending",
            Self::Acquired => "Acquired",
            Self::Aborted => "Aborted",
            Self::Unavailable => "Unavailable",
        }
    }

    /// "Once the phone has been provisioned, the Cisco EDOS RC Server is not utilized unless the
    /// phone is factory reset."
    pub(crate) const fn is_provisioned(self) -> bool {
        matches!(self, Self::Acquired | Self::Aborted)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
