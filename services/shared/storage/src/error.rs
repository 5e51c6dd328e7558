//! The answers a database can give besides the one hoped for.

use std::fmt;

use vocabulary::ErrorKind;

/// `serialization_failure` and `deadlock_detected` of PostgreSQL: another transaction was chosen to go first.
const LOST_AGAINST_ANOTHER: [&str; 2] = ["40001", "40P01"];

/// Why a statement did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row with this key is there already.
    #[error("already exists")]
    AlreadyExists,
    /// A row this one points to is missing, or one that points here is left.
    #[error("a row it depends on is missing, or one still depends on it")]
    Dependency,
    /// The row changed between reading and writing. Nothing was written; the same again may succeed.
    #[error("changed meanwhile")]
    Changed,
    /// A row that no code of ours can have written.
    #[error("impossible value in {table}.{column}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The tables could not be brought up to date.
    #[error("cannot migrate the database: {0}")]
    Migration(Failure),
    /// The database could not be reached, or did not answer in time, or has no room. The same again may succeed.
    #[error("the database failed: {0}")]
    Failed(Failure),
}

impl StoreError {
    /// What it means for the caller of a service.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::AlreadyExists | Self::Dependency => ErrorKind::Conflict,
            Self::Changed => ErrorKind::Changed,
            Self::Inconsistent { .. } => ErrorKind::Internal,
            Self::Migration(_) | Self::Failed(_) => ErrorKind::Unavailable,
        }
    }

    /// One changed row is right; none means that the row was not as the `WHERE` clause expected.
    pub const fn expect_one(rows: u64) -> Result<(), Self> {
        if rows == 1 { Ok(()) } else { Err(Self::Changed) }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(database) if database.is_unique_violation() => Self::AlreadyExists,
            Some(database) if database.is_foreign_key_violation() => Self::Dependency,
            Some(database) if database.code().is_some_and(|code| LOST_AGAINST_ANOTHER.contains(&&*code)) => {
                Self::Changed
            }
            Some(_) | None => Self::Failed(Failure(error.to_string())),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::Migration(Failure(error.to_string()))
    }
}

/// What a database or the way to it complained of, in its own words.
///
/// The message alone: PostgreSQL's details of an error repeat the row, which may hold what nobody is to see.
pub struct Failure(String);

impl Failure {
    pub(crate) fn saying(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
