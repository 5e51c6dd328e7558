//! Calls about many phones at once.

use contracts::redirection::{
    AssociatedDevices, ImportDevicesRequest, ImportDevicesResponse, ImportedDevice, RefusedDevice,
};
use rpc::Refusal;

use crate::change::{By, ImportDone};
use crate::import::{Claimant, RefusedRow, RowText, Rows};
use crate::refusal::DeviceRefused;
use crate::{Redirection, wire};

impl Redirection {
    pub(super) async fn on_import_devices(
        &self,
        request: ImportDevicesRequest,
        by: By,
    ) -> Result<ImportDevicesResponse, DeviceRefused> {
        let claimant = Claimant {
            provider: wire::devices_owner(&request.provider_id)?,
            ancestors: wire::ids(&request.ancestors).map_err(DeviceRefused::InvalidAncestor)?,
        };
        let rows = Rows::parse(request.devices.into_iter().map(row).collect())?;
        let done = if request.dry_run {
            self.devices_import_dry(&claimant, rows).await?
        } else {
            self.devices_import(claimant, rows, by).await?
        };
        Ok(done.into())
    }
}

fn row(device: ImportedDevice) -> RowText {
    let ImportedDevice { mac, profile, serial, model, note } = device;
    RowText { mac, profile, serial, model, note }
}

impl From<ImportDone> for ImportDevicesResponse {
    fn from(done: ImportDone) -> Self {
        let associated = done.associated.into_iter().map(|(profile, macs)| AssociatedDevices {
            profile_id: profile.to_string(),
            macs: macs.into_iter().map(vocabulary::MacAddress::to_u64).collect(),
        });
        Self {
            created: u64::try_from(done.created).unwrap_or(u64::MAX),
            changed: u64::try_from(done.changed).unwrap_or(u64::MAX),
            unchanged: done.unchanged,
            refused: done.refused.into_iter().map(refused).collect(),
            associated: associated.collect(),
        }
    }
}

fn refused((number, error): RefusedRow) -> RefusedDevice {
    RefusedDevice {
        row: u32::try_from(number).unwrap_or(u32::MAX),
        reason: error.reason().to_owned(),
        message: error.to_string(),
    }
}
