//! Many keys as the one parameter of a statement, which is where the two databases have nothing in common: SQLite
//! takes a list as JSON, PostgreSQL as an array.

use sqlx::{PgConnection, SqliteConnection};
use storage::StoreError;
use vocabulary::MacAddress;

use super::Column;

/// A statement for each database, the same but for the table `value`, whose column `value` has the numbers or texts of
/// the first parameter.
pub(super) struct Both {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

/// The text before the table of the first parameter's values, and the text behind it. Without `text`, they are numbers.
macro_rules! both {
    (text $before:literal, $behind:literal) => {
        crate::store::macs::both!(@ $before, "unnest($1::TEXT[]) AS value", $behind)
    };
    ($before:literal, $behind:literal) => {
        crate::store::macs::both!(@ $before, "unnest($1::BIGINT[]) AS value", $behind)
    };
    (@ $before:literal, $unnest:literal, $behind:literal) => {
        crate::store::macs::Both {
            sqlite: concat!($before, "json_each($1) AS value", $behind),
            postgres: concat!($before, $unnest, $behind),
        }
    };
}
pub(super) use both;

/// What a connection makes of a statement for both, and of a list.
pub(super) trait Dialect {
    type Numbers<'a>;
    type Texts<'a>;

    fn text(&self, both: &Both) -> &'static str;
    fn numbers<'a>(&self, macs: &'a Macs) -> Self::Numbers<'a>;
    fn texts<'a>(&self, texts: &'a [String]) -> Self::Texts<'a>;
}

impl Dialect for SqliteConnection {
    type Numbers<'a> = String;
    type Texts<'a> = String;

    fn text(&self, both: &Both) -> &'static str {
        both.sqlite
    }

    fn numbers(&self, macs: &Macs) -> String {
        serde_json::Value::from(macs.0.as_slice()).to_string()
    }

    fn texts(&self, texts: &[String]) -> String {
        serde_json::Value::from(texts).to_string()
    }
}

impl Dialect for PgConnection {
    type Numbers<'a> = &'a [i64];
    type Texts<'a> = &'a [String];

    fn text(&self, both: &Both) -> &'static str {
        both.postgres
    }

    fn numbers<'a>(&self, macs: &'a Macs) -> &'a [i64] {
        &macs.0
    }

    fn texts<'a>(&self, texts: &'a [String]) -> &'a [String] {
        texts
    }
}

/// Addresses, as they are stored.
#[derive(Debug, Clone)]
pub(crate) struct Macs(Vec<i64>);

impl Macs {
    /// Those of `macs`.
    pub fn of(macs: &[MacAddress]) -> Self {
        Self(macs.iter().map(|mac| mac.to_i64()).collect())
    }
}

/// The address stored as `mac`.
pub(super) fn mac_of(table: &'static str, mac: i64) -> Result<MacAddress, StoreError> {
    MacAddress::from_u64(mac.cast_unsigned()).map_err(|_| Column { table, column: "mac" }.impossible())
}
