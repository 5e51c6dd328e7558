//! `Report_Rule`: where the phone tells how it is, `[--status]url [--delta]url` or one bare address.

use std::fmt;

use crate::options::{Flag, Options};
use crate::rule::enclosed;
use crate::url::Url;

/// The addresses in the order they stand; never empty.
#[derive(Clone)]
pub(crate) struct ReportRule(Vec<(Options, String)>);

impl ReportRule {
    /// Reads the parameter. `None` when there is nothing a report could be sent to.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut addresses = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (options, after) = match enclosed(rest, ('[', ']')).ok()? {
                Some((inside, after)) => (Options::parse(inside).ok()?, after.trim_start()),
                None => (Options::default(), rest),
            };
            let (address, after) = after.split_at(after.find(char::is_whitespace).unwrap_or(after.len()));
            addresses.push((options, address.to_owned()));
            rest = after.trim_start();
        }
        (!addresses.is_empty()).then_some(Self(addresses))
    }

    /// The address for a report of how the phone is, macros not yet expanded: the last one marked
    /// `--status`, or the only one unless it is marked `--delta`.
    pub(crate) fn status_address(&self) -> Option<&str> {
        let marked = self.0.iter().rev().find(|(options, _)| options.has(Flag::Status));
        let only = match self.0.as_slice() {
            [only] if !only.0.has(Flag::Delta) => Some(only),
            _ => None,
        };
        marked.or(only).map(|(_, address)| address.as_str())
    }
}

/// The rule with only the servers' names left: the paths carry tokens.
impl fmt::Display for ReportRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (options, address)) in self.0.iter().enumerate() {
            let gap = if place > 0 { " " } else { "" };
            let address = Url::parse(address).map_or("…".to_owned(), |url| url.without_path());
            write!(f, "{gap}{options}{address}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> Option<String> {
        ReportRule::read(text)?.status_address().map(str::to_owned)
    }

    #[test]
    fn the_status_report_goes_to_the_last_one_marked_so() {
        for (text, expected) in [
            ("https://h/r/t", Some("https://h/r/t")),
            ("[--status]https://h/s [--delta]https://h/d", Some("https://h/s")),
            ("[--delta] https://h/d [--status] https://h/s", Some("https://h/s")),
            ("[--status]https://h/1  [--status --key \"a b\"]https://h/2 ", Some("https://h/2")),
            ("[--delta]https://h/d", None),
            ("https://h/1 https://h/2", None),
            ("", None),
            ("[--status https://h/s", None),
        ] {
            assert_eq!(address(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn tokens_are_not_shown() {
        let rule = ReportRule::read("[--delta --key hush]https://h:8443/r/hush?hush hush").expect("a rule");
        assert_eq!(rule.to_string(), "[--delta --key …] https://h:8443/… tftp://hush/…");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]\" a:/-]{0,30}|\\PC{0,20}") {
            if let Some(rule) = ReportRule::read(&text) {
                let _ = (rule.status_address().is_some(), rule.to_string());
            }
        }
    }
}
