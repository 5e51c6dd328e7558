//! Calls about profiles.

use contracts::redirection::{
    CreateProfileRequest, CreateProfileResponse, DeleteProfileRequest, DeleteProfileResponse, GetProfileRequest,
    GetProfileResponse, ListProfilesRequest, ListProfilesResponse, ReplaceProfileRequest, ReplaceProfileResponse,
};

use crate::change::By;
use crate::listing::PageSize;
use crate::refusal::ProfileRefused;
use crate::store::{self, ProfileQuery, Replacement};
use crate::{Redirection, wire};

impl Redirection {
    pub(super) async fn on_create_profile(
        &self,
        request: CreateProfileRequest,
        by: By,
    ) -> Result<CreateProfileResponse, ProfileRefused> {
        let provider = wire::profiles_owner(&request.provider_id)?;
        let content = wire::content(&request.name, request.proof(), request.parameters)?;
        let profile = self.profile_create(provider, content, by).await?;
        Ok(CreateProfileResponse { profile: Some(profile.into()) })
    }

    pub(super) async fn on_get_profile(
        &self,
        request: GetProfileRequest,
    ) -> Result<GetProfileResponse, ProfileRefused> {
        let provider = wire::profiles_owner(&request.provider_id)?;
        // What is not an id is the id of no profile.
        let id = request.profile_id.parse().map_err(|_| ProfileRefused::Unknown)?;
        let found = store::profile_find(self.db.read().await?.connection(), &self.vault, &provider, &id).await?;
        Ok(GetProfileResponse { profile: Some(found.ok_or(ProfileRefused::Unknown)?.into()) })
    }

    pub(super) async fn on_list_profiles(
        &self,
        request: ListProfilesRequest,
    ) -> Result<ListProfilesResponse, ProfileRefused> {
        let provider = wire::profiles_owner(&request.provider_id)?;
        let query = ProfileQuery { provider, after: request.after, size: PageSize::parse(request.limit)? };
        let page = store::profile_list(&self.db, &self.vault, query).await?;
        Ok(ListProfilesResponse { profiles: page.items.into_iter().map(Into::into).collect(), more: page.more })
    }

    pub(super) async fn on_replace_profile(
        &self,
        request: ReplaceProfileRequest,
        by: By,
    ) -> Result<ReplaceProfileResponse, ProfileRefused> {
        let replacement = Replacement {
            provider: wire::profiles_owner(&request.provider_id)?,
            id: request.profile_id.parse().map_err(|_| ProfileRefused::Unknown)?,
            content: wire::content(&request.name, request.proof(), request.parameters)?,
            expected_version: request.expected_version,
            at: by.at,
        };
        let profile = self.profile_replace(replacement, by).await?;
        Ok(ReplaceProfileResponse { profile: Some(profile.into()) })
    }

    pub(super) async fn on_delete_profile(
        &self,
        request: DeleteProfileRequest,
        by: By,
    ) -> Result<DeleteProfileResponse, ProfileRefused> {
        let provider = wire::profiles_owner(&request.provider_id)?;
        let id = request.profile_id.parse().map_err(|_| ProfileRefused::Unknown)?;
        self.profile_delete(provider, id, by).await?;
        Ok(DeleteProfileResponse {})
    }
}
