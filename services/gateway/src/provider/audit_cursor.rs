//! Where a reader of the audit log stands: in each of the services' logs, the number of the last act it
//! was shown. A text that means nothing to anybody else.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// How many logs there are.
pub(super) const LOGS: usize = 4;

/// What the next page of each log is asked for with: only acts numbered below this. 0 begins with the
/// newest, 1 is the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cursor(pub [u64; LOGS]);

/// Below the first act, there is none.
const END: u64 = 1;

/// The text is none of our cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the next of the page before")]
pub(super) struct InvalidCursor;

impl Cursor {
    /// Whether this log holds no more.
    pub fn is_at_end(self, log: usize) -> bool {
        self.0.get(log).is_none_or(|before| *before == END)
    }

    /// Whether no log holds more.
    pub fn is_over(self) -> bool {
        (0..LOGS).all(|log| self.is_at_end(log))
    }

    /// Goes on below this act.
    pub fn go_to(&mut self, log: usize, number: u64) {
        if let Some(before) = self.0.get_mut(log) {
            *before = number;
        }
    }

    /// This log holds no more.
    pub fn end(&mut self, log: usize) {
        self.go_to(log, END);
    }

    /// As it is given out.
    pub fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.map(u64::to_be_bytes).concat())
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let (numbers, rest) = bytes.as_chunks::<8>();
        let numbers: Vec<u64> = numbers.iter().copied().map(u64::from_be_bytes).collect();
        if !rest.is_empty() {
            return Err(InvalidCursor);
        }
        numbers.try_into().map(Self).map_err(|_| InvalidCursor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_comes_back(numbers in any::<[u64; LOGS]>()) {
            let cursor = Cursor(numbers);
            prop_assert_eq!(cursor.text().parse(), Ok(cursor));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,48}") {
            let _ = text.parse::<Cursor>();
        }
    }

    #[test]
    fn it_ends_when_every_log_has() {
        let mut cursor = Cursor::default();
        assert!(!cursor.is_over());
        for log in 0..LOGS {
            assert!(!cursor.is_at_end(log));
            cursor.end(log);
        }
        assert!(cursor.is_over());
        for bad in ["", "AAAA", "=", &Cursor::default().text()[1..]] {
            assert_eq!(bad.parse::<Cursor>(), Err(InvalidCursor), "{bad}");
        }
    }
}
