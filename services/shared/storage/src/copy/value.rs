//! One value of a row, as both databases have it: read, written for `COPY`, and brought to bytes for a checksum.

use std::fmt::Write as _;

use sqlx::{ColumnIndex, Database, Decode, Row, Type};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Real,
    Text,
    Bytes,
}

/// What a row has in a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'r> {
    Nothing,
    Integer(i64),
    Real(f64),
    Text(&'r str),
    Bytes(&'r [u8]),
}

/// A value that outlives its row: where a copy goes on.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mark {
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Kind {
    /// Of a column of this type on the server.
    pub fn of(data_type: &str) -> Option<Self> {
        match data_type {
            "bigint" | "integer" | "smallint" => Some(Self::Integer),
            "double precision" => Some(Self::Real),
            "text" => Some(Self::Text),
            "bytea" => Some(Self::Bytes),
            _ => None,
        }
    }

    /// How the server writes it wide enough for all integers.
    pub const fn cast(self) -> &'static str {
        match self {
            Self::Integer => "::BIGINT",
            Self::Real | Self::Text | Self::Bytes => "",
        }
    }
}

impl<'r> Value<'r> {
    /// The value at `place` of a row of either database.
    pub fn read<R>(row: &'r R, place: usize, kind: Kind) -> Result<Self, sqlx::Error>
    where
        R: Row,
        usize: ColumnIndex<R>,
        i64: Readable<'r, R::Database>,
        f64: Readable<'r, R::Database>,
        &'r str: Readable<'r, R::Database>,
        &'r [u8]: Readable<'r, R::Database>,
        Option<i64>: Readable<'r, R::Database>,
        Option<f64>: Readable<'r, R::Database>,
        Option<&'r str>: Readable<'r, R::Database>,
        Option<&'r [u8]>: Readable<'r, R::Database>,
    {
        Ok(match kind {
            Kind::Integer => row.try_get::<Option<i64>, _>(place)?.map_or(Self::Nothing, Self::Integer),
            Kind::Real => row.try_get::<Option<f64>, _>(place)?.map_or(Self::Nothing, Self::Real),
            Kind::Text => row.try_get::<Option<&str>, _>(place)?.map_or(Self::Nothing, Self::Text),
            Kind::Bytes => row.try_get::<Option<&[u8]>, _>(place)?.map_or(Self::Nothing, Self::Bytes),
        })
    }

    /// Appends it as the text format of `COPY` has it. `false` where PostgreSQL cannot keep it.
    pub fn write(self, line: &mut String) -> bool {
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Nothing => line.write_str("\\N"),
            Self::Integer(number) => write!(line, "{number}"),
            // The shortest text that is read back as the same number.
            Self::Real(number) => write!(line, "{number:?}"),
            Self::Text(text) => return escape(text, line),
            Self::Bytes(bytes) => {
                line.push_str("\\\\x");
                bytes.iter().try_for_each(|byte| write!(line, "{byte:02x}"))
            }
        };
        true
    }

    /// Appends it so that two different rows never give the same bytes: what it is, and how long.
    pub fn append(self, bytes: &mut Vec<u8>) {
        let (what, content): (u8, &[u8]) = match self {
            Self::Nothing => (0, &[]),
            Self::Integer(number) => (1, &number.to_be_bytes()),
            Self::Real(number) => (2, &number.to_bits().to_be_bytes()),
            Self::Text(text) => (3, text.as_bytes()),
            Self::Bytes(content) => (4, content),
        };
        bytes.push(what);
        bytes.extend_from_slice(&u64::try_from(content.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(content);
    }

    /// The same as a mark; nothing and fractions are in no key.
    pub fn mark(self) -> Option<Mark> {
        match self {
            Self::Nothing | Self::Real(_) => None,
            Self::Integer(number) => Some(Mark::Integer(number)),
            Self::Text(text) => Some(Mark::Text(text.to_owned())),
            Self::Bytes(bytes) => Some(Mark::Bytes(bytes.to_vec())),
        }
    }
}

/// What can be read from a row of a database.
pub(super) trait Readable<'r, DB: Database>: Decode<'r, DB> + Type<DB> {}

impl<'r, DB: Database, T: Decode<'r, DB> + Type<DB>> Readable<'r, DB> for T {}

fn escape(text: &str, line: &mut String) -> bool {
    for letter in text.chars() {
        match letter {
            '\0' => return false,
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            _ => line.push(letter),
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: Value) -> Option<String> {
        let mut line = String::new();
        value.write(&mut line).then_some(line)
    }

    #[test]
    fn values_are_written_as_copy_reads_them() {
        for (value, text) in [
            (Value::Nothing, "\\N"),
            (Value::Integer(i64::MIN), "-9223372036854775808"),
            (Value::Real(0.1), "0.1"),
            (Value::Real(1e300), "1e300"),
            (Value::Real(f64::NEG_INFINITY), "-inf"),
            (Value::Text("a\tb\\N\r\n€"), "a\\tb\\\\N\\r\\n€"),
            (Value::Text(""), ""),
            (Value::Bytes(&[0, 0xfe, b'\n']), "\\\\x00fe0a"),
            (Value::Bytes(&[]), "\\\\x"),
        ] {
            assert_eq!(written(value).as_deref(), Some(text), "{value:?}");
        }
        assert_eq!(written(Value::Text("a\0b")), None);
    }

    #[test]
    fn different_rows_have_different_bytes() {
        let bytes = |values: &[Value]| {
            let mut bytes = Vec::new();
            for value in values {
                value.append(&mut bytes);
            }
            bytes
        };
        let rows: [&[Value]; 7] = [
            &[Value::Text("ab"), Value::Text("c")],
            &[Value::Text("a"), Value::Text("bc")],
            &[Value::Bytes(b"ab"), Value::Text("c")],
            &[Value::Text(""), Value::Nothing],
            &[Value::Nothing, Value::Text("")],
            &[Value::Integer(0), Value::Nothing],
            &[Value::Real(0.0), Value::Nothing],
        ];
        for (place, row) in rows.iter().enumerate() {
            for other in &rows[place + 1..] {
                assert_ne!(bytes(row), bytes(other), "{row:?} {other:?}");
            }
        }
    }
}
