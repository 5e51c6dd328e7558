//! The tables of a service, as the databases themselves describe them, in an order in which they can be filled.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{PgConnection, SqliteConnection};

use super::refusal::CopyError;
use super::value::Kind;

/// What is not copied: what sqlx notes of migrations, which is the target's own.
const NOT_COPIED: [&str; 2] = ["_sqlx_migrations", super::MARKER];

/// A table, and how it is read in the order of its key.
#[derive(Debug)]
pub(super) struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// The places of the columns of its key among its columns, in the key's order.
    pub key: Vec<usize>,
    /// Whether its rows point to one another, so that all are to be there at once.
    pub points_to_itself: bool,
}

#[derive(Debug)]
pub(super) struct Column {
    pub name: String,
    pub kind: Kind,
    /// Whether the server numbers its rows.
    pub is_numbered: bool,
}

const COLUMNS: &str = "
    SELECT c.table_name::TEXT, c.column_name::TEXT, c.data_type::TEXT, c.is_identity::TEXT = 'YES'
    FROM information_schema.columns AS c
    JOIN information_schema.tables AS t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
    WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.is_generated = 'NEVER'
    ORDER BY c.table_name, c.ordinal_position";
const KEYS: &str = "
    SELECT t.relname::TEXT, a.attname::TEXT
    FROM pg_index AS i
    JOIN pg_class AS t ON t.oid = i.indrelid
    CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (number, place)
    JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.number
    WHERE i.indisprimary AND t.relnamespace = current_schema()::regnamespace
    ORDER BY t.relname, k.place";
const REFERENCES: &str = "
    SELECT t.relname::TEXT, o.relname::TEXT
    FROM pg_constraint AS c
    JOIN pg_class AS t ON t.oid = c.conrelid
    JOIN pg_class AS o ON o.oid = c.confrelid
    WHERE c.contype = 'f' AND t.relnamespace = current_schema()::regnamespace";
/// Columns that are computed from others are hidden 2 and 3.
const COLUMNS_OF_FILE: &str = "
    SELECT t.name, c.name
    FROM pragma_table_list AS t, pragma_table_xinfo(t.name) AS c
    WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND c.hidden = 0";

/// The tables of the two databases, those that others point to before those. Refused where they are not the same.
pub(super) async fn tables(source: &mut SqliteConnection, target: &mut PgConnection) -> Result<Vec<Table>, CopyError> {
    let mut tables = of_server(target).await?;
    let in_file: Vec<(String, String)> = sqlx::query_as(COLUMNS_OF_FILE).fetch_all(source).await?;
    let in_file: BTreeSet<(String, String)> =
        in_file.into_iter().filter(|(table, _)| !NOT_COPIED.contains(&table.as_str())).collect();
    let on_server: BTreeSet<(String, String)> = tables
        .values()
        .flat_map(|table| table.columns.iter().map(|column| (table.name.clone(), column.name.clone())))
        .collect();
    if let Some((table, column)) = in_file.symmetric_difference(&on_server).next() {
        return Err(CopyError::Tables(format!("only one of the two databases has {table}.{column}")));
    }
    let references: Vec<(String, String)> = sqlx::query_as(REFERENCES).fetch_all(target).await?;
    for (table, _) in references.iter().filter(|(table, other)| table == other) {
        if let Some(table) = tables.get_mut(table) {
            table.points_to_itself = true;
        }
    }
    in_order(tables, &references)
}

async fn of_server(target: &mut PgConnection) -> Result<BTreeMap<String, Table>, CopyError> {
    let columns: Vec<(String, String, String, bool)> = sqlx::query_as(COLUMNS).fetch_all(&mut *target).await?;
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for (name, column, data_type, is_numbered) in columns {
        if NOT_COPIED.contains(&name.as_str()) {
            continue;
        }
        let Some(kind) = Kind::of(&data_type) else {
            return Err(CopyError::Tables(format!("{name}.{column} is of the type {data_type}, which is not known")));
        };
        let empty = Table { name: name.clone(), columns: Vec::new(), key: Vec::new(), points_to_itself: false };
        tables.entry(name).or_insert(empty).columns.push(Column { name: column, kind, is_numbered });
    }
    let keys: Vec<(String, String)> = sqlx::query_as(KEYS).fetch_all(target).await?;
    for (table, column) in keys {
        let Some(table) = tables.get_mut(&table) else { continue };
        table.key.extend(table.columns.iter().position(|it| it.name == column));
    }
    match tables.values().find(|table| table.key.is_empty()) {
        Some(table) => Err(CopyError::Tables(format!("{} has no primary key", table.name))),
        None => Ok(tables),
    }
}

/// Takes away, again and again, the tables that point to none that is left.
fn in_order(mut left: BTreeMap<String, Table>, references: &[(String, String)]) -> Result<Vec<Table>, CopyError> {
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let waits =
            |name: &String| references.iter().any(|(from, to)| from == name && from != to && left.contains_key(to));
        let ready: Vec<String> = left.keys().filter(|name| !waits(name)).cloned().collect();
        if ready.is_empty() {
            let names: Vec<&str> = left.keys().map(String::as_str).collect();
            return Err(CopyError::Tables(format!("{} point to one another", names.join(", "))));
        }
        ordered.extend(ready.iter().filter_map(|name| left.remove(name)));
    }
    Ok(ordered)
}

impl Table {
    /// Its name, as statements write it.
    pub fn quoted(&self) -> String {
        quoted(&self.name)
    }

    /// All its columns.
    pub fn list(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| quoted(&column.name)).collect();
        names.join(", ")
    }

    /// The columns of its key.
    pub fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.key.iter().filter_map(|place| self.columns.get(*place))
    }

    /// Reads a file in the order of the key.
    pub fn of_file(&self) -> String {
        self.of_file_where("")
    }

    /// The same from behind a mark, whose values are `$1`, `$2` ….
    pub fn of_file_behind_mark(&self) -> String {
        let marks: Vec<String> = (1..=self.key.len()).map(|place| format!("${place}")).collect();
        self.of_file_where(&format!("WHERE ({}) > ({}) ", self.key_in_file(), marks.join(", ")))
    }

    fn of_file_where(&self, condition: &str) -> String {
        format!("SELECT {} FROM {} {condition}ORDER BY {}", self.list(), self.quoted(), self.key_in_file())
    }

    fn key_in_file(&self) -> String {
        let key: Vec<String> = self.key_columns().map(|column| in_byte_order(column, "BINARY")).collect();
        key.join(", ")
    }

    /// Reads a server in the same order.
    pub fn on_server(&self) -> String {
        let list: Vec<String> = self.columns.iter().map(|it| quoted(&it.name) + it.kind.cast()).collect();
        let key: Vec<String> = self.key_columns().map(|column| in_byte_order(column, "\"C\"")).collect();
        format!("SELECT {} FROM {} ORDER BY {}", list.join(", "), self.quoted(), key.join(", "))
    }

    /// The last key on a server.
    pub fn last_on_server(&self) -> String {
        let list: Vec<String> = self.key_columns().map(|it| quoted(&it.name) + it.kind.cast()).collect();
        let key: Vec<String> = self.key_columns().map(|column| in_byte_order(column, "\"C\"") + " DESC").collect();
        format!("SELECT {} FROM {} ORDER BY {} LIMIT 1", list.join(", "), self.quoted(), key.join(", "))
    }
}

/// A name, as statements write it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Texts by their bytes, whatever the order of the database is: the two must agree.
fn in_byte_order(column: &Column, collation: &str) -> String {
    match column.kind {
        Kind::Text => format!("{} COLLATE {collation}", quoted(&column.name)),
        Kind::Integer | Kind::Real | Kind::Bytes => quoted(&column.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> Table {
        let column = |name: &str, kind| Column { name: name.to_owned(), kind, is_numbered: false };
        Table {
            name: name.to_owned(),
            columns: vec![column("note", Kind::Text), column("id", Kind::Text), column("number", Kind::Integer)],
            key: vec![1, 2],
            points_to_itself: false,
        }
    }

    fn names(references: &[(&str, &str)]) -> Result<Vec<String>, CopyError> {
        let tables = ["a", "b", "c"].map(|name| (name.to_owned(), table(name))).into();
        let references: Vec<_> = references.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        Ok(in_order(tables, &references)?.into_iter().map(|table| table.name).collect())
    }

    #[test]
    fn those_that_others_point_to_come_first() {
        assert_eq!(names(&[]).expect("an order"), ["a", "b", "c"]);
        assert_eq!(names(&[("a", "b"), ("b", "c"), ("b", "b")]).expect("an order"), ["c", "b", "a"]);
        let error = names(&[("a", "b"), ("b", "a")]).expect_err("none");
        assert!(error.to_string().contains("a, b point to one another"), "{error}");
    }

    #[test]
    fn both_are_read_in_one_order() {
        let table = table("a");
        assert_eq!(
            table.of_file_behind_mark(),
            "SELECT \"note\", \"id\", \"number\" FROM \"a\" WHERE (\"id\" COLLATE BINARY, \"number\") > ($1, $2) \
             ORDER BY \"id\" COLLATE BINARY, \"number\""
        );
        assert_eq!(
            table.on_server(),
            "SELECT \"note\", \"id\", \"number\"::BIGINT FROM \"a\" ORDER BY \"id\" COLLATE \"C\", \"number\""
        );
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
