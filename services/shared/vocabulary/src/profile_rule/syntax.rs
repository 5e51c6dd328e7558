//! Cuts a rule into alternatives, and an alternative into its parts. Works on byte ranges of the
//! text, so that secrets can be found again in the whole.

use std::ops::Range;

use super::InvalidProfileRule;

/// Where the parts of one alternative stand in the rule's text.
pub(super) struct Alternative {
    /// The text between `[` and `]`; empty where there are no options.
    pub options: Range<usize>,
    /// The URL; empty where the alternative only assigns.
    pub url: Range<usize>,
}

/// Splits at each `|` that stands outside quotation marks, brackets and parentheses.
pub(super) fn alternatives(text: &str) -> Result<Vec<Alternative>, InvalidProfileRule> {
    let pieces = pieces(text)?;
    let last = pieces.len();
    let mut found = Vec::with_capacity(last);
    for (position, piece) in (1..).zip(pieces) {
        let (alternative, parts) = cut(text, piece)?;
        if position < last && !parts.condition {
            return Err(InvalidProfileRule::Unreachable(position));
        }
        if alternative.url.is_empty() && !parts.assignment {
            return Err(InvalidProfileRule::NothingToDo(position));
        }
        found.push(alternative);
    }
    Ok(found)
}

/// Which expressions stood in front of the URL.
#[derive(Default)]
struct Expressions {
    condition: bool,
    assignment: bool,
}

fn pieces(text: &str) -> Result<Vec<Range<usize>>, InvalidProfileRule> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            // `$(MA)` is a macro and `(…)?` an expression; both close with a parenthesis.
            b'"' | b'[' | b'(' => at = closing(text, at)?,
            b'|' => {
                pieces.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    pieces.push(start..text.len());
    Ok(pieces)
}

/// The place of the partner of the opening mark at `open`. Marks inside quotation marks do not count.
fn closing(text: &str, open: usize) -> Result<usize, InvalidProfileRule> {
    let (partner, name) = match text.as_bytes().get(open) {
        Some(b'[') => (b']', "a bracket ["),
        Some(b'(') => (b')', "a parenthesis ("),
        _ => (b'"', "a quotation mark"),
    };
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate().skip(open + 1) {
        if byte == partner && !quoted {
            return Ok(at);
        }
        quoted ^= byte == b'"';
    }
    Err(InvalidProfileRule::NotClosed(name))
}

fn cut(text: &str, piece: Range<usize>) -> Result<(Alternative, Expressions), InvalidProfileRule> {
    let mut rest = trimmed(text, piece);
    let mut parts = Expressions::default();
    while text.as_bytes().get(rest.start) == Some(&b'(') && !rest.is_empty() {
        let close = closing(text, rest.start)?;
        let after = trimmed(text, close + 1..rest.end);
        match text.as_bytes().get(after.start) {
            Some(b'?') if !after.is_empty() && !parts.assignment => parts.condition = true,
            Some(b'!') if !after.is_empty() => parts.assignment = true,
            _ => return Err(InvalidProfileRule::LooseExpression),
        }
        rest = trimmed(text, after.start + 1..after.end);
    }
    let mut options = rest.start..rest.start;
    if text.as_bytes().get(rest.start) == Some(&b'[') && !rest.is_empty() {
        let close = closing(text, rest.start)?;
        options = rest.start + 1..close;
        rest = trimmed(text, close + 1..rest.end);
    }
    Ok((Alternative { options, url: rest }, parts))
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = text.get(range.clone()).unwrap_or_default();
    let start = range.start + (part.len() - part.trim_start().len());
    start..(start + part.trim().len())
}
