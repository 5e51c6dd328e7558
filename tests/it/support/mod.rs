//! What the system tests stand on: a server to talk to, and those who talk to it.

mod build;
mod curl;
mod nps;
mod phone;
mod provider;
mod server;

pub use build::{dialtone, repository};
pub use curl::{Answer, Curl};
pub use nps::Nps;
pub use phone::{Phone, Walk};
pub use provider::{Login, Provider};
pub use server::{Server, Settings, eventually};
