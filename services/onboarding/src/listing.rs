//! What providers and operators read: codes, what came of them, and how safe they are.

use contracts::onboarding as wire;
use vocabulary::CodeKind;

use crate::attempts::looks_searched;
use crate::refusal::CodeRefused;
use crate::risk::{LENGTHS, Risk};
use crate::store::{self, ListQuery};
use crate::{Onboarding, wire as words};

/// How many items a page may have.
const PAGE: std::ops::RangeInclusive<u32> = 1..=1000;
/// The most misses that are counted.
const MOST_MISSES: u32 = 10_000;

impl Onboarding {
    /// One code, with its expected phones and its misses.
    pub(crate) async fn read_code(&self, request: &wire::GetCodeRequest) -> Result<wire::Code, CodeRefused> {
        let provider = words::provider(&request.provider_id)?;
        let now = self.clock.now();
        let mut reader = self.db.read().await?;
        let found = store::code_find(reader.connection(), Some(&provider), &request.code_id).await?;
        let mut record = found.ok_or(CodeRefused::Unknown)?;
        record.limits.macs = store::expected_of(reader.connection(), &record.id).await?;
        let misses = store::misses_of(reader.connection(), record.id.as_str(), MOST_MISSES, now).await?;
        Ok(wire::Code {
            misses: u64::try_from(misses.len()).unwrap_or(u64::MAX),
            looks_searched: looks_searched(&misses),
            ..words::code(record, now)
        })
    }

    /// One page of codes, and how many personal ones wait or waited in vain.
    pub(crate) async fn page_of_codes(
        &self,
        request: wire::ListCodesRequest,
    ) -> Result<wire::ListCodesResponse, CodeRefused> {
        if !PAGE.contains(&request.limit) {
            return Err(CodeRefused::PageSize);
        }
        let (kind, state) = (words::kind(request.kind()), words::state_word(request.state()));
        let provider = (!request.provider_id.is_empty()).then(|| words::provider(&request.provider_id)).transpose()?;
        let now = self.clock.now();
        // Behind what cannot be an id, all come that are behind it; but PostgreSQL takes no NUL.
        let after = request.after.replace('\0', "");
        let query = ListQuery { provider, kind, state, after, limit: request.limit, now };
        let mut reader = self.db.read().await?;
        let (mut records, more) = store::code_list(reader.connection(), &query).await?;
        for record in records.iter_mut().filter(|it| it.kind == CodeKind::Personal && it.limits.expected > 0) {
            record.limits.macs = store::expected_of(reader.connection(), &record.id).await?;
        }
        let counts = store::code_counts(reader.connection(), query.provider.as_ref(), now).await?;
        let codes = records.into_iter().map(|record| words::code(record, now)).collect();
        Ok(wire::ListCodesResponse { codes, more, outstanding: counts.outstanding, expired: counts.expired })
    }

    /// One page of attempts at a provider's codes.
    pub(crate) async fn page_of_attempts(
        &self,
        request: &wire::ListAttemptsRequest,
    ) -> Result<wire::ListAttemptsResponse, CodeRefused> {
        if !PAGE.contains(&request.limit) {
            return Err(CodeRefused::PageSize);
        }
        let provider = words::provider(&request.provider_id)?;
        let mut reader = self.db.read().await?;
        if !request.code_id.is_empty() {
            let found = store::code_find(reader.connection(), Some(&provider), &request.code_id).await?;
            found.ok_or(CodeRefused::Unknown)?;
        }
        let before = i64::try_from(request.before).ok().filter(|before| *before > 0).unwrap_or(i64::MAX);
        // One more than wanted tells whether there are more.
        let most = i64::from(request.limit) + 1;
        let mut kept = store::attempts_of(reader.connection(), (&provider, &request.code_id), before, most).await?;
        let wanted = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let more = kept.len() > wanted;
        kept.truncate(wanted);
        Ok(wire::ListAttemptsResponse { attempts: kept.into_iter().map(Into::into).collect(), more })
    }

    /// The risk of every length.
    pub(crate) async fn risks(&self) -> Result<Vec<Risk>, CodeRefused> {
        let weights = store::live_weights(self.db.read().await?.connection(), self.clock.now()).await?;
        let live = |length| weights.iter().find(|(it, _)| *it == length).map_or(0.0, |(_, weight)| *weight);
        Ok(LENGTHS.map(|length| Risk::of(length, live(length), &self.policy)).collect())
    }
}
