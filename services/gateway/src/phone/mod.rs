//! The phone's side of the edge: the question, the report, the activation code.

mod activate;
mod answer;
mod ask;
mod association;
mod door;
mod flat_profile;
mod identity;
mod journal;
mod observed;
mod report;
mod report_token;
mod sealed_answer;
mod status_report;
mod window;

pub(crate) use activate::{activate, activate_in_path, activate_named};
pub(crate) use answer::ask_again;
pub(crate) use ask::ask;
pub use door::{Door, InvalidDoor};
pub use journal::JournalConfig;
pub(crate) use journal::{Journal, Recorded};
pub(crate) use report::report;
pub(crate) use report_token::ReportTokens;
