//! `/v1/profiles`: the places a provider sends its phones to.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::redirection::{
    CreateProfileRequest, DeleteProfileRequest, GetProfileRequest, ListProfilesRequest, Profile, ReplaceProfileRequest,
};
use rpc::{within, within_as};
use serde::Serialize;
use vocabulary::ProfileId;

use super::json::Body;
use super::owned::OwnedProfile;
use super::page::{Page, Query, parsed};
use super::profile_body::ProfileBody;
use super::profile_view::ProfileView;
use super::promised;
use crate::Gateway;
use crate::auth::{ProfilesRead, ProfilesWrite, Provider};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// A page of profiles.
#[derive(Serialize)]
struct Profiles {
    profiles: Vec<ProfileView>,
    /// The `after` of the page that follows; `null` at the end.
    next: Option<String>,
}

/// `POST /v1/profiles`.
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    provider: Provider<ProfilesWrite>,
    Body(body): Body<ProfileBody>,
) -> Result<Response, Problem> {
    let checked = body.check()?;
    let request = CreateProfileRequest {
        provider_id: provider.id.to_string(),
        name: checked.name,
        parameters: checked.parameters,
        proof: checked.proof.into(),
    };
    let request = within_as(&provider.caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().redirection.clone().create_profile(request).await?;
    let profile = promised(answer.into_inner().profile)?;
    let location = format!("/v1/profiles/{}", profile.id);
    let written = shown(profile, Some(checked.warnings));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], written).into_response())
}

/// `GET /v1/profiles?after=&limit=`.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    provider: Provider<ProfilesRead>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let after = parsed::<ProfileId>("after", &page.after)?;
    let request = ListProfilesRequest {
        provider_id: provider.id.to_string(),
        after: after.map(|id| id.to_string()).unwrap_or_default(),
        limit: page.limit.0,
    };
    let answer = gateway.backends().redirection.clone().list_profiles(within(PROVIDER_DEADLINE, request)).await?;
    let answer = answer.into_inner();
    let last = answer.profiles.last().map(|profile| profile.id.clone());
    let profiles = answer.profiles.into_iter().map(ProfileView::from).collect();
    Ok(Json(Profiles { profiles, next: last.filter(|_| answer.more) }).into_response())
}

/// `GET /v1/profiles/{profile}`.
pub(crate) async fn read(
    State(gateway): State<Gateway>,
    profile: OwnedProfile<ProfilesRead>,
) -> Result<Response, Problem> {
    let request = GetProfileRequest { provider_id: profile.owner.to_string(), profile_id: profile.id.to_string() };
    let answer = gateway.backends().redirection.clone().get_profile(within(PROVIDER_DEADLINE, request)).await?;
    Ok(shown(promised(answer.into_inner().profile)?, None))
}

/// `PUT /v1/profiles/{profile}`; with `If-Match` only if nobody else has replaced it meanwhile.
pub(crate) async fn replace(
    State(gateway): State<Gateway>,
    profile: OwnedProfile<ProfilesWrite>,
    headers: HeaderMap,
    Body(body): Body<ProfileBody>,
) -> Result<Response, Problem> {
    let expected_version = expected_version(&headers)?;
    let checked = body.check()?;
    let request = ReplaceProfileRequest {
        provider_id: profile.owner.to_string(),
        profile_id: profile.id.to_string(),
        name: checked.name,
        parameters: checked.parameters,
        expected_version,
        proof: checked.proof.into(),
    };
    let request = within_as(&profile.caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().redirection.clone().replace_profile(request).await?;
    Ok(shown(promised(answer.into_inner().profile)?, Some(checked.warnings)))
}

/// `DELETE /v1/profiles/{profile}`; refused while phones go there.
pub(crate) async fn delete(
    State(gateway): State<Gateway>,
    profile: OwnedProfile<ProfilesWrite>,
) -> Result<StatusCode, Problem> {
    let request = DeleteProfileRequest { provider_id: profile.owner.to_string(), profile_id: profile.id.to_string() };
    let request = within_as(&profile.caller.actor, PROVIDER_DEADLINE, request);
    gateway.backends().redirection.clone().delete_profile(request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The profile with its version as the entity tag; with warnings where it was just written.
fn shown(profile: Profile, warnings: Option<Vec<String>>) -> Response {
    let tag = HeaderValue::from_str(&format!("\"{}\"", profile.version));
    let view = ProfileView::from(profile);
    let view = match warnings {
        Some(warnings) => view.warning(warnings),
        None => view,
    };
    let mut response = Json(view).into_response();
    if let Ok(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The version that `If-Match` asks for (RFC 9110, section 13.1.1); 0 for any.
fn expected_version(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(0) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(0);
    }
    let version = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|tag| tag.parse().ok());
    version.filter(|version| *version > 0).ok_or_else(|| {
        Problem::malformed(
            "invalid_if_match",
            "If-Match must be one ETag as the profile was answered with, such as \"3\"",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_is_one_entity_tag_of_ours() {
        let version = |text: &'static str| {
            let headers = HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_static(text))]);
            expected_version(&headers).ok()
        };
        assert_eq!(version("\"3\""), Some(3));
        assert_eq!(version("*"), Some(0));
        for bad in ["3", "\"0\"", "W/\"3\"", "\"3\", \"4\"", "\"\"", "\"", ""] {
            assert_eq!(version(bad), None, "{bad}");
        }
        assert_eq!(expected_version(&HeaderMap::new()), Ok(0));
    }
}
