//! The shelf: one SQLite database per service, opened, migrated and written in one way.
//!
//! Holds no table and no rule of any service. Reads go through a pool; writes go through the one
//! connection that may write, in transactions that begin with `BEGIN IMMEDIATE`.

mod database;
mod error;

pub use database::{Db, Tx};
pub use error::StoreError;
