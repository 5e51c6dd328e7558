//! The shelf: one database per service, SQLite or PostgreSQL, opened, migrated and written in one way.
//!
//! Holds no table and no rule of any service. Each statement is one text for both (`on!`); where one truly must
//! differ, its function matches on [`Connection`]. Reads and writes are two ways: [`Db::read`], [`Db::write`].

mod database;
mod error;
mod place;
mod postgres;
pub mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;

pub use database::{Connection, Db, Migrations, Reader, Tx};
pub use error::{Failure, StoreError};
pub use place::{InvalidPlace, Place};
