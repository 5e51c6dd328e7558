//! What became of a file of phones.

use serde::Serialize;

use super::device_import_rows::RefusedRow;

/// How many refused rows are named; the others are counted.
const NAMED: usize = 1_000;

/// What was done, or would be done.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    pub dry_run: bool,
    /// Phones that were not the provider's registered ones before.
    pub created: u64,
    pub changed: u64,
    pub unchanged: u64,
    refused: usize,
    /// The first of those that were refused.
    refused_rows: Vec<RefusedView>,
    /// Phones that were heard of before, maybe, and on whose timelines the import is not noted.
    pub not_noted: usize,
    /// Up to where the file was done.
    #[serde(skip)]
    pub line: usize,
}

#[derive(Debug, Serialize)]
struct RefusedView {
    line: usize,
    reason: String,
    detail: String,
}

impl Summary {
    /// Takes note of a row that is refused.
    pub fn refuse(&mut self, line: usize, row: RefusedRow) {
        self.refused += 1;
        if self.refused_rows.len() < NAMED {
            let RefusedRow { reason, detail } = row;
            self.refused_rows.push(RefusedView { line, reason: reason.into_owned(), detail: detail.into_owned() });
        }
    }

    /// What was done so far, as part of a sentence.
    pub fn so_far(&self) -> String {
        let Self { line, created, changed, unchanged, refused, .. } = self;
        format!(
            "up to line {line} the file was imported ({created} created, {changed} changed, {unchanged} unchanged, \
             {refused} refused)"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_refused_rows_are_named_and_the_others_counted() {
        let mut summary = Summary::default();
        for line in 2..2_000 {
            summary.refuse(line, RefusedRow::repeated());
        }
        assert_eq!((summary.refused, summary.refused_rows.len()), (1_998, NAMED));
        assert_eq!(summary.refused_rows[0].line, 2);
        let json = serde_json::to_value(&summary).expect("JSON");
        assert_eq!(json["refused_rows"][0]["reason"], "repeated_mac");
        assert_eq!((json["dry_run"].as_bool(), json["line"].as_u64()), (Some(false), None));
    }
}
