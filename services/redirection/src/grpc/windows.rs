//! Calls about windows, in which phones are claimed by their certificates.

use contracts::redirection as message;
use contracts::redirection::{
    ClaimByCertificateRequest, ClaimByCertificateResponse, CloseWindowRequest, CloseWindowResponse, ListWindowsRequest,
    ListWindowsResponse, OpenWindowRequest, OpenWindowResponse,
};
use vocabulary::{MacAddress, ProviderId, Timestamp};

use crate::change::{By, NewWindow, When};
use crate::range::Block;
use crate::refusal::WindowRefused;
use crate::window::{self, Expiry, Shown, Window};
use crate::{Redirection, store};

impl Redirection {
    pub(super) async fn on_open_window(
        &self,
        request: OpenWindowRequest,
        by: By,
    ) -> Result<OpenWindowResponse, WindowRefused> {
        let new = NewWindow {
            provider: owner(&request.provider_id)?,
            profile: request.profile,
            block: Block::new(request.first, request.last)?,
            until: window::parse_until(request.until, by.at)?,
        };
        Ok(OpenWindowResponse { window: Some(self.window_open(new, by).await?.into()) })
    }

    pub(super) async fn on_list_windows(
        &self,
        request: ListWindowsRequest,
    ) -> Result<ListWindowsResponse, WindowRefused> {
        let long_ago = self.clock.now().as_micros() - Timestamp::from_micros(0).plus(window::LONGEST).as_micros();
        let since = Timestamp::from_micros(long_ago);
        let windows = store::window_list(&self.db, &owner(&request.provider_id)?, since).await?;
        Ok(ListWindowsResponse { windows: windows.into_iter().map(Into::into).collect() })
    }

    pub(super) async fn on_close_window(
        &self,
        request: CloseWindowRequest,
        by: By,
    ) -> Result<CloseWindowResponse, WindowRefused> {
        let provider = owner(&request.provider_id)?;
        // What is not an id is the id of no window.
        let id = request.window_id.parse().map_err(|_| WindowRefused::Unknown)?;
        self.window_close(provider, id, by).await?;
        Ok(CloseWindowResponse {})
    }

    pub(super) async fn on_claim_by_certificate(
        &self,
        request: ClaimByCertificateRequest,
        by: By,
    ) -> Result<ClaimByCertificateResponse, WindowRefused> {
        let certificate = request.certificate.ok_or(WindowRefused::NoCertificate)?;
        let shown = Shown {
            mac: MacAddress::from_u64(certificate.mac)?,
            // A phone that describes itself oddly is a phone none the less.
            serial: certificate.serial.parse().ok(),
            model: request.model.parse().ok(),
            certificate: if certificate.expired { Expiry::Expired } else { Expiry::Valid },
        };
        Ok(match self.device_claim_by_certificate(shown, by).await? {
            None => ClaimByCertificateResponse::default(),
            Some(came_in) => ClaimByCertificateResponse {
                provider_id: came_in.provider.to_string(),
                profile_id: came_in.profile.to_string(),
                created: came_in.when == When::Now,
            },
        })
    }
}

fn owner(provider_id: &str) -> Result<ProviderId, WindowRefused> {
    provider_id.parse().map_err(WindowRefused::InvalidProvider)
}

impl From<Window> for message::Window {
    fn from(window: Window) -> Self {
        Self {
            id: window.id.to_string(),
            provider_id: window.provider.to_string(),
            profile_id: window.profile.to_string(),
            first: window.block.first(),
            last: window.block.last(),
            from: window.from.as_micros(),
            until: window.until.as_micros(),
            claimed: window.claimed,
        }
    }
}
