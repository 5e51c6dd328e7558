//! Who did what: the append-only log of every act that changes something, and the proof that nobody
//! changed it.
//!
//! Each service keeps the log of its own acts as a table of its own database, so that an act and what it
//! changed stand in the same transaction: there is never one without the other. Each row carries the hash of
//! the row before it (`chain.rs`), so that a changed, removed or inserted row is found by [`verify`]. Whoever
//! can write to the database can also compute the whole chain anew, or cut its end off; against that, keep what
//! `verify` answered somewhere else and give it back as the [`Anchor`] of a later one.
//!
//! This crate knows no verb and no tenant: who may read what is the gateway's business.

#![warn(missing_docs)]

mod act;
mod anchor;
mod bytes;
mod chain;
mod grpc;
mod store;
mod verification;

pub use act::Act;
pub use anchor::{Anchor, InvalidAnchor};
pub use chain::{Broken, Fault};
pub use grpc::AuditLog;
pub use store::append;
pub use verification::{Verified, VerifyError, verify};
