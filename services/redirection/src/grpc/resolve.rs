//! The phones' question.

use contracts::redirection::{ResolveRequest, ResolveResponse};

use crate::refusal::DeviceRefused;
use crate::resolve::{Answer, Certificate, Question};
use crate::{Redirection, wire};

impl Redirection {
    pub(super) fn on_resolve(&self, request: &ResolveRequest) -> Result<ResolveResponse, DeviceRefused> {
        self.answer(request).map(Into::into)
    }

    pub(super) fn answer(&self, request: &ResolveRequest) -> Result<Answer, DeviceRefused> {
        let question = Question {
            mac: wire::mac(request.mac)?,
            serial: &request.serial,
            certificate: request.certificate.as_ref().map(|shown| Certificate {
                names: shown.mac,
                serial: &shown.serial,
                has_expired: shown.expired,
            }),
        };
        Ok(self.index.answer(&question, self.clock.now()))
    }
}
