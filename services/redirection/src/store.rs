//! The tables, and every statement on them. Functions that change something take a transaction, so
//! that `writer.rs` alone says when it is committed.

mod devices;
mod frozen;
mod load;
mod profiles;

use std::str::FromStr;

use storage::StoreError;

pub(crate) use devices::{Put, device_delete, device_find, device_list, device_put};
pub(crate) use frozen::{provider_freeze, provider_must_be_free, provider_thaw};
pub(crate) use load::load;
pub(crate) use profiles::{
    NewProfile, Replacement, profile_create, profile_delete, profile_find, profile_list, profile_replace,
};

/// A column that only our own code writes.
#[derive(Clone, Copy)]
struct Column {
    table: &'static str,
    column: &'static str,
}

impl Column {
    const fn impossible(self) -> StoreError {
        StoreError::Inconsistent { table: self.table, column: self.column }
    }

    /// The value stored as `text`.
    fn parse<T: FromStr>(self, text: &str) -> Result<T, StoreError> {
        text.parse().map_err(|_| self.impossible())
    }
}
