//! How a provider leafs through what it has: pages, and what to look for.

use vocabulary::{DeviceModel, MacAddress, ProviderId, SerialNumber};

use crate::assignment::Description;

/// The most characters of a text that is looked for.
const LONGEST_TEXT: usize = 100;

/// Part of a list, in order.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub items: Vec<T>,
    /// Whether there is more behind it.
    pub more: bool,
}

/// How many items a page may have: 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageSize(u16);

/// Why a list cannot be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidListing {
    #[error("limit: expected 1 to 1000")]
    Limit,
    #[error("text: expected at most 100 characters on one line")]
    Text,
}

/// Which phones of a provider to list.
#[derive(Debug, Clone)]
pub(crate) struct DeviceQuery {
    pub provider: ProviderId,
    /// Only addresses above this number.
    pub after: u64,
    pub size: PageSize,
    pub filters: DeviceFilters,
}

/// What listed phones have in common; empty for anything.
#[derive(Debug, Clone)]
pub(crate) struct DeviceFilters {
    pub profile_id: String,
    /// Compared without regard to case.
    pub model: String,
    pub text: Option<SearchText>,
}

/// A text to look for, as `LIKE … ESCAPE '\'` patterns over [`searchable`] text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SearchText {
    /// For the whole.
    pub pattern: String,
    /// For the address alone, where the text can be part of one in some spelling.
    pub mac_pattern: Option<String>,
}

impl PageSize {
    /// Checks the number of items asked for.
    pub fn parse(limit: u32) -> Result<Self, InvalidListing> {
        match u16::try_from(limit) {
            Ok(limit @ 1..=1000) => Ok(Self(limit)),
            Ok(_) | Err(_) => Err(InvalidListing::Limit),
        }
    }

    /// The number.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }

    /// One more than the page holds, which tells whether there is more.
    pub fn and_one(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl<T> Page<T> {
    /// The page that begins `items`, of which there may be one too many.
    pub fn cut(mut items: Vec<T>, size: PageSize) -> Self {
        let more = items.len() > size.get();
        items.truncate(size.get());
        Self { items, more }
    }
}

impl SearchText {
    /// Takes `text` literally; `None` where it is empty and anything will do.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidListing> {
        let text = text.trim().to_lowercase();
        if text.chars().count() > LONGEST_TEXT || text.chars().any(char::is_control) {
            return Err(InvalidListing::Text);
        }
        if text.is_empty() {
            return Ok(None);
        }
        let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.' | ' ')).collect();
        let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        Ok(Some(Self { pattern: anywhere(&text), mac_pattern: is_hex.then(|| anywhere(&digits)) }))
    }
}

fn anywhere(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// The text of a phone in which a text is looked for: the twelve digits of its address first.
pub(crate) fn searchable(mac: MacAddress, description: &Description) -> String {
    let serial = description.serial.as_ref().map_or("", SerialNumber::as_str);
    let model = description.model.as_ref().map_or("", DeviceModel::as_str);
    format!("{mac}\n{serial}\n{model}\n{}", description.note).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(text: &str) -> (String, Option<String>) {
        let text = SearchText::parse(text).expect("a text").expect("not empty");
        (text.pattern, text.mac_pattern)
    }

    #[test]
    fn a_page_has_1_to_1000_items() {
        assert_eq!(PageSize::parse(0), Err(InvalidListing::Limit));
        assert_eq!(PageSize::parse(1001), Err(InvalidListing::Limit));
        assert_eq!(PageSize::parse(65_537), Err(InvalidListing::Limit));
        assert_eq!(PageSize::parse(1000).map(PageSize::and_one), Ok(1001));
        let size = PageSize::parse(2).expect("a size");
        let page = Page::cut(vec![1, 2, 3], size);
        assert!(page.more && page.items == [1, 2]);
        assert!(!Page::cut(vec![1, 2], size).more);
    }

    #[test]
    fn wildcards_are_taken_literally() {
        assert_eq!(patterns(r"50%_\"), (r"%50\%\_\\%".to_owned(), None));
    }

    #[test]
    fn every_spelling_of_part_of_a_mac_is_looked_for() {
        for text in ["00:04:F2", "00-04-f2", "0004.f2", "0004f2"] {
            assert_eq!(patterns(text).1, Some("%0004f2%".to_owned()), "{text}");
        }
        assert_eq!(patterns("-").1, None);
        assert_eq!(patterns("FCH").1, None);
    }

    #[test]
    fn case_does_not_matter_in_any_language() {
        assert_eq!(patterns("ZOË").0, "%zoë%");
        let description = Description::parse("fch1", "CP-7832", "ZOË").expect("a description");
        let mac = "0004F2AABBCC".parse().expect("a MAC");
        assert_eq!(searchable(mac, &description), "0004f2aabbcc\nfch1\ncp-7832\nzoë");
    }

    #[test]
    fn long_and_broken_texts_are_refused() {
        assert_eq!(SearchText::parse("  "), Ok(None));
        assert_eq!(SearchText::parse(&"x".repeat(101)), Err(InvalidListing::Text));
        assert_eq!(SearchText::parse("a\nb"), Err(InvalidListing::Text));
    }
}
