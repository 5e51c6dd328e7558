//! Why a secret cannot be read or kept.

use std::path::PathBuf;
use std::process::ExitStatus;

use storage::StoreError;
use vocabulary::ErrorKind;

/// Why a secret cannot be read or kept. No text of it holds one.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The secrets are of another master key.
    #[error("{what} is wrapped with the master key {needed}, and {given} was given; give the one that is needed")]
    WrongMaster {
        /// What cannot be opened.
        what: String,
        /// The id of the master key it was wrapped with.
        needed: String,
        /// The id of the one that was given.
        given: String,
    },
    /// The value does not open.
    #[error("the value at {place} does not open: it was changed, moved from another place, or sealed with another key")]
    Unopenable {
        /// The place it was read from.
        place: String,
    },
    /// The value could not be sealed.
    #[error("the value for {place} could not be sealed")]
    Unsealable {
        /// The place it was meant for.
        place: String,
    },
    /// What should hold a key holds something else.
    #[error("{whence} does not hold a key: expected 32 bytes, or the same as 64 hex digits or as base64")]
    NoKey {
        /// The file, or "the master key command".
        whence: String,
    },
    /// A key file cannot be read or written.
    #[error("the key file {path} cannot be read or written: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The master key command cannot be run.
    #[error("the master key command cannot be run: {0}")]
    NotRun(std::io::Error),
    /// The master key command ended without success. What it printed is not shown: it may be a key.
    #[error("the master key command failed ({0}); run it by hand to see why")]
    CommandFailed(ExitStatus),
    /// The database did not do as it was asked to.
    #[error("the data key cannot be read or written: {0}")]
    Store(#[from] StoreError),
}

impl VaultError {
    /// What it means for the caller of a service: nothing but that it cannot be served.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::WrongMaster { .. }
            | Self::Unopenable { .. }
            | Self::Unsealable { .. }
            | Self::NoKey { .. }
            | Self::File { .. }
            | Self::NotRun(_)
            | Self::CommandFailed(_) => ErrorKind::Internal,
        }
    }
}

impl From<sqlx::Error> for VaultError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
