//! Secrets at rest: what only this installation may read, though its databases and backups be copied.
//!
//! Envelope encryption: the master key ([`MasterKey`], given to the program from outside the databases) wraps
//! one data key for each database, and the data key ([`Vault`]) seals the values in it. To change the master
//! key, only the data keys are wrapped again ([`rewrap`], [`rewrap_file`]).
//!
//! It does not protect against who can read the running program's memory or its master key, and a value
//! that was never sealed is no business of it.

#![warn(missing_docs)]

mod cipher;
mod data_key;
mod error;
mod key_file;
mod key_text;
mod master_key;

pub use data_key::{Vault, rewrap};
pub use error::VaultError;
pub use key_file::{key_file, rewrap_file, wrapped_file};
pub use master_key::MasterKey;
