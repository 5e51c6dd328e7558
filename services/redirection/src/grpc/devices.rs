//! Calls about phones.

use contracts::redirection as message;
use contracts::redirection::{
    DeleteDeviceRequest, DeleteDeviceResponse, GetDeviceRequest, GetDeviceResponse, GetOwnershipRequest,
    GetOwnershipResponse, ListDevicesRequest, ListDevicesResponse, MoveDevicesRequest, MoveDevicesResponse,
    PutDeviceRequest, PutDeviceResponse, SetHoldRequest, SetHoldResponse,
};
use vocabulary::{MacAddress, ProviderId};

use crate::assignment::{Claim, Description};
use crate::change::{By, Hold, Move, MovedPhones, Which};
use crate::listing::{DeviceFilters, DeviceQuery, PageSize, SearchText};
use crate::ownership::Ownership;
use crate::phones::Phones;
use crate::refusal::{DeviceRefused, PhonesRefused};
use crate::store::{self, Put};
use crate::{Redirection, wire};

/// The most addresses that one answer names.
const MOST_TOLD: usize = 10_000;

impl Redirection {
    pub(super) async fn on_put_device(
        &self,
        request: PutDeviceRequest,
        by: By,
    ) -> Result<PutDeviceResponse, DeviceRefused> {
        let claim = Claim {
            mac: wire::mac(request.mac)?,
            provider: wire::devices_owner(&request.provider_id)?,
            description: Description::parse(&request.serial, &request.model, &request.note)?,
            profile: request.profile,
            ancestors: wire::ids(&request.ancestors).map_err(DeviceRefused::InvalidAncestor)?,
        };
        let Put { assignment, before, .. } = self.device_put(claim, by).await?;
        let (created, moved) = (before.is_none(), before.as_ref() != Some(&assignment.profile));
        Ok(PutDeviceResponse { device: Some(assignment.into()), created, moved })
    }

    pub(super) async fn on_get_device(&self, request: GetDeviceRequest) -> Result<GetDeviceResponse, DeviceRefused> {
        let (provider, mac) = (wire::devices_owner(&request.provider_id)?, wire::mac(request.mac)?);
        if let Some(found) = store::device_find(self.db.read().await?.connection(), &provider, mac).await? {
            return Ok(GetDeviceResponse { device: Some(found.into()) });
        }
        // Another's exact registration goes before the provider's block.
        if store::owner_find(self.db.read().await?.connection(), mac).await? != Some(provider) {
            return Err(DeviceRefused::Unknown);
        }
        let range =
            store::range_covering(self.db.read().await?.connection(), mac).await?.ok_or(DeviceRefused::Unknown)?;
        Ok(GetDeviceResponse { device: Some(wire::device_of_range(mac, &range)) })
    }

    pub(super) async fn on_list_devices(
        &self,
        request: ListDevicesRequest,
    ) -> Result<ListDevicesResponse, DeviceRefused> {
        let query = DeviceQuery {
            provider: wire::devices_owner(&request.provider_id)?,
            after: request.after,
            size: PageSize::parse(request.limit)?,
            filters: DeviceFilters {
                profile_id: request.profile_id,
                model: request.model,
                text: SearchText::parse(&request.text)?,
            },
        };
        let page = store::device_list(&self.db, &query).await?;
        Ok(ListDevicesResponse { devices: page.items.into_iter().map(Into::into).collect(), more: page.more })
    }

    pub(super) async fn on_delete_device(
        &self,
        request: DeleteDeviceRequest,
        by: By,
    ) -> Result<DeleteDeviceResponse, DeviceRefused> {
        let (provider, mac) = (wire::devices_owner(&request.provider_id)?, wire::mac(request.mac)?);
        let (provider_id, profile_id) = match self.device_delete(provider, mac, by).await? {
            Some((provider, profile)) => (provider.to_string(), profile.to_string()),
            None => Default::default(),
        };
        Ok(DeleteDeviceResponse { provider_id, profile_id })
    }

    pub(super) async fn on_get_ownership(
        &self,
        request: GetOwnershipRequest,
    ) -> Result<GetOwnershipResponse, DeviceRefused> {
        let (reader, mac) = (wire::reader(&request.provider_id), wire::mac(request.mac)?);
        let reader = reader.map_err(DeviceRefused::InvalidProvider)?;
        if let Some(provider) = &reader {
            store::device_find(self.db.read().await?.connection(), provider, mac)
                .await?
                .ok_or(DeviceRefused::Unknown)?;
        }
        let history = store::ownership_list(self.db.read().await?.connection(), mac).await?;
        let ownerships = history.iter().map(|one| ownership(one, reader.as_ref())).collect();
        Ok(GetOwnershipResponse { ownerships })
    }

    pub(super) async fn on_move_devices(
        &self,
        request: MoveDevicesRequest,
        by: By,
    ) -> Result<MoveDevicesResponse, PhonesRefused> {
        let provider = |id: &str| id.parse::<ProviderId>().map_err(PhonesRefused::InvalidProvider);
        let (from, to) = (provider(&request.provider_id)?, provider(&request.to_provider_id)?);
        if from == to {
            return Err(PhonesRefused::SameProvider);
        }
        let which = match (request.macs.is_empty(), request.from_profile.is_empty()) {
            (false, true) => Which::Named(Phones::parse(&request.macs)?),
            (true, false) => Which::OfProfile(request.from_profile),
            (true, true) | (false, false) => return Err(PhonesRefused::PhonesAndProfile),
        };
        let MovedPhones { macs, profile } =
            self.devices_move(Move { from, to, to_profile: request.to_profile, which }, by).await?;
        Ok(MoveDevicesResponse {
            moved: u64::try_from(macs.len()).unwrap_or(u64::MAX),
            macs: macs.into_iter().take(MOST_TOLD).map(MacAddress::to_u64).collect(),
            profile_id: profile.to_string(),
        })
    }

    pub(super) async fn on_set_hold(&self, request: SetHoldRequest, by: By) -> Result<SetHoldResponse, PhonesRefused> {
        let hold = if request.on_hold { Hold::Put } else { Hold::LetGo };
        let changed = self.devices_hold(Phones::parse(&request.macs)?, hold, by).await?;
        Ok(SetHoldResponse { changed: u64::try_from(changed).unwrap_or(u64::MAX) })
    }
}

/// One owner's time as `reader` may see it: other providers are not named but to the operator (`None`).
fn ownership(ownership: &Ownership, reader: Option<&ProviderId>) -> message::Ownership {
    let is_told = reader.is_none_or(|reader| *reader == ownership.provider);
    let ended = ownership.ended;
    message::Ownership {
        number: ownership.number,
        provider_id: if is_told { ownership.provider.to_string() } else { String::new() },
        began_by: ownership.began.word().to_owned(),
        from: ownership.from.as_micros(),
        ended_by: ended.map(|(ended, _)| ended.word().to_owned()).unwrap_or_default(),
        until: ended.map(|(_, until)| until.as_micros()).unwrap_or_default(),
    }
}
