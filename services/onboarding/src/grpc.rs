//! The wire: checks what was asked and answers in the contract's words.
//!
//! The code is never logged and is in no span and no error text, not even a malformed one: it may be a
//! right one mistyped.

use contracts::onboarding as wire;
use contracts::onboarding::onboarding_service_server::OnboardingService;
use rpc::{Actor, refuse};
use tonic::{Request, Response, Status};

use crate::deed::By;
use crate::grant::Event;
use crate::issue::{Change, DirectoryWish, PersonalWish};
use crate::refusal::CodeRefused;
use crate::{Onboarding, wire as words};

/// How many personal codes one call makes.
const BATCH: std::ops::RangeInclusive<u32> = 1..=10_000;
/// How many suggestions one call gives.
const MOST_SUGGESTIONS: u32 = 20;

type Answer<T> = Result<Response<T>, Status>;

fn answer<T>(outcome: Result<T, CodeRefused>) -> Answer<T> {
    outcome.map(Response::new).map_err(|error| refuse(&error))
}

#[tonic::async_trait]
impl OnboardingService for Onboarding {
    async fn redeem(&self, request: Request<wire::RedeemRequest>) -> Answer<wire::RedeemResponse> {
        let record = self.redeem_code(request).await.map_err(|error| refuse(&error))?;
        let (provider_id, profile_id) = (record.provider.to_string(), record.profile.to_string());
        Ok(Response::new(wire::RedeemResponse { provider_id, profile_id }))
    }

    async fn create_directory_code(
        &self,
        request: Request<wire::CreateDirectoryCodeRequest>,
    ) -> Answer<wire::CreateDirectoryCodeResponse> {
        let by = self.by(&request);
        answer(self.directory_created(request.into_inner(), &by).await)
    }

    async fn change_directory_code(
        &self,
        request: Request<wire::ChangeDirectoryCodeRequest>,
    ) -> Answer<wire::ChangeDirectoryCodeResponse> {
        let by = self.by(&request);
        answer(self.directory_changed(request.into_inner(), &by).await)
    }

    async fn decide_directory_code(
        &self,
        request: Request<wire::DecideDirectoryCodeRequest>,
    ) -> Answer<wire::DecideDirectoryCodeResponse> {
        let by = self.by(&request);
        answer(self.directory_decided(&request.into_inner(), &by).await)
    }

    async fn suggest_directory_codes(
        &self,
        request: Request<wire::SuggestDirectoryCodesRequest>,
    ) -> Answer<wire::SuggestDirectoryCodesResponse> {
        answer(self.suggested(&request.into_inner()).await)
    }

    async fn create_personal_codes(
        &self,
        request: Request<wire::CreatePersonalCodesRequest>,
    ) -> Answer<wire::CreatePersonalCodesResponse> {
        let by = self.by(&request);
        answer(self.personal_created(request.into_inner(), &by).await)
    }

    async fn extend_personal_code(
        &self,
        request: Request<wire::ExtendPersonalCodeRequest>,
    ) -> Answer<wire::ExtendPersonalCodeResponse> {
        let by = self.by(&request);
        answer(self.personal_extended(&request.into_inner(), &by).await)
    }

    async fn get_code(&self, request: Request<wire::GetCodeRequest>) -> Answer<wire::GetCodeResponse> {
        let code = self.read_code(&request.into_inner()).await;
        answer(code.map(|code| wire::GetCodeResponse { code: Some(code) }))
    }

    async fn list_codes(&self, request: Request<wire::ListCodesRequest>) -> Answer<wire::ListCodesResponse> {
        answer(self.page_of_codes(request.into_inner()).await)
    }

    async fn revoke_code(&self, request: Request<wire::RevokeCodeRequest>) -> Answer<wire::RevokeCodeResponse> {
        let by = self.by(&request);
        answer(self.code_revoked(&request.into_inner(), &by).await)
    }

    async fn list_attempts(&self, request: Request<wire::ListAttemptsRequest>) -> Answer<wire::ListAttemptsResponse> {
        answer(self.page_of_attempts(&request.into_inner()).await)
    }

    async fn get_risk(&self, _: Request<wire::GetRiskRequest>) -> Answer<wire::GetRiskResponse> {
        let risks = self.risks().await;
        answer(risks.map(|risks| wire::GetRiskResponse { risks: risks.into_iter().map(Into::into).collect() }))
    }
}

/// What each request asks for, in words that have been checked.
impl Onboarding {
    fn by<T>(&self, request: &Request<T>) -> By {
        By { actor: Actor::of(request), at: self.clock.now() }
    }

    async fn directory_created(
        &self,
        request: wire::CreateDirectoryCodeRequest,
        by: &By,
    ) -> Result<wire::CreateDirectoryCodeResponse, CodeRefused> {
        let wish = DirectoryWish {
            provider: words::provider(&request.provider_id)?,
            profile: request.profile_id.parse().map_err(|_| CodeRefused::UnknownProfile)?,
            digits: words::digits(&request.digits)?,
            limits: words::limits(request.limits)?,
            note: words::note(request.note)?,
        };
        if request.profile_carries_secret {
            return Err(CodeRefused::ProfileCarriesSecret);
        }
        let (record, risk) = self.create_directory(wish, by).await?;
        let code = Some(words::code(record, self.clock.now()));
        Ok(wire::CreateDirectoryCodeResponse { code, risk: Some(risk.into()) })
    }

    async fn directory_changed(
        &self,
        request: wire::ChangeDirectoryCodeRequest,
        by: &By,
    ) -> Result<wire::ChangeDirectoryCodeResponse, CodeRefused> {
        let profile = match request.profile_id.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| CodeRefused::UnknownProfile)?),
        };
        let change = Change {
            provider: words::provider(&request.provider_id)?,
            code_id: request.code_id,
            limits: words::limits(request.limits)?,
            profile,
        };
        if request.profile_carries_secret {
            return Err(CodeRefused::ProfileCarriesSecret);
        }
        if let Some(profile) = &change.profile {
            self.check_directory_profile(&change.provider, profile).await?;
        }
        let (record, risk) = self.change_directory(change, by).await?;
        let code = Some(words::code(record, self.clock.now()));
        Ok(wire::ChangeDirectoryCodeResponse { code, risk: Some(risk.into()) })
    }

    async fn directory_decided(
        &self,
        request: &wire::DecideDirectoryCodeRequest,
        by: &By,
    ) -> Result<wire::DecideDirectoryCodeResponse, CodeRefused> {
        let event =
            if request.approve { Event::Approve } else { Event::Refuse { reason: words::reason(&request.reason)? } };
        let record = self.decide_directory(&request.code_id, event, by).await?;
        Ok(wire::DecideDirectoryCodeResponse { code: Some(words::code(record, self.clock.now())) })
    }

    async fn suggested(
        &self,
        request: &wire::SuggestDirectoryCodesRequest,
    ) -> Result<wire::SuggestDirectoryCodesResponse, CodeRefused> {
        let wanted = (!request.digits.is_empty()).then(|| words::digits(&request.digits)).transpose()?;
        let count = usize::try_from(request.count.min(MOST_SUGGESTIONS)).unwrap_or_default();
        if request.count > MOST_SUGGESTIONS {
            return Err(CodeRefused::Count("0 to 20 suggestions"));
        }
        let length = if count == 0 { 0 } else { words::length(request.length)? };
        let (is_free, suggestions) = self.suggest(wanted.as_deref(), length, count).await?;
        Ok(wire::SuggestDirectoryCodesResponse { is_free, suggestions })
    }

    async fn personal_created(
        &self,
        request: wire::CreatePersonalCodesRequest,
        by: &By,
    ) -> Result<wire::CreatePersonalCodesResponse, CodeRefused> {
        if !BATCH.contains(&request.count) {
            return Err(CodeRefused::Count("1 to 10000 codes"));
        }
        let wish = PersonalWish {
            provider: words::provider(&request.provider_id)?,
            profile: request.profile_id.parse().map_err(|_| CodeRefused::UnknownProfile)?,
            count: usize::try_from(request.count).unwrap_or_default(),
            lifetime: words::lifetime(request.lifetime_seconds)?,
            mac: words::mac(request.mac)?,
            model: words::model(&request.model)?,
            note: words::note(request.note)?,
        };
        if wish.mac.is_some() && wish.count > 1 {
            return Err(CodeRefused::MacOfMany);
        }
        let (made, risk) = self.create_personal(wish, by).await?;
        let now = self.clock.now();
        let codes = made.into_iter().map(|(record, digits)| wire::NewPersonalCode {
            code: Some(words::code(record, now)),
            digits: digits.expose().to_owned(),
        });
        Ok(wire::CreatePersonalCodesResponse { codes: codes.collect(), risk: Some(risk.into()) })
    }

    async fn personal_extended(
        &self,
        request: &wire::ExtendPersonalCodeRequest,
        by: &By,
    ) -> Result<wire::ExtendPersonalCodeResponse, CodeRefused> {
        let provider = words::provider(&request.provider_id)?;
        let ends_at = vocabulary::Timestamp::from_micros(request.expires_at);
        let record = self.extend(&provider, &request.code_id, ends_at, by).await?;
        Ok(wire::ExtendPersonalCodeResponse { code: Some(words::code(record, self.clock.now())) })
    }

    async fn code_revoked(
        &self,
        request: &wire::RevokeCodeRequest,
        by: &By,
    ) -> Result<wire::RevokeCodeResponse, CodeRefused> {
        let provider = words::provider(&request.provider_id)?;
        let record = self.revoke(&provider, &request.code_id, by).await?;
        Ok(wire::RevokeCodeResponse { code: Some(words::code(record, self.clock.now())) })
    }
}
