//! The lines of a file that arrives in parts. No row of a phone goes over a line's end, so that a broken one harms
//! no other.

use bytes::{Bytes, BytesMut};

/// The longest line: a note of 500 characters, each of four bytes, and the rest, with room to spare.
const LONGEST: usize = 8 * 1024;

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Counts from 1.
    pub number: usize,
    /// `None` for one that is too long.
    pub text: Option<Bytes>,
}

/// What has arrived and was not looked at yet.
#[derive(Default)]
pub(super) struct Lines {
    waiting: BytesMut,
    /// How much of it has no line's end.
    searched: usize,
    /// Whether its beginning was thrown away.
    is_cut: bool,
    number: usize,
}

impl Line {
    /// In bytes.
    pub fn length(&self) -> usize {
        self.text.as_ref().map_or(0, Bytes::len)
    }
}

impl Lines {
    /// Takes the next part of the file.
    pub fn take(&mut self, part: &[u8]) {
        self.waiting.extend_from_slice(part);
    }

    /// The next line that is complete.
    pub fn next_line(&mut self) -> Option<Line> {
        let unsearched = self.waiting.get(self.searched..).unwrap_or_default();
        let Some(place) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.waiting.len();
            if self.searched > LONGEST {
                self.waiting.clear();
                (self.searched, self.is_cut) = (0, true);
            }
            return None;
        };
        let mut text = self.waiting.split_to(self.searched + place + 1);
        text.truncate(text.len() - 1);
        Some(self.line(text))
    }

    /// What stands behind the last line's end.
    pub fn rest(&mut self) -> Option<Line> {
        let text = std::mem::take(&mut self.waiting);
        (!text.is_empty() || self.is_cut).then(|| self.line(text))
    }

    fn line(&mut self, mut text: BytesMut) -> Line {
        self.number += 1;
        self.searched = 0;
        let is_cut = std::mem::take(&mut self.is_cut);
        if text.ends_with(b"\r") {
            text.truncate(text.len() - 1);
        }
        Line { number: self.number, text: (!is_cut && text.len() <= LONGEST).then(|| text.freeze()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(parts: &[&[u8]]) -> Vec<Line> {
        let (mut lines, mut read) = (Lines::default(), Vec::new());
        for part in parts {
            lines.take(part);
            read.extend(std::iter::from_fn(|| lines.next_line()));
        }
        read.extend(lines.rest());
        read
    }

    fn texts(lines: Vec<Line>) -> Vec<Option<String>> {
        assert!(lines.iter().zip(1..).all(|(line, number)| line.number == number));
        lines.into_iter().map(|line| line.text.map(|text| String::from_utf8_lossy(&text).into_owned())).collect()
    }

    #[test]
    fn both_line_ends_are_taken_and_the_last_may_be_missing() {
        let read = texts(lines(&[b"a\r", b"\n\nb\nc"]));
        assert_eq!(read, ["a", "", "b", "c"].map(|text| Some(text.to_owned())));
        assert_eq!(texts(lines(&[b"a\n"])), [Some("a".to_owned())]);
        assert!(lines(&[b""]).is_empty());
    }

    #[test]
    fn a_line_that_is_too_long_is_thrown_away_and_counted() {
        let long = vec![b'x'; LONGEST];
        let fits = [long.as_slice(), b"\nb"].concat();
        assert_eq!(texts(lines(&[&fits]))[1].as_deref(), Some("b"));
        for parts in [vec![[long.as_slice(), b"x\nb\n"].concat()], vec![long.clone(), long, b"\nb".to_vec()]] {
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            assert_eq!(texts(lines(&parts)), [None, Some("b".to_owned())]);
        }
        let mut lines = Lines::default();
        for _ in 0..1_000 {
            lines.take(&[b'x'; 1_000]);
            assert!(lines.next_line().is_none() && lines.waiting.len() <= LONGEST);
        }
    }

    proptest! {
        #[test]
        fn however_it_is_cut_it_is_the_same_file(
            file in "[a\r\n]{0,40}",
            cuts in prop::collection::vec(0..40usize, 0..6),
        ) {
            let whole = texts(lines(&[file.as_bytes()]));
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(file.len())).collect();
            cuts.extend([0, file.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|ends| &file.as_bytes()[ends[0]..ends[1]]).collect();
            prop_assert_eq!(texts(lines(&parts)), whole);
        }
    }
}
