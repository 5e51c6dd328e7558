//! CSV (RFC 4180): fields with commas between, in quotation marks where they need them.

/// A row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Counts from 1; empty lines are no rows, but are counted.
    pub number: usize,
    pub fields: Vec<String>,
}

/// The text is no CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidCsv {
    #[error("row {0}: the closing quotation mark is missing")]
    Unclosed(usize),
    #[error("row {0}: behind a closing quotation mark a comma or the end of the row is expected")]
    BehindQuotation(usize),
}

/// The rows of a file. Lines end with LF or CRLF; a byte order mark is skipped.
pub(super) fn rows(text: &str) -> Result<Vec<Row>, InvalidCsv> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut rows, mut number) = (Vec::new(), 0);
    while !rest.is_empty() {
        number += 1;
        let mut fields = Vec::new();
        loop {
            let (field, behind) = next_field(rest, number)?;
            fields.push(field);
            let Some(next) = behind.strip_prefix(',') else {
                rest = behind.strip_prefix("\r\n").or(behind.strip_prefix('\n')).unwrap_or_default();
                break;
            };
            rest = next;
        }
        if fields != [""] {
            rows.push(Row { number, fields });
        }
    }
    Ok(rows)
}

/// The field at the beginning of `text`, and what follows it: a comma, the end of the line, or nothing.
fn next_field(text: &str, number: usize) -> Result<(String, &str), InvalidCsv> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\n']).unwrap_or(text.len());
        let (field, behind) = text.split_at(end);
        let line_end = field.len() - usize::from(behind.starts_with('\n') && field.ends_with('\r'));
        let (field, behind) = text.split_at(line_end);
        return Ok((field.to_owned(), behind));
    };
    let mut field = String::new();
    loop {
        let (before, behind) = rest.split_once('"').ok_or(InvalidCsv::Unclosed(number))?;
        field.push_str(before);
        match behind.strip_prefix('"') {
            // A quotation mark that belongs to the field is written twice.
            Some(behind) => {
                field.push('"');
                rest = behind;
            }
            None if behind.is_empty() || behind.starts_with([',', '\n']) || behind.starts_with("\r\n") => {
                return Ok((field, behind));
            }
            None => return Err(InvalidCsv::BehindQuotation(number)),
        }
    }
}

/// The field as it is written: in quotation marks where it needs them (RFC 4180, section 2).
pub(super) fn field(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            table in prop::collection::vec(prop::collection::vec("[a-z,\"\r\n é]{0,6}", 2..4), 0..5),
            line_end in prop::sample::select(vec!["\n", "\r\n"]),
        ) {
            // A field that ends in a lone CR is in quotation marks, so that it is not taken for a line's end.
            let line = |fields: &Vec<String>| fields.iter().map(|it| field(it)).collect::<Vec<_>>().join(",") + line_end;
            let text: String = table.iter().map(line).collect();
            let read = rows(&text).expect("rows");
            prop_assert_eq!(read.iter().map(|row| row.fields.clone()).collect::<Vec<_>>(), table);
            prop_assert!(read.iter().zip(1..).all(|(row, number)| row.number == number));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a,\"\r\n\u{feff}]{0,12}") {
            let _ = rows(&text);
        }
    }

    #[test]
    fn empty_lines_are_counted_and_are_no_rows() {
        let row = |number, fields: &[&str]| Row { number, fields: fields.iter().map(|it| (*it).to_owned()).collect() };
        assert_eq!(rows("\u{feff}a,b\r\n\r\nc,d"), Ok(vec![row(1, &["a", "b"]), row(3, &["c", "d"])]));
        assert_eq!(rows("a,"), Ok(vec![row(1, &["a", ""])]));
        assert_eq!(rows("\"a\"b"), Err(InvalidCsv::BehindQuotation(1)));
        assert_eq!(rows("a\n\"b"), Err(InvalidCsv::Unclosed(2)));
    }
}
