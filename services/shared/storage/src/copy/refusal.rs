//! Why a copy was not made.

use crate::StoreError;

/// Why a copy was not begun, or not finished. What was copied until then stays, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The source is no file, or is not there.
    #[error("there is no database at {0}; the source of a copy is a file")]
    NoSource(String),
    /// The target is a file.
    #[error("{0} is no database on a server; the target of a copy is postgres://user@host/database")]
    NoServer(String),
    /// Somebody writes to the source.
    #[error("the source is in use; stop the server that writes to it")]
    SourceInUse,
    /// Somebody is connected to the target.
    #[error("the target is in use; stop the processes that are connected to it")]
    TargetInUse,
    /// The source was made by another version of this program.
    #[error(
        "the source has {applied} of {known} migrations and {newer} of a later version; start its server once, with this version, and stop it"
    )]
    SourceVersion {
        /// Of those that this program knows.
        applied: usize,
        /// How many it knows.
        known: usize,
        /// Those that it does not know.
        newer: usize,
    },
    /// A later version of this program has used the target.
    #[error("a later version has used the target; copy with that version")]
    TargetVersion,
    /// The target has rows that are not those of the source.
    #[error("the target holds something else already ({table}); give an empty database")]
    NotEmpty {
        /// A table with such rows.
        table: String,
    },
    /// What was begun at the target is the copy of another database.
    #[error("the copy that was begun in the target is of another source; give an empty database")]
    OtherSource,
    /// The tables of the two are not the same.
    #[error("the tables cannot be copied: {0}")]
    Tables(String),
    /// PostgreSQL cannot keep a value.
    #[error("{table}.{column} holds a text that PostgreSQL cannot keep: one with a NUL in it")]
    Value {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// What was read back from the target is not what is in the source.
    #[error("{table} differs after the copy: the source was changed in between; begin again with an empty database")]
    Differs {
        /// The first table that does.
        table: String,
    },
}

impl From<sqlx::Error> for CopyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
