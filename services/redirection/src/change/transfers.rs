//! Changes of requests for another's phone.

use std::time::Duration;

use storage::{StoreError, Tx};
use vocabulary::{MacAddress, ProviderId, SerialNumber, TransferId};

use super::By;
use super::devices::stored;
use super::succession::{Parties, hand_over, record_for_both};
use crate::Redirection;
use crate::assignment::Assignment;
use crate::claim::{ClaimProof, Evidence, Proven};
use crate::ownership::Ended;
use crate::refusal::{OnHold, ProviderFrozen, TransferRefused};
use crate::store::{self, Decided, Macs};
use crate::transfer::{Decider, Decision, Note, Progress, Transfer, Undecidable};
use crate::writer::Done;

/// What a provider asks for.
pub(crate) struct Wish {
    pub mac: MacAddress,
    pub claimant: ProviderId,
    /// Who stands above the claimant.
    pub ancestors: Vec<ProviderId>,
    /// A profile of the claimant, by id or name.
    pub profile: String,
    pub serial: Option<SerialNumber>,
    pub statement: Note,
}

/// What somebody decides.
pub(crate) struct Verdict {
    /// `None` for the operator.
    pub provider: Option<ProviderId>,
    pub id: TransferId,
    pub decision: Decision,
    pub reason: Note,
}

impl Redirection {
    /// Asks the owner of a phone for it. While a request is open, asking again answers it.
    pub(crate) async fn transfer_request(&self, wish: Wish, by: By) -> Result<Transfer, TransferRefused> {
        let (id, time_to_answer) = (TransferId::draw(&self.randomness), self.time_to_answer);
        let work = async move |mut tx| {
            store::provider_must_be_free::<TransferRefused>(&mut tx, &wish.claimant).await?;
            if let Some(open) = store::transfer_find_open(&mut tx, wish.mac, &wish.claimant).await? {
                return Ok(Done { tx, changes: Vec::new(), answer: open });
            }
            let transfer = requested(&mut tx, wish, (id, time_to_answer), &by).await?;
            store::transfer_create(&mut tx, &transfer).await?;
            let parties = Parties { claimant: &transfer.claimant, owner: &transfer.owner, decider: Decider::Claimant };
            record_for_both(&mut tx, &parties, ("transfer.request", &transfer), &by).await?;
            Ok(Done { tx, changes: Vec::new(), answer: transfer })
        };
        self.writer.write(work).await
    }

    /// The owner, or after its time the operator, agrees or refuses; the claimant takes back.
    pub(crate) async fn transfer_decide(&self, verdict: Verdict, by: By) -> Result<Transfer, TransferRefused> {
        let work = async move |mut tx| {
            if let Some(provider) = &verdict.provider {
                store::provider_must_be_free::<TransferRefused>(&mut tx, provider).await?;
            }
            let unknown = TransferRefused::Unknown;
            let transfer = store::transfer_find(tx.connection(), &verdict.id).await?.ok_or(unknown)?;
            let decider = transfer.role_of(verdict.provider.as_ref()).ok_or(TransferRefused::Unknown)?;
            if !transfer.is_to_be(verdict.decision, decider, by.at)? {
                return Ok(Done { tx, changes: Vec::new(), answer: transfer });
            }
            let mut changes = Vec::new();
            if verdict.decision == Decision::Agree {
                changes.push(stored(&agree(&mut tx, &transfer, decider, &by).await?));
            } else {
                let progress = verdict.decision.outcome();
                let outcome = Decided { progress, at: by.at, by: decider, reason: &verdict.reason };
                store::transfer_decide(&mut tx, &transfer.id, &outcome).await?;
            }
            let parties = Parties { claimant: &transfer.claimant, owner: &transfer.owner, decider };
            record_for_both(&mut tx, &parties, (verb(verdict.decision), &transfer), &by).await?;
            let told = store::transfer_find(tx.connection(), &transfer.id).await?.ok_or(StoreError::Changed)?;
            Ok(Done { tx, changes, answer: told })
        };
        self.writer.write(work).await
    }
}

/// What will be stored of the wish, if it may be made.
async fn requested(
    tx: &mut Tx,
    wish: Wish,
    (id, time_to_answer): (TransferId, Duration),
    by: &By,
) -> Result<Transfer, TransferRefused> {
    let owner = match store::owner_find(tx.connection(), wish.mac).await? {
        None => return Err(TransferRefused::NotOwned),
        Some(owner) if owner == wish.claimant => return Err(TransferRefused::AlreadyYours),
        Some(owner) => owner,
    };
    must_not_be_held(tx, wish.mac).await?;
    let profile = store::profile_named(tx, &wish.claimant, &wish.profile).await?;
    let proof = proven(tx, &wish, &owner).await?;
    Ok(Transfer {
        id,
        mac: wish.mac,
        claimant: wish.claimant,
        profile: profile.ok_or(TransferRefused::UnknownProfile)?,
        owner,
        progress: Progress::Open,
        statement: wish.statement,
        serial: wish.serial,
        proof,
        requested_at: by.at,
        answer_by: by.at.plus(time_to_answer),
        decided_at: None,
        decided_by: Decider::Nobody,
        reason: Note::default(),
    })
}

/// How well the wish is proven. What the operator's policy asks of a claim it asks here too; only a certificate
/// cannot be shown, for the phone's answers are its owner's.
async fn proven(tx: &mut Tx, wish: &Wish, owner: &ProviderId) -> Result<Proven, TransferRefused> {
    let shipped = store::manifest_find(tx, wish.mac).await?;
    let serial = wish.serial.as_ref();
    let evidence = Evidence { claimant: &wish.claimant, ancestors: &wish.ancestors, serial, shipped: shipped.as_ref() };
    match store::claim_rule_of(tx, wish.mac).await? {
        ClaimProof::Certificate => return Ok(Proven::None),
        rule @ (ClaimProof::Open | ClaimProof::Serial | ClaimProof::Manifest) => rule.is_met_by(&evidence)?,
    }
    let noted =
        store::device_find(tx.connection(), owner, wish.mac).await?.and_then(|device| device.description.serial);
    Ok(evidence.proves(noted.as_ref()))
}

async fn agree(tx: &mut Tx, transfer: &Transfer, decider: Decider, by: &By) -> Result<Assignment, TransferRefused> {
    must_not_be_held(tx, transfer.mac).await?;
    match store::owner_find(tx.connection(), transfer.mac).await? {
        // Nobody's: it was in a block that the operator has taken from its owner.
        None => {}
        Some(owner) if owner == transfer.owner => {}
        Some(_) => return Err(Undecidable::Closed.into()),
    }
    match store::provider_must_be_free::<TransferRefused>(tx, &transfer.claimant).await {
        Err(TransferRefused::Frozen(ProviderFrozen)) => return Err(TransferRefused::ClaimantAway),
        other => other?,
    }
    if store::profile_named(tx, &transfer.claimant, transfer.profile.as_str()).await?.is_none() {
        return Err(TransferRefused::ClaimantAway);
    }
    store::ownership_end(tx, &Macs::of(&[transfer.mac]), Ended::Transferred, by.at).await?;
    Ok(hand_over(tx, transfer, decider, by).await?)
}

async fn must_not_be_held(tx: &mut Tx, mac: MacAddress) -> Result<(), TransferRefused> {
    if store::hold_find(tx, &Macs::of(&[mac])).await?.is_empty() { Ok(()) } else { Err(OnHold.into()) }
}

const fn verb(decision: Decision) -> &'static str {
    match decision {
        Decision::Agree => "transfer.agree",
        Decision::Refuse => "transfer.refuse",
        Decision::Cancel => "transfer.cancel",
    }
}
