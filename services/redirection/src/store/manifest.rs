//! The table `manifest`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sqlx::FromRow;
use storage::StoreError;
use storage::sqlite::Tx;
use vocabulary::{DeviceModel, MacAddress, ProviderId, SerialNumber, Timestamp};

use super::Column;
use super::macs::{Macs, mac_of};
use crate::manifest::Shipped;

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Imported {
    pub added: u64,
    pub replaced: u64,
}

/// How many phones one statement takes, the larger first. Each size is a statement of its own, prepared once.
const ROWS: [usize; 2] = [100, 1];

/// `INSERT` with the values of as many phones as [`ROWS`] says.
static PUT: LazyLock<[(usize, String); 2]> = LazyLock::new(|| {
    const INSERT: &str = "INSERT INTO manifest (mac, serial, model, sold_to, imported_at) VALUES ";
    // Without numbers: SQLite searches the names of all parameters for each that is bound.
    const ROW: &str = "(?, ?, ?, ?, ?)";
    const REPLACE: &str = "
        ON CONFLICT (mac) DO UPDATE
        SET serial = excluded.serial,
            model = excluded.model,
            sold_to = excluded.sold_to,
            imported_at = excluded.imported_at";

    ROWS.map(|rows| (rows, format!("{INSERT}{}{REPLACE}", vec![ROW; rows].join(", "))))
});

const COUNT: &str = "SELECT COUNT(*) FROM manifest WHERE mac IN (SELECT value FROM json_each($1))";

/// Stores what was shipped. A known phone is replaced; of a phone that is named twice the last row counts.
#[tracing::instrument(name = "db.manifest.import", level = "debug", skip_all)]
pub(crate) async fn manifest_import(tx: &mut Tx, shipped: &[Shipped], at: Timestamp) -> Result<Imported, StoreError> {
    let phones: BTreeMap<MacAddress, &Shipped> = shipped.iter().map(|shipped| (shipped.mac, shipped)).collect();
    let macs: Vec<MacAddress> = phones.keys().copied().collect();
    let known: i64 = sqlx::query_scalar(COUNT).bind(Macs::of(&macs).as_str()).fetch_one(&mut **tx).await?;
    let known = u64::try_from(known).unwrap_or_default();
    let different = u64::try_from(phones.len()).unwrap_or(u64::MAX);
    let mut rows = phones.into_values();
    for (size, statement) in PUT.iter() {
        while rows.len() >= *size {
            let put = rows.by_ref().take(*size).fold(sqlx::query(statement.as_str()), |put, shipped| {
                put.bind(shipped.mac.to_i64())
                    .bind(shipped.serial.as_ref().map(SerialNumber::as_str))
                    .bind(shipped.model.as_ref().map(DeviceModel::as_str))
                    .bind(shipped.sold_to.as_ref().map(ProviderId::as_str))
                    .bind(at.as_micros())
            });
            put.execute(&mut **tx).await?;
        }
    }
    Ok(Imported { added: different - known, replaced: known })
}

const FIND: &str = "SELECT mac, serial, model, sold_to FROM manifest WHERE mac = $1";

/// What the manifest says of the phone.
#[tracing::instrument(name = "db.manifest.find", level = "debug", skip_all, fields(device.mac = %mac))]
pub(crate) async fn manifest_find(tx: &mut Tx, mac: MacAddress) -> Result<Option<Shipped>, StoreError> {
    let row: Option<ShippedRow> = sqlx::query_as(FIND).bind(mac.to_i64()).fetch_optional(&mut **tx).await?;
    row.map(Shipped::try_from).transpose()
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
