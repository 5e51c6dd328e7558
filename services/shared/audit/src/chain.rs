//! How one act holds on to the one before it. Pure: rows in, verdicts out.
//!
//! A row's hash is SHA-256 over, in this order and without anything between:
//!
//! 1. the 16 bytes `dialtone act v1` and a zero, so that no other hash of ours is one of these;
//! 2. the hash of the row before, 32 bytes; zeros for the first row;
//! 3. `number` and `at`, 8 bytes each, the highest first;
//! 4. each text in the order of the table's columns: its length in bytes as 8 bytes, the highest first, then
//!    the text itself in UTF-8. The lengths keep `ab`+`c` apart from `a`+`bc`.

use aws_lc_rs::digest::{Context, SHA256};

use crate::anchor::Anchor;

/// SHA-256.
pub type Hash = [u8; 32];

const LABEL: &[u8; 16] = b"dialtone act v1\0";

/// The columns of one act that its hash speaks of.
pub(crate) struct Columns<'a> {
    pub number: i64,
    pub at: i64,
    /// `concerns` to `detail`, in the order of the table.
    pub texts: [&'a [u8]; 8],
}

impl Columns<'_> {
    /// The hash of an act that follows the one of hash `previous`.
    pub fn hash(&self, previous: &Hash) -> Hash {
        let mut context = Context::new(&SHA256);
        context.update(LABEL);
        context.update(previous);
        context.update(&self.number.to_be_bytes());
        context.update(&self.at.to_be_bytes());
        for text in self.texts {
            // No machine of ours counts beyond 64 bits.
            context.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(text);
        }
        let mut hash = Hash::default();
        hash.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        hash
    }
}

/// The first place at which a log is not what was once written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("act {number}: {why}")]
pub struct Broken {
    /// The number of the act.
    pub number: u64,
    /// What is wrong with it.
    pub why: Fault,
}

/// What can be wrong with an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A later one is there, this one is not.
    #[error("it is missing; an act was taken out of the log")]
    Missing,
    /// It names another act before it than the one that stands there.
    #[error("it does not follow the act before it; one of the two was replaced")]
    Unlinked,
    /// Its hash is not the hash of its columns.
    #[error("it is not as it was written; a column or the hash was changed")]
    Changed,
    /// The log ends before the anchor.
    #[error("the log ends before it; acts were cut off the end")]
    CutOff,
    /// Another act stands where the anchor's stood.
    #[error("it is another act than the one once seen; the log was written anew")]
    Rewritten,
}

/// A walk along the log, from its beginning.
pub(crate) struct Walk<'a> {
    anchor: Option<&'a Anchor>,
    number: u64,
    hash: Hash,
}

impl<'a> Walk<'a> {
    /// Before the first act. The walk must come past `anchor`.
    pub fn begin(anchor: Option<&'a Anchor>) -> Result<Self, Broken> {
        let walk = Self { anchor, number: 0, hash: Hash::default() };
        walk.anchored()?;
        Ok(walk)
    }

    /// On to the next act, whose row says that the one before has the hash `previous`, and itself `hash`.
    pub fn step(&mut self, columns: &Columns<'_>, previous: &[u8], hash: &[u8]) -> Result<(), Broken> {
        let number = self.number.saturating_add(1);
        if u64::try_from(columns.number) != Ok(number) {
            return Err(Broken { number, why: Fault::Missing });
        }
        if previous != self.hash {
            return Err(Broken { number, why: Fault::Unlinked });
        }
        let expected = columns.hash(&self.hash);
        if hash != expected {
            return Err(Broken { number, why: Fault::Changed });
        }
        (self.number, self.hash) = (number, expected);
        self.anchored()
    }

    /// Where the log ends.
    pub fn end(self) -> Result<Anchor, Broken> {
        match self.anchor {
            Some(anchor) if anchor.number > self.number => {
                Err(Broken { number: self.number.saturating_add(1), why: Fault::CutOff })
            }
            Some(_) | None => Ok(Anchor { number: self.number, hash: self.hash }),
        }
    }

    fn anchored(&self) -> Result<(), Broken> {
        match self.anchor {
            Some(anchor) if anchor.number == self.number && anchor.hash != self.hash => {
                Err(Broken { number: self.number, why: Fault::Rewritten })
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hash(texts: [&str; 8]) -> Hash {
        Columns { number: 1, at: 2, texts: texts.map(str::as_bytes) }.hash(&Hash::default())
    }

    /// The encoding is kept in databases: it must never change.
    #[test]
    fn the_hash_is_the_one_described_above() {
        let known = Anchor { number: 1, hash: hash(["prv_1", "cli_1", "prv_1", "", "", "device.put", "x", "{}"]) };
        // Computed by another program.
        let expected = "1:8a4e5244f4d61c14b6af226a26965f68064d29daa5a251d12778d7c08374949e";
        assert_eq!(known.to_string(), expected);
    }

    proptest! {
        /// Two rows that differ in anything differ in their hash; above all where only the borders moved.
        #[test]
        fn different_texts_have_different_hashes(one in any::<[String; 8]>(), at in 0_usize..7, by in 0_usize..4) {
            let mut other = one.clone();
            let (left, right) = other.split_at_mut(at + 1);
            let moved: String = right[0].chars().take(by).collect();
            right[0] = right[0].chars().skip(by).collect();
            left[at].push_str(&moved);
            let hashes = [&one, &other].map(|it| hash(it.each_ref().map(String::as_str)));
            prop_assert_eq!(one == other, hashes[0] == hashes[1]);
        }
    }
}
