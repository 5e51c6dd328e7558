//! Pages: some of many, in the order of their ids.

use std::ops::RangeInclusive;
use std::str::FromStr;

/// How many one page may hold.
const LIMITS: RangeInclusive<u32> = 1..=1000;

/// Some of many.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub items: Vec<T>,
    /// Whether others follow.
    pub more: bool,
}

/// Which page is wished.
#[derive(Debug, Clone)]
pub(crate) struct PageWish {
    /// The id after which it begins; empty for the first page.
    pub after: String,
    limit: usize,
}

/// Why there is no such page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidPage {
    #[error("the limit of a page is a number from 1 to 1000")]
    Limit,
    #[error("a page begins after an id of what is listed; leave it empty for the first page")]
    After,
}

impl InvalidPage {
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Limit => "page_limit_invalid",
            Self::After => "page_after_invalid",
        }
    }
}

impl PageWish {
    /// The page of up to `limit` (1 to 1000) things whose ids, of the kind `Id`, follow `after`.
    pub fn parse<Id: FromStr>(after: &str, limit: u32) -> Result<Self, InvalidPage> {
        if !LIMITS.contains(&limit) {
            return Err(InvalidPage::Limit);
        }
        if !after.is_empty() && after.parse::<Id>().is_err() {
            return Err(InvalidPage::After);
        }
        Ok(Self { after: after.to_owned(), limit: usize::try_from(limit).unwrap_or(usize::MAX) })
    }

    /// How many to read: one more than asked for, whose presence says that others follow.
    pub fn to_read(&self) -> i64 {
        i64::try_from(self.limit + 1).unwrap_or(i64::MAX)
    }

    /// The page, of what was read.
    pub fn cut<T>(&self, mut items: Vec<T>) -> Page<T> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        Page { items, more }
    }
}
