//! Why a download failed, and which of the chapter's classes that is.

use serde::Serialize;

use crate::flat_profile::InvalidProfile;
use crate::rule::InvalidRule;
use crate::sealed::StaysSealed;
use crate::tftp::TftpError;
use crate::transport::NoAnswer;
use crate::url::InvalidUrl;

/// The classes of failure (chapter, "HTTP Status Code Handling on Resync and Upgrade"). Class A is
/// success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Class {
    /// "File Not Found or corrupt profile."
    B,
    /// "Other failure when a bad URL or IP address causes a connection error."
    C,
}

/// A download that did not end in a profile.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Table 2: any status but 200, 301, 302, 401 and 407.
    #[error("the server answered {0}")]
    Status(u16),
    /// 301 or 302 without a usable place to go.
    #[error("the server answered {status} without an address to go to")]
    NoLocation {
        /// 301 or 302.
        status: u16,
    },
    /// Redirected too often.
    #[error("the server answered {status} more than 10 times in a row")]
    TooManyRedirects {
        /// 301 or 302.
        status: u16,
    },
    /// 401 or 407, and the phone has no user and password.
    #[error("the server answered {status} and the phone has no user and password; put --uid and --pwd in the rule")]
    NoCredentials {
        /// 401 or 407.
        status: u16,
    },
    /// 401 or 407, and Basic is not offered.
    #[error("the server answered {status} and offers no Basic authentication; this virtual phone knows no other")]
    UnknownScheme {
        /// 401 or 407.
        status: u16,
    },
    /// 401 or 407 after both retries.
    #[error("the server answered {status} to the user and password, twice")]
    Refused {
        /// 401 or 407.
        status: u16,
    },
    /// What arrived is no profile.
    #[error("{cause}")]
    Corrupt {
        /// The HTTP status it came with; none by TFTP.
        status: Option<u16>,
        /// What is wrong with it.
        cause: InvalidProfile,
    },
    /// What arrived is sealed and stays so.
    #[error("{cause}")]
    Sealed {
        /// The HTTP status it came with; none by TFTP.
        status: Option<u16>,
        /// Why it cannot be opened.
        cause: StaysSealed,
    },
    /// Remote customization answered with a profile that leads nowhere.
    #[error("the answer holds no Profile_Rule")]
    NoProfileRule {
        /// The HTTP status it came with; none by TFTP.
        status: Option<u16>,
    },
    /// The rule cannot be read.
    #[error(transparent)]
    Rule(#[from] InvalidRule),
    /// No alternative of the rule applies to this phone, or none names an address.
    #[error("no profile rule gives this phone an address to download from")]
    NothingToDownload,
    /// The address cannot be read.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// DNS SRV is asked for.
    #[error("the rule asks for DNS SRV (--srv), which this virtual phone does not do")]
    Srv,
    /// No HTTP answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// No file by TFTP.
    #[error(transparent)]
    Tftp(#[from] TftpError),
}

impl Failure {
    /// B when the file is missing or corrupt, C for everything else.
    pub const fn class(&self) -> Class {
        match self {
            Self::Status(404)
            | Self::Corrupt { .. }
            | Self::Sealed { .. }
            | Self::NoProfileRule { .. }
            | Self::Tftp(TftpError::NotFound) => Class::B,
            Self::Status(_)
            | Self::NoLocation { .. }
            | Self::TooManyRedirects { .. }
            | Self::NoCredentials { .. }
            | Self::UnknownScheme { .. }
            | Self::Refused { .. }
            | Self::Rule(_)
            | Self::NothingToDownload
            | Self::Url(_)
            | Self::Srv
            | Self::NoAnswer(_)
            | Self::Tftp(_) => Class::C,
        }
    }

    /// The HTTP status that decided, if one did.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Status(status)
            | Self::NoLocation { status }
            | Self::TooManyRedirects { status }
            | Self::NoCredentials { status }
            | Self::UnknownScheme { status }
            | Self::Refused { status } => Some(*status),
            Self::Corrupt { status, .. } | Self::Sealed { status, .. } | Self::NoProfileRule { status } => *status,
            Self::Rule(_) | Self::NothingToDownload | Self::Url(_) | Self::Srv | Self::NoAnswer(_) | Self::Tftp(_) => {
                None
            }
        }
    }
}
