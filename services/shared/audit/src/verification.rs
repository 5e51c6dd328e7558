//! Reads a whole log and says whether it is what was written.

use std::fmt;

use storage::{Db, StoreError};

use crate::anchor::{Anchor, hex};
use crate::chain::{Broken, Walk};
use crate::store::acts_after;

/// How many rows are in memory at once.
const CHUNK: u32 = 500;

/// A log that is what was written. Prints as the [`Anchor`] of its last act: keep it, and give it back later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many acts it holds.
    pub acts: u64,
    /// The hash of the last one as 64 hex digits; zeros where there is none.
    pub head_hex: String,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.acts, self.head_hex)
    }
}

/// Why a log was not found to be what was written.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is not.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It could not be read.
    #[error("cannot read the audit log: {0}")]
    Store(#[from] StoreError),
}

/// Walks along the log in `db` from its first act to its last, or to the first one that does not fit.
///
/// `anchor` is what an earlier walk answered: where it is given, acts that were cut off the end since, or a log
/// that was written anew as a whole, are found as well. Acts may be appended meanwhile.
pub async fn verify(db: &Db, anchor: Option<&Anchor>) -> Result<Verified, VerifyError> {
    let mut walk = Walk::begin(anchor)?;
    let mut after = i64::MIN;
    loop {
        let rows = acts_after(db, after, CHUNK).await?;
        let Some(last) = rows.last() else {
            let head = walk.end()?;
            return Ok(Verified { acts: head.number, head_hex: hex(&head.hash) });
        };
        after = last.number;
        for row in &rows {
            walk.step(&row.columns(), &row.previous, &row.hash)?;
        }
    }
}
