//! The call about phones' keys.

use contracts::redirection::{SetDeviceKeyRequest, SetDeviceKeyResponse};

use crate::change::By;
use crate::refusal::DeviceRefused;
use crate::store::NewKey;
use crate::{Redirection, wire};

impl Redirection {
    pub(super) async fn on_set_device_key(
        &self,
        request: SetDeviceKeyRequest,
        by: By,
    ) -> Result<SetDeviceKeyResponse, DeviceRefused> {
        let new = NewKey {
            provider: wire::devices_owner(&request.provider_id)?,
            mac: wire::mac(request.mac)?,
            key: wire::seal_key(request.format, request.key)?,
            at: by.at,
        };
        let device = self.device_key_set(new, by).await?;
        Ok(SetDeviceKeyResponse { device: Some(device.into()) })
    }
}
