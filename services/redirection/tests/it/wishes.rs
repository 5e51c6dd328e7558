//! What providers and the operator wish for where it is about whose a phone is.

use contracts::redirection::{
    Certificate, ClaimByCertificateRequest, ClaimByCertificateResponse, ClaimProof, ClaimRule, CloseWindowRequest,
    DecideTransferRequest, DeleteClaimRuleRequest, GetOwnershipRequest, ImportManifestRequest, ImportManifestResponse,
    ListTransfersRequest, MoveDevicesRequest, MoveDevicesResponse, OpenWindowRequest, Ownership, PutClaimRuleRequest,
    PutDeviceRequest, PutDeviceResponse, RequestTransferRequest, SetHoldRequest, Shipped, Transfer, TransferDecision,
    TransferState, Window,
};
use rpc::{Actor, Failure, Peer, within_as};
use std::time::Duration;

use crate::support::{Provider, START, World, client};

/// Long enough for anything.
const PATIENCE: Duration = Duration::from_secs(30);

pub const DAY: i64 = 86_400_000_000;

impl Provider {
    /// One of its programs.
    pub fn actor(&self) -> Actor {
        let [subject, source, request_id] = ["cli_it", "192.0.2.7", "r-7"].map(str::to_owned);
        Actor { subject, tenant: self.id.clone(), source, request_id }
    }

    /// A phone with its serial number.
    pub async fn put_serial(&self, mac: u64, serial: &str) -> Result<PutDeviceResponse, Failure> {
        let (profile, serial) = ("Main".to_owned(), serial.to_owned());
        self.put(PutDeviceRequest { mac, profile, serial, ..PutDeviceRequest::default() }).await
    }

    pub async fn ask_for(&self, mac: u64, serial: &str) -> Result<Transfer, Failure> {
        let request = RequestTransferRequest {
            provider_id: self.id.clone(),
            mac,
            profile: "Main".to_owned(),
            serial: serial.to_owned(),
            statement: "bought second-hand".to_owned(),
            ancestors: Vec::new(),
        };
        let answer = self.client.clone().request_transfer(within_as(&self.actor(), PATIENCE, request)).await?;
        Ok(answer.into_inner().transfer.expect("a transfer"))
    }

    pub async fn decide(&self, id: &str, decision: TransferDecision) -> Result<Transfer, Failure> {
        let request = DecideTransferRequest {
            provider_id: self.id.clone(),
            transfer_id: id.to_owned(),
            decision: decision.into(),
            reason: "because".to_owned(),
        };
        let answer = self.client.clone().decide_transfer(within_as(&self.actor(), PATIENCE, request)).await?;
        Ok(answer.into_inner().transfer.expect("a transfer"))
    }

    pub async fn transfers(&self) -> Vec<Transfer> {
        let request = ListTransfersRequest { provider_id: self.id.clone(), after: String::new(), limit: 1000 };
        self.client.clone().list_transfers(request).await.expect("a list").into_inner().transfers
    }

    /// How far its request has come, as it reads it.
    pub async fn state_of(&self, id: &str) -> TransferState {
        let transfers = self.transfers().await;
        transfers.iter().find(|transfer| transfer.id == id).expect("the transfer").state()
    }

    pub async fn ownership(&self, mac: u64) -> Result<Vec<Ownership>, Failure> {
        let request = GetOwnershipRequest { provider_id: self.id.clone(), mac };
        Ok(self.client.clone().get_ownership(request).await?.into_inner().ownerships)
    }

    pub async fn move_to(&self, other: &Self, macs: &[u64]) -> Result<MoveDevicesResponse, Failure> {
        let request = MoveDevicesRequest {
            provider_id: self.id.clone(),
            to_provider_id: other.id.clone(),
            to_profile: "Main".to_owned(),
            macs: macs.to_vec(),
            from_profile: String::new(),
        };
        Ok(self.client.clone().move_devices(within_as(&self.actor(), PATIENCE, request)).await?.into_inner())
    }

    pub async fn open_window(&self, (first, last): (u64, u64), until: i64) -> Result<Window, Failure> {
        let (provider_id, profile) = (self.id.clone(), "Main".to_owned());
        let request = OpenWindowRequest { provider_id, profile, first, last, until };
        Ok(self.client.clone().open_window(request).await?.into_inner().window.expect("a window"))
    }

    pub async fn close_window(&self, id: &str) -> Result<(), Failure> {
        let request = CloseWindowRequest { provider_id: self.id.clone(), window_id: id.to_owned() };
        self.client.clone().close_window(request).await?;
        Ok(())
    }
}

impl World {
    /// The operator reads and decides as nobody's provider.
    pub fn operator(&self) -> Provider {
        Provider { id: String::new(), client: client(&self.service, Peer::Gateway) }
    }

    pub async fn claim_rule(&self, prefix: u64, bits: u32, proof: ClaimProof) {
        let rule = Some(ClaimRule { prefix, bits, proof: proof.into() });
        self.operator().client.put_claim_rule(PutClaimRuleRequest { rule }).await.expect("a rule");
    }

    pub async fn no_claim_rule(&self, prefix: u64, bits: u32) {
        let request = DeleteClaimRuleRequest { prefix, bits };
        self.operator().client.delete_claim_rule(request).await.expect("no rule");
    }

    pub async fn shipped(&self, mac: u64, serial: &str, sold_to: &str) -> ImportManifestResponse {
        let [serial, model, sold_to] = [serial, "CP-7832", sold_to].map(str::to_owned);
        self.import(vec![Shipped { mac, serial, model, sold_to }]).await.expect("a manifest")
    }

    pub async fn import(&self, shipped: Vec<Shipped>) -> Result<ImportManifestResponse, Failure> {
        Ok(self.operator().client.import_manifest(ImportManifestRequest { shipped }).await?.into_inner())
    }

    pub async fn hold(&self, macs: &[u64], on_hold: bool) -> u64 {
        let request = SetHoldRequest { macs: macs.to_vec(), on_hold };
        self.operator().client.set_hold(request).await.expect("held").into_inner().changed
    }

    pub async fn show_certificate(&self, certificate: Certificate) -> ClaimByCertificateResponse {
        let request = ClaimByCertificateRequest { certificate: Some(certificate), model: "CP-7832".to_owned() };
        self.operator().client.claim_by_certificate(request).await.expect("an answer").into_inner()
    }

    /// Moves the clock to that many days after the start.
    pub fn wait_until_day(&self, day: u64) {
        let now = vocabulary::Clock::Manual(self.clock.clone()).now().as_micros();
        let by = START + i64::try_from(day).expect("a day") * DAY - now;
        self.clock.advance(Duration::from_micros(u64::try_from(by).expect("it has passed")));
    }

    /// The whole history, as the operator reads it: who, how it began, how it ended. Every row is checked against
    /// the next: times do not overlap, and only the last is open.
    pub async fn history(&self, mac: u64) -> Vec<(String, String, String)> {
        let mut rows = self.operator().ownership(mac).await.expect("a history");
        rows.reverse();
        for (number, pair) in (1..).zip(rows.windows(2)) {
            assert_eq!((pair[0].number, pair[1].number), (number, number + 1));
            assert!(!pair[0].ended_by.is_empty(), "only the last is open: {rows:?}");
            assert!(pair[0].from <= pair[0].until && pair[0].until <= pair[1].from, "they overlap: {rows:?}");
        }
        rows.into_iter().map(|row| (row.provider_id, row.began_by, row.ended_by)).collect()
    }

    /// A provider with a profile `Main`.
    pub async fn provider_with_profile(&self) -> Provider {
        let provider = self.provider();
        provider.profile("Main").await;
        provider
    }
}

/// A row of [`World::history`].
pub fn row(provider: &Provider, began: &str, ended: &str) -> (String, String, String) {
    (provider.id.clone(), began.to_owned(), ended.to_owned())
}
