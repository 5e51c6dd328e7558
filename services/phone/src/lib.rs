//! A virtual phone: walks from its box to its provider as the chapter says a real one does.
//!
//! It is an independent client. Of Dialtone it knows only how a MAC address is written; the rules,
//! macros, flat profiles and HTTP statuses are read here anew, so that a fault of the server cannot
//! cancel itself out.

mod code_screen;
mod condition;
mod facts;
mod failure;
mod fetch;
mod flat_profile;
mod identity;
mod journey;
mod macros;
mod memory;
mod options;
mod parameters;
mod phone;
mod report;
mod report_rule;
mod resync;
mod retry_delays;
mod rule;
mod sealed;
mod state;
mod step;
mod tftp;
mod transport;
mod trust;
mod url;

pub use failure::{Class, Failure};
pub use fetch::Credentials;
pub use flat_profile::InvalidProfile;
pub use identity::Identity;
pub use journey::{Outcome, Trouble};
pub use memory::{Memory, MemoryError};
pub use phone::{HandProvision, Phone, PhoneConfig, Retries};
pub use rule::InvalidRule;
pub use sealed::{CannotUseKey, SealKey, StaysSealed};
pub use state::State;
pub use step::Step;
pub use tftp::TftpError;
pub use transport::NoAnswer;
pub use trust::{CannotTrust, OwnCertificate, Trust};
pub use url::InvalidUrl;
