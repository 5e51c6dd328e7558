//! The wire: checks what was typed and answers in the contract's words.
//!
//! The code is never logged and is in no span and no error text, not even a malformed one: it may be a
//! right one mistyped.

use contracts::onboarding as wire;
use contracts::onboarding::onboarding_service_server::OnboardingService;
use rpc::{Refusal, refuse};
use tonic::{Request, Response, Status};
use vocabulary::{ActivationCode, ErrorKind, InvalidActivationCode, InvalidMacAddress, MacAddress};

use crate::Onboarding;

/// Why a code was not traded for a provider.
#[derive(Debug, thiserror::Error)]
enum RedeemError {
    #[error(transparent)]
    Code(#[from] InvalidActivationCode),
    #[error(transparent)]
    Mac(#[from] InvalidMacAddress),
    /// Unknown, and later also used, expired and revoked: one answer for all, so that guessing teaches
    /// nothing. The words are what the phone shows, hence the capital letter.
    #[error("Invalid activation code")]
    Invalid,
}

impl Refusal for RedeemError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Code(_) | Self::Mac(_) => ErrorKind::Malformed,
            Self::Invalid => ErrorKind::NotFound,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Code(_) => "malformed_activation_code",
            Self::Mac(_) => "invalid_mac",
            Self::Invalid => "invalid_activation_code",
        }
    }
}

#[tonic::async_trait]
impl OnboardingService for Onboarding {
    async fn redeem(&self, request: Request<wire::RedeemRequest>) -> Result<Response<wire::RedeemResponse>, Status> {
        Err(refuse(&refusal(&request.into_inner())))
    }
}

/// What is wrong with the request. Something always is while no code has been issued.
fn refusal(request: &wire::RedeemRequest) -> RedeemError {
    let span = tracing::debug_span!("onboarding.redeem", device.mac = tracing::field::Empty).entered();
    if let Err(malformed) = request.code.parse::<ActivationCode>() {
        return malformed.into();
    }
    match MacAddress::from_u64(request.mac) {
        Err(invalid) => invalid.into(),
        Ok(mac) => {
            span.record("device.mac", tracing::field::display(mac));
            RedeemError::Invalid
        }
    }
}
