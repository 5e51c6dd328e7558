//! The options in brackets: `[--key secret --uid name --pwd word --post b --alias c --srv]`.

use std::ops::Range;

use super::{InvalidProfileRule, REDACTED, RuleKind, macros};

/// What the options of one alternative say.
#[derive(Default)]
pub(super) struct Options {
    /// Where secret values stand in the rule's text, in order.
    pub secrets: Vec<Range<usize>>,
    /// `--srv`: the server is found by a DNS SRV look-up.
    pub uses_srv: bool,
}

enum Takes {
    Nothing,
    Secret,
    Letter,
}

pub(super) fn parse(kind: RuleKind, text: &str, range: Range<usize>) -> Result<Options, InvalidProfileRule> {
    let mut options = Options::default();
    let mut words = Words { text, rest: range };
    while let Some(word) = words.next() {
        let name = text.get(word).unwrap_or_default().to_owned();
        let takes = takes(kind, &name)?;
        options.uses_srv |= name == "--srv";
        let value = match takes {
            Takes::Nothing => continue,
            Takes::Secret | Takes::Letter => {
                words.next().ok_or_else(|| InvalidProfileRule::MissingValue(name.clone()))?
            }
        };
        let value = unquoted(text, value);
        let shown = text.get(value.clone()).unwrap_or_default();
        match takes {
            Takes::Nothing => {}
            Takes::Letter if matches!(shown.as_bytes(), [b'a'..=b'p' | b'A'..=b'P']) => {}
            Takes::Letter => return Err(InvalidProfileRule::NotALetter(name)),
            Takes::Secret if shown.is_empty() => return Err(InvalidProfileRule::MissingValue(name)),
            Takes::Secret if shown == REDACTED => return Err(InvalidProfileRule::Placeholder(name)),
            Takes::Secret if macros::is_one_macro(shown) => {}
            Takes::Secret => options.secrets.push(value),
        }
    }
    Ok(options)
}

fn takes(kind: RuleKind, name: &str) -> Result<Takes, InvalidProfileRule> {
    let known = match kind {
        RuleKind::Profile => "--key, --uid, --pwd, --post, --alias and --srv",
        RuleKind::Report => "--key, --uid, --pwd, --alias, --delta and --status",
        RuleKind::Upgrade | RuleKind::CustomCa => "no options",
    };
    let unknown = || InvalidProfileRule::UnknownOption(printable(name), known);
    match (kind, name) {
        (RuleKind::Profile | RuleKind::Report, "--key" | "--uid" | "--pwd") => Ok(Takes::Secret),
        (RuleKind::Profile, "--post") | (RuleKind::Profile | RuleKind::Report, "--alias") => Ok(Takes::Letter),
        (RuleKind::Profile, "--srv") | (RuleKind::Report, "--delta" | "--status") => Ok(Takes::Nothing),
        (RuleKind::Profile | RuleKind::Report | RuleKind::Upgrade | RuleKind::CustomCa, _) => Err(unknown()),
    }
}

/// An option's name may be shown; anything else in the brackets could be a secret out of place.
fn printable(word: &str) -> String {
    let is_name = word.strip_prefix("--").is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_lowercase()));
    if is_name && word.len() <= 16 { word.to_owned() } else { "a word without --".to_owned() }
}

/// Words split at white space; one in quotation marks is one word.
struct Words<'a> {
    text: &'a str,
    rest: Range<usize>,
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = self.text.get(self.rest.clone())?;
        let start = self.rest.start + (rest.len() - rest.trim_start().len());
        let word = self.text.get(start..self.rest.end)?;
        let length = match word.strip_prefix('"').and_then(|inside| inside.find('"')) {
            Some(close) => close + 2,
            None => word.find(char::is_whitespace).unwrap_or(word.len()),
        };
        if length == 0 {
            return None;
        }
        self.rest.start = start + length;
        Some(start..start + length)
    }
}

fn unquoted(text: &str, word: Range<usize>) -> Range<usize> {
    let inside = text.get(word.clone()).and_then(|word| word.strip_prefix('"')).and_then(|word| word.strip_suffix('"'));
    match inside {
        Some(inside) => word.start + 1..word.start + 1 + inside.len(),
        None => word,
    }
}
