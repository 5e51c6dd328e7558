//! The table `manifest`.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use sqlx::{FromRow, PgConnection, SqliteConnection};
use storage::{Connection, StoreError, Tx, on};
use vocabulary::{DeviceModel, MacAddress, ProviderId, SerialNumber, Timestamp};

use super::Column;
use super::macs::{Both, Dialect, Macs, both, mac_of};
use crate::manifest::Shipped;

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Imported {
    pub added: u64,
    pub replaced: u64,
}

const COUNT: Both = both!("SELECT COUNT(*) FROM manifest WHERE mac IN (SELECT value FROM ", ")");

/// Stores what was shipped. A known phone is replaced; of a phone that is named twice the last row counts.
#[tracing::instrument(name = "db.manifest.import", level = "debug", skip_all)]
pub(crate) async fn manifest_import(tx: &mut Tx, shipped: &[Shipped], at: Timestamp) -> Result<Imported, StoreError> {
    let phones: BTreeMap<MacAddress, &Shipped> = shipped.iter().map(|shipped| (shipped.mac, shipped)).collect();
    let macs = Macs::of(&phones.keys().copied().collect::<Vec<_>>());
    let phones: Vec<&Shipped> = phones.into_values().collect();
    let known: i64 = on!(tx, conn => {
        sqlx::query_scalar(conn.text(&COUNT)).bind(conn.numbers(&macs)).fetch_one(conn).await?
    });
    let known = u64::try_from(known).unwrap_or_default();
    match tx.connection() {
        Connection::Sqlite(conn) => put_on_sqlite(conn, &phones, at).await?,
        Connection::Postgres(conn) => put_on_postgres(conn, &phones, at).await?,
    }
    let different = u64::try_from(phones.len()).unwrap_or(u64::MAX);
    Ok(Imported { added: different - known, replaced: known })
}

macro_rules! replace {
    () => {
        "
        ON CONFLICT (mac) DO UPDATE
        SET serial = excluded.serial,
            model = excluded.model,
            sold_to = excluded.sold_to,
            imported_at = excluded.imported_at"
    };
}

/// How many phones one statement takes, the larger first. Each size is a statement of its own, prepared once.
const ROWS: [usize; 2] = [100, 1];

/// `INSERT` with the values of as many phones as [`ROWS`] says.
static PUT_ON_SQLITE: LazyLock<[(usize, String); 2]> = LazyLock::new(|| {
    const INSERT: &str = "INSERT INTO manifest (mac, serial, model, sold_to, imported_at) VALUES ";
    // Without numbers: SQLite searches the names of all parameters for each that is bound.
    const ROW: &str = "(?, ?, ?, ?, ?)";

    ROWS.map(|rows| (rows, format!("{INSERT}{}{}", vec![ROW; rows].join(", "), replace!())))
});

async fn put_on_sqlite(conn: &mut SqliteConnection, phones: &[&Shipped], at: Timestamp) -> Result<(), StoreError> {
    let mut phones = phones.iter();
    for (size, statement) in PUT_ON_SQLITE.iter() {
        while phones.len() >= *size {
            let put = sqlx::query(statement.as_str());
            let put = phones.by_ref().take(*size).fold(put, |put, shipped| {
                let (serial, model, sold_to) = texts(shipped);
                put.bind(shipped.mac.to_i64()).bind(serial).bind(model).bind(sold_to).bind(at.as_micros())
            });
            put.execute(&mut *conn).await?;
        }
    }
    Ok(())
}

const PUT_ON_POSTGRES: &str = concat!(
    "
    INSERT INTO manifest (mac, serial, model, sold_to, imported_at)
    SELECT mac, serial, model, sold_to, $5
    FROM UNNEST($1::BIGINT[], $2::TEXT[], $3::TEXT[], $4::TEXT[]) AS new (mac, serial, model, sold_to)",
    replace!()
);

async fn put_on_postgres(conn: &mut PgConnection, phones: &[&Shipped], at: Timestamp) -> Result<(), StoreError> {
    let macs: Vec<i64> = phones.iter().map(|shipped| shipped.mac.to_i64()).collect();
    let (mut serials, mut models, mut buyers) = (Vec::new(), Vec::new(), Vec::new());
    for (serial, model, sold_to) in phones.iter().map(|shipped| texts(shipped)) {
        serials.push(serial);
        models.push(model);
        buyers.push(sold_to);
    }
    let put = sqlx::query(PUT_ON_POSTGRES).bind(macs).bind(serials).bind(models).bind(buyers).bind(at.as_micros());
    put.execute(conn).await?;
    Ok(())
}

/// Serial number, model, and whom it was sold to.
fn texts(shipped: &Shipped) -> (Option<&str>, Option<&str>, Option<&str>) {
    let serial = shipped.serial.as_ref().map(SerialNumber::as_str);
    let model = shipped.model.as_ref().map(DeviceModel::as_str);
    (serial, model, shipped.sold_to.as_ref().map(ProviderId::as_str))
}

const FIND: &str = "SELECT mac, serial, model, sold_to FROM manifest WHERE mac = $1";

/// What the manifest says of the phone.
#[tracing::instrument(name = "db.manifest.find", level = "debug", skip_all, fields(device.mac = %mac))]
pub(crate) async fn manifest_find(tx: &mut Tx, mac: MacAddress) -> Result<Option<Shipped>, StoreError> {
    let row: Option<ShippedRow> = on!(tx, conn => sqlx::query_as(FIND).bind(mac.to_i64()).fetch_optional(conn).await?);
    row.map(Shipped::try_from).transpose()
}

const AMONG: Both = both!("SELECT mac, serial, model, sold_to FROM manifest WHERE mac IN (SELECT value FROM ", ")");

/// What the manifest says of the phones.
#[tracing::instrument(name = "db.manifest.among", level = "debug", skip_all)]
pub(super) async fn manifest_among(tx: &mut Tx, macs: &Macs) -> Result<HashMap<MacAddress, Shipped>, StoreError> {
    let rows: Vec<ShippedRow> = on!(tx, conn => {
        sqlx::query_as(conn.text(&AMONG)).bind(conn.numbers(macs)).fetch_all(conn).await?
    });
    let shipped = |row| Shipped::try_from(row).map(|shipped| (shipped.mac, shipped));
    rows.into_iter().map(shipped).collect()
}

#[derive(FromRow)]
struct ShippedRow {
    mac: i64,
    serial: Option<String>,
    model: Option<String>,
    sold_to: Option<String>,
}

impl TryFrom<ShippedRow> for Shipped {
    type Error = StoreError;

    fn try_from(row: ShippedRow) -> Result<Self, StoreError> {
        let column = |column| Column { table: "manifest", column };
        Ok(Self {
            mac: mac_of("manifest", row.mac)?,
            serial: row.serial.map(|serial| column("serial").parse(&serial)).transpose()?,
            model: row.model.map(|model| column("model").parse(&model)).transpose()?,
            sold_to: row.sold_to.map(|sold_to| column("sold_to").parse(&sold_to)).transpose()?,
        })
    }
}
