//! Activation codes: a phone that nobody announced is onboarded by its user (chapter, "Onboard Your Phone
//! with the Activation Code").
//!
//! No code can be issued yet, so every well-formed code is refused, in the words with which a wrong one
//! always will be. This service holds no data yet.

#![warn(missing_docs)]

mod grpc;

use contracts::onboarding::onboarding_service_server::OnboardingServiceServer;

/// The service.
#[derive(Debug, Clone, Copy)]
pub struct Onboarding;

impl Onboarding {
    /// The generated server in front of this service.
    pub fn server(self) -> OnboardingServiceServer<Self> {
        OnboardingServiceServer::new(self)
    }
}
