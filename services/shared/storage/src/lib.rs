//! The shelf: one database per service, SQLite or PostgreSQL, opened, migrated and written in one way.
//!
//! Holds no table and no rule of any service. Each statement is one text for both (`on!`); where one truly must
//! differ, its function matches on [`Connection`]. Reads and writes are two ways: [`Db::read`], [`Db::write`].

pub mod copy;
mod database;
mod error;
mod migrations;
mod place;
mod postgres;
mod queue;
mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;

pub use database::{Connection, Db, Reader, Tx};
pub use error::{Failure, StoreError};
pub use migrations::{Migrations, Standing};
pub use place::{InvalidPlace, Place};
pub use queue::{Load, Parcel, Queue};
