//! The wire: messages in, messages out.

use contracts::redirection::redirection_service_server::RedirectionService;
use contracts::redirection::{
    CreateProfileRequest, CreateProfileResponse, DeleteDeviceRequest, DeleteDeviceResponse, DeleteProfileRequest,
    DeleteProfileResponse, GetDeviceRequest, GetDeviceResponse, GetProfileRequest, GetProfileResponse,
    ListDevicesRequest, ListDevicesResponse, ListProfilesRequest, ListProfilesResponse, PutDeviceRequest,
    PutDeviceResponse, ReplaceProfileRequest, ReplaceProfileResponse, ResolveProfileRequest, ResolveProfileResponse,
    ResolveRequest, ResolveResponse, SetProviderFrozenRequest, SetProviderFrozenResponse,
};
use rpc::refuse;
use tonic::{Request, Response, Status};

use crate::assignment::{Assignment, Claim, Description};
use crate::listing::{DeviceFilters, DeviceQuery, Page, PageSize, SearchText};
use crate::profile::Profile;
use crate::refusal::{DeviceRefused, ProfileRefused};
use crate::store::{self, Put, Replacement};
use crate::{Redirection, wire};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl RedirectionService for Redirection {
    async fn resolve(&self, request: Request<ResolveRequest>) -> Answer<ResolveResponse> {
        let question = request.into_inner();
        let mac = wire::mac(question.mac).map_err(|error| refuse(&error))?;
        Ok(Response::new(self.index.answer(mac, &question.serial).into()))
    }

    async fn resolve_profile(&self, request: Request<ResolveProfileRequest>) -> Answer<ResolveProfileResponse> {
        let request = request.into_inner();
        let profile = request.profile_id.parse().ok().and_then(|id| self.index.profile(&id));
        let own = profile.filter(|profile| profile.provider.as_str() == request.provider_id);
        Ok(Response::new(ResolveProfileResponse { redirect: own.map(|profile| profile.redirect.clone()) }))
    }

    async fn create_profile(&self, request: Request<CreateProfileRequest>) -> Answer<CreateProfileResponse> {
        let profile = self.create(request.into_inner()).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(CreateProfileResponse { profile: Some(profile.into()) }))
    }

    async fn get_profile(&self, request: Request<GetProfileRequest>) -> Answer<GetProfileResponse> {
        let profile = self.read(&request.into_inner()).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(GetProfileResponse { profile: Some(profile.into()) }))
    }

    async fn list_profiles(&self, request: Request<ListProfilesRequest>) -> Answer<ListProfilesResponse> {
        let page = self.page_of_profiles(&request.into_inner()).await.map_err(|error| refuse(&error))?;
        let profiles = page.items.into_iter().map(Into::into).collect();
        Ok(Response::new(ListProfilesResponse { profiles, more: page.more }))
    }

    async fn replace_profile(&self, request: Request<ReplaceProfileRequest>) -> Answer<ReplaceProfileResponse> {
        let profile = self.replace(request.into_inner()).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(ReplaceProfileResponse { profile: Some(profile.into()) }))
    }

    async fn delete_profile(&self, request: Request<DeleteProfileRequest>) -> Answer<DeleteProfileResponse> {
        self.delete(&request.into_inner()).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(DeleteProfileResponse {}))
    }

    async fn put_device(&self, request: Request<PutDeviceRequest>) -> Answer<PutDeviceResponse> {
        let Put { assignment, before } = self.put(request.into_inner()).await.map_err(|error| refuse(&error))?;
        let (created, moved) = (before.is_none(), before.as_ref() != Some(&assignment.profile));
        Ok(Response::new(PutDeviceResponse { device: Some(assignment.into()), created, moved }))
    }

    async fn get_device(&self, request: Request<GetDeviceRequest>) -> Answer<GetDeviceResponse> {
        let device = self.find(&request.into_inner()).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(GetDeviceResponse { device: Some(device.into()) }))
    }

    async fn list_devices(&self, request: Request<ListDevicesRequest>) -> Answer<ListDevicesResponse> {
        let page = self.page_of_devices(request.into_inner()).await.map_err(|error| refuse(&error))?;
        let devices = page.items.into_iter().map(Into::into).collect();
        Ok(Response::new(ListDevicesResponse { devices, more: page.more }))
    }

    async fn delete_device(&self, request: Request<DeleteDeviceRequest>) -> Answer<DeleteDeviceResponse> {
        self.release(&request.into_inner()).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(DeleteDeviceResponse {}))
    }

    async fn set_provider_frozen(
        &self,
        request: Request<SetProviderFrozenRequest>,
    ) -> Answer<SetProviderFrozenResponse> {
        self.set_frozen(&request.into_inner()).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(SetProviderFrozenResponse {}))
    }
}

/// What each request asks for, in words that have been checked.
impl Redirection {
    async fn create(&self, request: CreateProfileRequest) -> Result<Profile, ProfileRefused> {
        let provider = wire::profiles_owner(&request.provider_id)?;
        let content = wire::content(&request.name, request.parameters)?;
        self.profile_create(provider, content).await
    }

    async fn read(&self, request: &GetProfileRequest) -> Result<Profile, ProfileRefused> {
        let provider = wire::profiles_owner(&request.provider_id)?;
        // What is not an id is the id of no profile.
        let id = request.profile_id.parse().map_err(|_| ProfileRefused::Unknown)?;
        let found = store::profile_find(self.db.reader(), &provider, &id).await?;
        found.ok_or(ProfileRefused::Unknown)
    }

    async fn page_of_profiles(&self, request: &ListProfilesRequest) -> Result<Page<Profile>, ProfileRefused> {
        let provider = wire::profiles_owner(&request.provider_id)?;
        let size = PageSize::parse(request.limit)?;
        Ok(store::profile_list(&self.db, &provider, &request.after, size).await?)
    }

    async fn replace(&self, request: ReplaceProfileRequest) -> Result<Profile, ProfileRefused> {
        let replacement = Replacement {
            provider: wire::profiles_owner(&request.provider_id)?,
            id: request.profile_id.parse().map_err(|_| ProfileRefused::Unknown)?,
            content: wire::content(&request.name, request.parameters)?,
            expected_version: request.expected_version,
            at: self.clock.now(),
        };
        self.profile_replace(replacement).await
    }

    async fn delete(&self, request: &DeleteProfileRequest) -> Result<(), ProfileRefused> {
        let provider = wire::profiles_owner(&request.provider_id)?;
        let id = request.profile_id.parse().map_err(|_| ProfileRefused::Unknown)?;
        self.profile_delete(provider, id).await
    }

    async fn put(&self, request: PutDeviceRequest) -> Result<Put, DeviceRefused> {
        let claim = Claim {
            mac: wire::mac(request.mac)?,
            provider: wire::devices_owner(&request.provider_id)?,
            description: Description::parse(&request.serial, &request.model, &request.note)?,
            profile: request.profile,
        };
        self.device_put(claim).await
    }

    async fn find(&self, request: &GetDeviceRequest) -> Result<Assignment, DeviceRefused> {
        let (provider, mac) = (wire::devices_owner(&request.provider_id)?, wire::mac(request.mac)?);
        let found = store::device_find(self.db.reader(), &provider, mac).await?;
        found.ok_or(DeviceRefused::Unknown)
    }

    async fn page_of_devices(&self, request: ListDevicesRequest) -> Result<Page<Assignment>, DeviceRefused> {
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
        Ok(store::device_list(&self.db, &query).await?)
    }

    async fn release(&self, request: &DeleteDeviceRequest) -> Result<(), DeviceRefused> {
        let (provider, mac) = (wire::devices_owner(&request.provider_id)?, wire::mac(request.mac)?);
        self.device_delete(provider, mac).await
    }

    async fn set_frozen(&self, request: &SetProviderFrozenRequest) -> Result<(), ProfileRefused> {
        let provider = wire::profiles_owner(&request.provider_id)?;
        if request.frozen { self.provider_freeze(provider).await } else { self.provider_thaw(provider).await }
    }
}
