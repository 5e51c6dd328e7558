//! The rows of a file of phones: what its first line says of the columns, and what each line says of a phone.

use std::borrow::Cow;

use contracts::redirection::ImportedDevice;
use vocabulary::MacAddress;

use super::csv::{InvalidCsv, rows};
use super::device_import_lines::Line;
use crate::problem::Problem;

/// What a column says. Every file has the first two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Mac,
    Profile,
    Serial,
    Model,
    Note,
}

/// The columns of a file, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns(Vec<Column>);

/// Why a row is not done: a stable word, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RefusedRow {
    pub reason: Cow<'static, str>,
    pub detail: Cow<'static, str>,
}

impl Column {
    const ALL: [(&'static str, Self); 5] = [
        ("mac", Self::Mac),
        ("profile", Self::Profile),
        ("serial", Self::Serial),
        ("model", Self::Model),
        ("note", Self::Note),
    ];

    fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim())).map(|(_, column)| column)
    }
}

impl Columns {
    /// What the first line says.
    pub fn of(line: &Line) -> Result<Self, Problem> {
        let invalid = || {
            let sentence = "the first line names the columns: mac and profile, and where they are known serial, model \
                            and note, such as mac,profile,serial,model,note";
            Problem::malformed("invalid_header", sentence)
        };
        let fields = fields(line).ok().flatten().ok_or_else(invalid)?;
        let columns: Option<Vec<Column>> = fields.iter().map(|field| Column::named(field)).collect();
        let columns = columns.ok_or_else(invalid)?;
        let is_once = |column: &Column| columns.iter().filter(|other| *other == column).count() == 1;
        if columns.iter().all(is_once) && is_once(&Column::Mac) && is_once(&Column::Profile) {
            return Ok(Self(columns));
        }
        Err(invalid())
    }

    /// What a line says of a phone; `None` where it is empty. Texts are checked by the service.
    pub fn row(&self, line: &Line) -> Result<Option<ImportedDevice>, RefusedRow> {
        let Some(fields) = fields(line)? else { return Ok(None) };
        if fields.len() != self.0.len() {
            let detail = format!("expected {} fields as in the first line, not {}", self.0.len(), fields.len());
            return Err(RefusedRow::new("invalid_row", detail));
        }
        let mut device = ImportedDevice::default();
        for (column, text) in self.0.iter().zip(fields) {
            match column {
                Column::Mac => device.mac = address(&text)?,
                Column::Profile => device.profile = text,
                Column::Serial => device.serial = text,
                Column::Model => device.model = text,
                Column::Note => device.note = text,
            }
        }
        Ok(Some(device))
    }
}

fn address(text: &str) -> Result<u64, RefusedRow> {
    let mac = text.trim().parse::<MacAddress>().map_err(|fault| RefusedRow::new("invalid_mac", fault.to_string()))?;
    Ok(mac.to_u64())
}

/// The fields of a line; `None` where it is empty.
fn fields(line: &Line) -> Result<Option<Vec<String>>, RefusedRow> {
    let invalid = |detail| RefusedRow::new("invalid_row", detail);
    let text = line.text.as_ref().ok_or_else(|| invalid("the row is longer than any; check its quotation marks"))?;
    let text = std::str::from_utf8(text).map_err(|_| invalid("the row is not UTF-8; save the file as such"))?;
    let row = rows(text).map_err(|fault| match fault {
        InvalidCsv::Unclosed(_) => invalid("a quotation mark is not closed; a row has one line"),
        InvalidCsv::BehindQuotation(_) => invalid("behind a closing quotation mark a comma is expected"),
    })?;
    Ok(row.into_iter().next().map(|row| row.fields))
}

impl RefusedRow {
    fn new(reason: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), detail: detail.into() }
    }

    /// Of a phone that another row has named.
    pub fn repeated() -> Self {
        Self::new("repeated_mac", "an earlier row names this phone too, and that one counts; keep one of them")
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn line(text: &'static str) -> Line {
        Line { number: 1, text: Some(Bytes::from_static(text.as_bytes())) }
    }

    fn columns(text: &'static str) -> Columns {
        Columns::of(&line(text)).expect("columns")
    }

    #[test]
    fn columns_come_in_any_order_and_some_may_be_missing() {
        let row = columns("\u{feff}Profile, note ,mac").row(&line("Main,\"desk, 2\",00:04:F2:AA:BB:CC"));
        let device = ImportedDevice {
            mac: 0x0004_f2aa_bbcc,
            profile: "Main".to_owned(),
            note: "desk, 2".to_owned(),
            ..ImportedDevice::default()
        };
        assert_eq!(row, Ok(Some(device)));
        for bad in ["", "mac", "mac,profile,mac", "mac,profile,color", "0004f2aabbcc,Main", "profile,serial", "\"mac"] {
            assert_eq!(
                Columns::of(&line(bad)).map_err(|problem| problem.reason),
                Err("invalid_header".to_owned()),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_row_that_says_nothing_is_refused_by_name() {
        let columns = columns("mac,profile");
        assert_eq!(columns.row(&line("")), Ok(None));
        for (bad, reason) in [
            ("0004f2aabbcc", "invalid_row"),
            ("0004f2aabbcc,Main,", "invalid_row"),
            ("\"0004f2aabbcc,Main", "invalid_row"),
            ("\"0004f2aabbcc\"x,Main", "invalid_row"),
            ("x,Main", "invalid_mac"),
            (",Main", "invalid_mac"),
        ] {
            assert_eq!(columns.row(&line(bad)).map_err(|refused| refused.reason), Err(reason.into()), "{bad}");
        }
        let no_text = Line { number: 1, text: Some(Bytes::from_static(b"\xff,Main")) };
        assert!(columns.row(&no_text).is_err() && columns.row(&Line { number: 1, text: None }).is_err());
    }
}
