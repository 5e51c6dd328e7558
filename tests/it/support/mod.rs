//! What the system tests stand on: a server to talk to, and those who talk to it.

mod build;
mod collector;
mod curl;
mod demo;
mod device_certificate;
mod metrics;
mod moment;
mod nps;
mod person;
mod phone;
mod provider;
mod server;
mod wire;

pub use build::{dialtone, install, repository};
pub use collector::Collector;
pub use curl::{Answer, Curl};
pub use demo::Demo;
pub use device_certificate::{DeviceCertificate, Manufacturer, hmac_by_openssl};
pub use metrics::Metrics;
pub use moment::{from_now, seconds_from_now};
pub use nps::Nps;
pub use person::{Authenticator, Person};
pub use phone::Phone;
pub use provider::{Login, Provider};
pub use server::{Server, Settings, eventually};
pub use wire::{Question, Wire};
