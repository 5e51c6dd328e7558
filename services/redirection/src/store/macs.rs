//! Phones as the one parameter of a statement: `mac IN (SELECT value FROM json_each($1))`.

use vocabulary::MacAddress;

use super::Column;
use storage::StoreError;

/// Addresses as a JSON array of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Macs(String);

impl Macs {
    /// Those of `macs`.
    pub fn of(macs: &[MacAddress]) -> Self {
        let numbers: Vec<String> = macs.iter().map(|mac| mac.to_u64().to_string()).collect();
        Self(format!("[{}]", numbers.join(",")))
    }

    /// What is bound.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The address stored as `mac`.
pub(super) fn mac_of(table: &'static str, mac: i64) -> Result<MacAddress, StoreError> {
    MacAddress::from_u64(mac.cast_unsigned()).map_err(|_| Column { table, column: "mac" }.impossible())
}
