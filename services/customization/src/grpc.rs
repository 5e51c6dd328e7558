//! The wire: checks every message, calls the store, and answers in the contract's words.

mod incoming;
mod outgoing;

use contracts::customization as wire;
use contracts::customization::customization_service_server::CustomizationService;
use rpc::{Refusal, refuse};
use storage::StoreError;
use tonic::{Request, Response, Status};
use vocabulary::{ErrorKind, InvalidId, InvalidMacAddress};

use crate::Customization;
use crate::grpc::incoming::InvalidObservation;
use crate::store::Page;

/// The most observations in one batch and phones in one question.
const MOST: usize = 1000;
/// How many timeline entries may be asked for at once.
const LIMITS: std::ops::RangeInclusive<u32> = 1..=1000;

#[tonic::async_trait]
impl CustomizationService for Customization {
    async fn record(&self, request: Request<wire::RecordRequest>) -> Result<Response<wire::RecordResponse>, Status> {
        let answer = self.recorded(request.into_inner()).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(answer))
    }

    async fn get_states(
        &self,
        request: Request<wire::GetStatesRequest>,
    ) -> Result<Response<wire::GetStatesResponse>, Status> {
        let answer = self.states(&request.into_inner()).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(answer))
    }

    async fn get_timeline(
        &self,
        request: Request<wire::GetTimelineRequest>,
    ) -> Result<Response<wire::GetTimelineResponse>, Status> {
        let answer = self.timeline(&request.into_inner()).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(answer))
    }
}

/// Why a batch was not recorded. Nothing of it was.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error("{0} observations in one batch; send at most {MOST}")]
    TooMany(usize),
    #[error("observation {index}: {fault}")]
    Malformed { index: usize, fault: InvalidObservation },
    #[error("the batch was not recorded; send it again: {0}")]
    Store(#[from] StoreError),
}

impl Refusal for RecordError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::TooMany(_) | Self::Malformed { .. } => ErrorKind::Malformed,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TooMany(_) => "too_many_observations",
            Self::Malformed { .. } => "invalid_observation",
            Self::Store(_) => "not_recorded",
        }
    }
}

/// Why a question about phones has no answer.
#[derive(Debug, thiserror::Error)]
enum QuestionError {
    #[error("{0} phones in one question; ask for at most {MOST}")]
    TooMany(usize),
    #[error("phone {index}: {fault}")]
    Mac { index: usize, fault: InvalidMacAddress },
    #[error("who reads: {0}")]
    Reader(#[from] InvalidId),
    #[error("limit is {0}; expected {min} to {max}", min = LIMITS.start(), max = LIMITS.end())]
    Limit(u32),
    #[error("cannot look it up: {0}")]
    Store(#[from] StoreError),
}

impl Refusal for QuestionError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::TooMany(_) | Self::Mac { .. } | Self::Reader(_) | Self::Limit(_) => ErrorKind::Malformed,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TooMany(_) => "too_many_phones",
            Self::Mac { .. } => "invalid_mac",
            Self::Reader(_) => "invalid_provider_id",
            Self::Limit(_) => "invalid_limit",
            Self::Store(_) => "customization_unavailable",
        }
    }
}

impl Customization {
    #[tracing::instrument(name = "customization.record", level = "debug", skip_all)]
    async fn recorded(&self, request: wire::RecordRequest) -> Result<wire::RecordResponse, RecordError> {
        let count = request.observations.len();
        if count > MOST {
            return Err(RecordError::TooMany(count));
        }
        let mut observations = Vec::with_capacity(count);
        for (index, observation) in request.observations.into_iter().enumerate() {
            let parsed = incoming::observation(observation);
            observations.push(parsed.map_err(|fault| RecordError::Malformed { index, fault })?);
        }
        let recorded = self.store.record(&observations).await?;
        Ok(wire::RecordResponse { recorded: u32::try_from(recorded).unwrap_or(u32::MAX) })
    }

    #[tracing::instrument(name = "customization.states", level = "debug", skip_all)]
    async fn states(&self, request: &wire::GetStatesRequest) -> Result<wire::GetStatesResponse, QuestionError> {
        if request.macs.len() > MOST {
            return Err(QuestionError::TooMany(request.macs.len()));
        }
        let mut macs = Vec::with_capacity(request.macs.len());
        for (index, mac) in request.macs.iter().enumerate() {
            macs.push(incoming::mac(*mac).map_err(|fault| QuestionError::Mac { index, fault })?);
        }
        let phones = self.store.states(&macs).await?;
        Ok(wire::GetStatesResponse { phones: phones.iter().map(outgoing::phone).collect() })
    }

    #[tracing::instrument(name = "customization.timeline", level = "debug", skip_all)]
    async fn timeline(&self, request: &wire::GetTimelineRequest) -> Result<wire::GetTimelineResponse, QuestionError> {
        let mac = incoming::mac(request.mac).map_err(|fault| QuestionError::Mac { index: 0, fault })?;
        let reader = request.provider_id.parse()?;
        if !LIMITS.contains(&request.limit) {
            return Err(QuestionError::Limit(request.limit));
        }
        let before = if request.before == 0 { u64::MAX } else { request.before };
        let page = self.store.timeline(Page { mac, before, limit: request.limit }).await?;
        let entries = page.entries.into_iter().map(|entry| outgoing::entry(entry, &reader)).collect();
        Ok(wire::GetTimelineResponse { entries, more: page.more })
    }
}
