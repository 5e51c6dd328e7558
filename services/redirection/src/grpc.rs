//! The wire: one line for each call. What a call asks for is read in `grpc/`, by subject.

mod claims;
mod devices;
mod imports;
mod keys;
mod profiles;
mod providers;
mod ranges;
mod resolve;
mod resolve_many;
mod transfers;
mod windows;

use contracts::redirection::redirection_service_server::RedirectionService;
use contracts::redirection::{
    ChangeRangeRequest, ChangeRangeResponse, ClaimByCertificateRequest, ClaimByCertificateResponse, CloseWindowRequest,
    CloseWindowResponse, CreateProfileRequest, CreateProfileResponse, CreateRangeRequest, CreateRangeResponse,
    DecideTransferRequest, DecideTransferResponse, DeleteClaimRuleRequest, DeleteClaimRuleResponse,
    DeleteDeviceRequest, DeleteDeviceResponse, DeleteProfileRequest, DeleteProfileResponse, DeleteRangeRequest,
    DeleteRangeResponse, GetDeviceRequest, GetDeviceResponse, GetOwnershipRequest, GetOwnershipResponse,
    GetProfileRequest, GetProfileResponse, GetProviderPolicyRequest, GetProviderPolicyResponse, ImportDevicesRequest,
    ImportDevicesResponse, ImportManifestRequest, ImportManifestResponse, ListClaimRulesRequest,
    ListClaimRulesResponse, ListDevicesRequest, ListDevicesResponse, ListProfilesRequest, ListProfilesResponse,
    ListRangesRequest, ListRangesResponse, ListTransfersRequest, ListTransfersResponse, ListWindowsRequest,
    ListWindowsResponse, MoveDevicesRequest, MoveDevicesResponse, OpenWindowRequest, OpenWindowResponse,
    PutClaimRuleRequest, PutClaimRuleResponse, PutDeviceRequest, PutDeviceResponse, ReplaceProfileRequest,
    ReplaceProfileResponse, RequestTransferRequest, RequestTransferResponse, ResolveManyRequest, ResolveProfileRequest,
    ResolveProfileResponse, ResolveRequest, ResolveResponse, SetDeviceKeyRequest, SetDeviceKeyResponse, SetHoldRequest,
    SetHoldResponse, SetProviderPolicyRequest, SetProviderPolicyResponse, SetProvidersFrozenRequest,
    SetProvidersFrozenResponse,
};
use rpc::{Actor, Refusal, refuse};
use tonic::{Request, Response, Status, Streaming};

use crate::Redirection;
use crate::change::By;
use resolve_many::BatchAnswers;

type Answer<T> = Result<Response<T>, Status>;

fn answered<T, E: Refusal>(answer: Result<T, E>) -> Answer<T> {
    answer.map(Response::new).map_err(|error| refuse(&error))
}

impl Redirection {
    fn by<T>(&self, request: &Request<T>) -> By {
        By { actor: Actor::of(request), at: self.clock.now() }
    }
}

#[tonic::async_trait]
impl RedirectionService for Redirection {
    async fn resolve(&self, request: Request<ResolveRequest>) -> Answer<ResolveResponse> {
        answered(self.on_resolve(&request.into_inner()))
    }

    type ResolveManyStream = BatchAnswers;

    async fn resolve_many(&self, request: Request<Streaming<ResolveManyRequest>>) -> Answer<BatchAnswers> {
        Ok(Response::new(BatchAnswers::new(self.clone(), request)))
    }

    async fn resolve_profile(&self, request: Request<ResolveProfileRequest>) -> Answer<ResolveProfileResponse> {
        let request = request.into_inner();
        let profile = request.profile_id.parse().ok().and_then(|id| self.index.profile(&id));
        let own = profile.filter(|profile| profile.provider.as_str() == request.provider_id);
        let carries_secret = own.as_ref().is_some_and(|profile| profile.carries_secret);
        Ok(Response::new(ResolveProfileResponse { is_known: own.is_some(), carries_secret }))
    }

    async fn create_profile(&self, request: Request<CreateProfileRequest>) -> Answer<CreateProfileResponse> {
        let by = self.by(&request);
        answered(self.on_create_profile(request.into_inner(), by).await)
    }

    async fn get_profile(&self, request: Request<GetProfileRequest>) -> Answer<GetProfileResponse> {
        answered(self.on_get_profile(request.into_inner()).await)
    }

    async fn list_profiles(&self, request: Request<ListProfilesRequest>) -> Answer<ListProfilesResponse> {
        answered(self.on_list_profiles(request.into_inner()).await)
    }

    async fn replace_profile(&self, request: Request<ReplaceProfileRequest>) -> Answer<ReplaceProfileResponse> {
        let by = self.by(&request);
        answered(self.on_replace_profile(request.into_inner(), by).await)
    }

    async fn delete_profile(&self, request: Request<DeleteProfileRequest>) -> Answer<DeleteProfileResponse> {
        let by = self.by(&request);
        answered(self.on_delete_profile(request.into_inner(), by).await)
    }

    async fn put_device(&self, request: Request<PutDeviceRequest>) -> Answer<PutDeviceResponse> {
        let by = self.by(&request);
        answered(self.on_put_device(request.into_inner(), by).await)
    }

    async fn import_devices(&self, request: Request<ImportDevicesRequest>) -> Answer<ImportDevicesResponse> {
        let by = self.by(&request);
        answered(self.on_import_devices(request.into_inner(), by).await)
    }

    async fn get_device(&self, request: Request<GetDeviceRequest>) -> Answer<GetDeviceResponse> {
        answered(self.on_get_device(request.into_inner()).await)
    }

    async fn list_devices(&self, request: Request<ListDevicesRequest>) -> Answer<ListDevicesResponse> {
        answered(self.on_list_devices(request.into_inner()).await)
    }

    async fn delete_device(&self, request: Request<DeleteDeviceRequest>) -> Answer<DeleteDeviceResponse> {
        let by = self.by(&request);
        answered(self.on_delete_device(request.into_inner(), by).await)
    }

    async fn set_providers_frozen(
        &self,
        request: Request<SetProvidersFrozenRequest>,
    ) -> Answer<SetProvidersFrozenResponse> {
        let by = self.by(&request);
        answered(self.on_set_providers_frozen(request.into_inner(), by).await)
    }

    async fn get_provider_policy(
        &self,
        request: Request<GetProviderPolicyRequest>,
    ) -> Answer<GetProviderPolicyResponse> {
        answered(self.on_get_provider_policy(request.into_inner()).await)
    }

    async fn set_provider_policy(
        &self,
        request: Request<SetProviderPolicyRequest>,
    ) -> Answer<SetProviderPolicyResponse> {
        let by = self.by(&request);
        answered(self.on_set_provider_policy(request.into_inner(), by).await)
    }

    async fn set_device_key(&self, request: Request<SetDeviceKeyRequest>) -> Answer<SetDeviceKeyResponse> {
        let by = self.by(&request);
        answered(self.on_set_device_key(request.into_inner(), by).await)
    }

    async fn get_ownership(&self, request: Request<GetOwnershipRequest>) -> Answer<GetOwnershipResponse> {
        answered(self.on_get_ownership(request.into_inner()).await)
    }

    async fn move_devices(&self, request: Request<MoveDevicesRequest>) -> Answer<MoveDevicesResponse> {
        let by = self.by(&request);
        answered(self.on_move_devices(request.into_inner(), by).await)
    }

    async fn set_hold(&self, request: Request<SetHoldRequest>) -> Answer<SetHoldResponse> {
        let by = self.by(&request);
        answered(self.on_set_hold(request.into_inner(), by).await)
    }

    async fn create_range(&self, request: Request<CreateRangeRequest>) -> Answer<CreateRangeResponse> {
        let by = self.by(&request);
        answered(self.on_create_range(request.into_inner(), by).await)
    }

    async fn list_ranges(&self, request: Request<ListRangesRequest>) -> Answer<ListRangesResponse> {
        answered(self.on_list_ranges(request.into_inner()).await)
    }

    async fn change_range(&self, request: Request<ChangeRangeRequest>) -> Answer<ChangeRangeResponse> {
        let by = self.by(&request);
        answered(self.on_change_range(request.into_inner(), by).await)
    }

    async fn delete_range(&self, request: Request<DeleteRangeRequest>) -> Answer<DeleteRangeResponse> {
        let by = self.by(&request);
        answered(self.on_delete_range(request.into_inner(), by).await)
    }

    async fn list_claim_rules(&self, request: Request<ListClaimRulesRequest>) -> Answer<ListClaimRulesResponse> {
        answered(self.on_list_claim_rules(request.into_inner()).await)
    }

    async fn put_claim_rule(&self, request: Request<PutClaimRuleRequest>) -> Answer<PutClaimRuleResponse> {
        let by = self.by(&request);
        answered(self.on_put_claim_rule(request.into_inner(), by).await)
    }

    async fn delete_claim_rule(&self, request: Request<DeleteClaimRuleRequest>) -> Answer<DeleteClaimRuleResponse> {
        let by = self.by(&request);
        answered(self.on_delete_claim_rule(request.into_inner(), by).await)
    }

    async fn import_manifest(&self, request: Request<ImportManifestRequest>) -> Answer<ImportManifestResponse> {
        let by = self.by(&request);
        answered(self.on_import_manifest(request.into_inner(), by).await)
    }

    async fn open_window(&self, request: Request<OpenWindowRequest>) -> Answer<OpenWindowResponse> {
        let by = self.by(&request);
        answered(self.on_open_window(request.into_inner(), by).await)
    }

    async fn list_windows(&self, request: Request<ListWindowsRequest>) -> Answer<ListWindowsResponse> {
        answered(self.on_list_windows(request.into_inner()).await)
    }

    async fn close_window(&self, request: Request<CloseWindowRequest>) -> Answer<CloseWindowResponse> {
        let by = self.by(&request);
        answered(self.on_close_window(request.into_inner(), by).await)
    }

    async fn claim_by_certificate(
        &self,
        request: Request<ClaimByCertificateRequest>,
    ) -> Answer<ClaimByCertificateResponse> {
        let by = self.by(&request);
        answered(self.on_claim_by_certificate(request.into_inner(), by).await)
    }

    async fn request_transfer(&self, request: Request<RequestTransferRequest>) -> Answer<RequestTransferResponse> {
        let by = self.by(&request);
        answered(self.on_request_transfer(request.into_inner(), by).await)
    }

    async fn list_transfers(&self, request: Request<ListTransfersRequest>) -> Answer<ListTransfersResponse> {
        answered(self.on_list_transfers(request.into_inner()).await)
    }

    async fn decide_transfer(&self, request: Request<DecideTransferRequest>) -> Answer<DecideTransferResponse> {
        let by = self.by(&request);
        answered(self.on_decide_transfer(request.into_inner(), by).await)
    }
}
