//! Calls about phones that one provider asks another for.

use contracts::redirection as message;
use contracts::redirection::{
    DecideTransferRequest, DecideTransferResponse, ListTransfersRequest, ListTransfersResponse, RequestTransferRequest,
    RequestTransferResponse,
};
use vocabulary::{MacAddress, ProviderId, Timestamp};

use crate::change::{By, Verdict, Wish};
use crate::listing::PageSize;
use crate::refusal::TransferRefused;
use crate::transfer::{Decision, Note, State, Transfer};
use crate::{Redirection, store, wire};

impl Redirection {
    pub(super) async fn on_request_transfer(
        &self,
        request: RequestTransferRequest,
        by: By,
    ) -> Result<RequestTransferResponse, TransferRefused> {
        let claimant: ProviderId = request.provider_id.parse().map_err(TransferRefused::InvalidProvider)?;
        let serial = Some(request.serial.trim()).filter(|serial| !serial.is_empty());
        let wish = Wish {
            mac: MacAddress::from_u64(request.mac)?,
            claimant: claimant.clone(),
            ancestors: wire::ids(&request.ancestors).map_err(TransferRefused::InvalidAncestor)?,
            profile: request.profile,
            serial: serial.map(str::parse).transpose().map_err(TransferRefused::InvalidSerial)?,
            statement: Note::parse(&request.statement).map_err(TransferRefused::InvalidStatement)?,
        };
        let now = by.at;
        let transfer = self.transfer_request(wish, by).await?;
        Ok(RequestTransferResponse { transfer: Some(told(&transfer, Some(&claimant), now)) })
    }

    pub(super) async fn on_list_transfers(
        &self,
        request: ListTransfersRequest,
    ) -> Result<ListTransfersResponse, TransferRefused> {
        let reader = wire::reader(&request.provider_id).map_err(TransferRefused::InvalidProvider)?;
        let (size, now) = (PageSize::parse(request.limit)?, self.clock.now());
        let page = match &reader {
            Some(provider) => store::transfer_list(&self.db, provider, &request.after, size).await?,
            None => store::transfer_waiting(&self.db, now, &request.after, size).await?,
        };
        let transfers = page.items.iter().map(|transfer| told(transfer, reader.as_ref(), now)).collect();
        Ok(ListTransfersResponse { transfers, more: page.more })
    }

    pub(super) async fn on_decide_transfer(
        &self,
        request: DecideTransferRequest,
        by: By,
    ) -> Result<DecideTransferResponse, TransferRefused> {
        let decision = match request.decision() {
            message::TransferDecision::Unspecified => return Err(TransferRefused::InvalidDecision),
            message::TransferDecision::Agree => Decision::Agree,
            message::TransferDecision::Refuse => Decision::Refuse,
            message::TransferDecision::Cancel => Decision::Cancel,
        };
        let provider = wire::reader(&request.provider_id).map_err(TransferRefused::InvalidProvider)?;
        let verdict = Verdict {
            provider: provider.clone(),
            // What is not an id is the id of no request.
            id: request.transfer_id.parse().map_err(|_| TransferRefused::Unknown)?,
            decision,
            reason: Note::parse(&request.reason).map_err(TransferRefused::InvalidReason)?,
        };
        let now = by.at;
        let transfer = self.transfer_decide(verdict, by).await?;
        Ok(DecideTransferResponse { transfer: Some(told(&transfer, provider.as_ref(), now)) })
    }
}

/// The transfer as `reader` may see it; `None` for the operator. The claimant is told neither whose the phone is, nor
/// whether the serial number it has stated is the one that the owner has noted.
fn told(transfer: &Transfer, reader: Option<&ProviderId>, now: Timestamp) -> message::Transfer {
    let state = match transfer.state(now) {
        State::Requested => message::TransferState::Requested,
        State::Escalated => message::TransferState::Escalated,
        State::Done => message::TransferState::Done,
        State::Refused => message::TransferState::Refused,
        State::Cancelled => message::TransferState::Cancelled,
        State::Overtaken => message::TransferState::Overtaken,
    };
    let is_claimant = reader == Some(&transfer.claimant);
    let (owner_id, proof) =
        if is_claimant { Default::default() } else { (transfer.owner.to_string(), transfer.proof.word().to_owned()) };
    message::Transfer {
        id: transfer.id.to_string(),
        mac: transfer.mac.to_u64(),
        claimant_id: transfer.claimant.to_string(),
        owner_id,
        state: state.into(),
        statement: transfer.statement.as_str().to_owned(),
        proof,
        requested_at: transfer.requested_at.as_micros(),
        answer_by: transfer.answer_by.as_micros(),
        decided_at: transfer.decided_at.map(Timestamp::as_micros).unwrap_or_default(),
        decided_by: transfer.decided_by.word().to_owned(),
        reason: transfer.reason.as_str().to_owned(),
    }
}
