//! What becomes of a phone that its owner gives up: it goes to the first that has asked for it with proof, else to
//! nobody.

use rpc::Actor;
use serde_json::json;
use storage::{StoreError, Tx};
use vocabulary::{MacAddress, ProviderId};

use super::{By, Deed};
use crate::assignment::{Assignment, Description};
use crate::ownership::{Began, Ended};
use crate::store::{self, Beginning, Decided, Macs, Overtaking};
use crate::transfer::{Decider, Note, Progress, Transfer};

/// Why a request is over, as its claimant reads it.
const RELEASED: &str = "the phone was given up, and nobody has it; claim it";
const GIVEN_TO_ANOTHER: &str = "the phone was given to another provider";

/// A phone that is no longer its owner's, and no longer registered.
pub(super) struct GivenUp {
    pub mac: MacAddress,
    pub ended: Ended,
    /// Who has given it up.
    pub decider: Decider,
}

/// Ends its owner's time, and answers where it goes now.
pub(super) async fn pass_on(tx: &mut Tx, given_up: &GivenUp, by: &By) -> Result<Option<Assignment>, StoreError> {
    let macs = Macs::of(&[given_up.mac]);
    store::ownership_end(tx, &macs, given_up.ended, by.at).await?;
    if store::owner_find(tx.connection(), given_up.mac).await?.is_some() {
        // It is in a block of its owner's, and its owner's still; those who asked for it go on waiting.
        return Ok(None);
    }
    let Some(heir) = store::transfer_heir(tx, given_up.mac).await? else {
        store::transfer_overtake(tx, &macs, &Overtaking { at: by.at, winner: None, reason: RELEASED }).await?;
        return Ok(None);
    };
    let assignment = hand_over(tx, &heir, given_up.decider, by).await?;
    let target = heir.id.as_str();
    let detail = json!({ "mac": heir.mac.to_string(), "by": "release" });
    let deed = Deed { concerns: &heir.claimant, verb: "transfer.agree", target, detail };
    as_told_to_the_other(by, given_up.decider).record(tx, deed).await?;
    Ok(Some(assignment))
}

/// Makes the phone the claimant's; those who asked for it too have lost. Nothing that its owner has noted of it goes
/// with it: what is known of it is what the claimant and its manufacturer say.
pub(super) async fn hand_over(
    tx: &mut Tx,
    transfer: &Transfer,
    decider: Decider,
    by: &By,
) -> Result<Assignment, StoreError> {
    let shipped = store::manifest_find(tx, transfer.mac).await?;
    let (serial, model) = shipped.map_or((None, None), |shipped| (shipped.serial, shipped.model));
    let assignment = Assignment {
        mac: transfer.mac,
        provider: transfer.claimant.clone(),
        profile: transfer.profile.clone(),
        description: Description { serial: transfer.serial.clone().or(serial), model, note: String::new() },
        created_at: by.at,
        changed_at: by.at,
        seal: None,
        is_held: false,
    };
    store::device_take(tx, &assignment, &transfer.owner).await?;
    let macs = Macs::of(&[transfer.mac]);
    let beginning = Beginning { provider: &transfer.claimant, began: Began::Transfer, at: by.at };
    store::ownership_begin(tx, &macs, &beginning).await?;
    let done = Decided { progress: Progress::Done, at: by.at, by: decider, reason: &Note::default() };
    store::transfer_decide(tx, &transfer.id, &done).await?;
    store::transfer_overtake(tx, &macs, &Overtaking { at: by.at, winner: None, reason: GIVEN_TO_ANOTHER }).await?;
    Ok(assignment)
}

/// The act as the log tells it to the other party: what was done, and not who of whose people did it. The log has
/// the whole in the act beside it.
pub(super) fn as_told_to_the_other(by: &By, decider: Decider) -> By {
    if decider == Decider::Operator {
        return by.clone();
    }
    let [tenant, source, request_id] = [const { String::new() }; 3];
    By { actor: Actor { subject: format!("the {}", party(decider)), tenant, source, request_id }, at: by.at }
}

const fn party(decider: Decider) -> &'static str {
    match decider {
        Decider::Claimant => "claimant",
        Decider::Owner | Decider::Operator | Decider::Nobody => "owner",
    }
}

/// Both whom a transfer concerns, and the one who acts.
pub(super) struct Parties<'a> {
    pub claimant: &'a ProviderId,
    pub owner: &'a ProviderId,
    pub decider: Decider,
}

/// Notes an act on a transfer for both whom it concerns; neither is told more of the other than the transfer tells.
pub(super) async fn record_for_both(
    tx: &mut Tx,
    parties: &Parties<'_>,
    deed: (&'static str, &Transfer),
    by: &By,
) -> Result<(), StoreError> {
    let (verb, transfer) = deed;
    let (actor, other) = match parties.decider {
        Decider::Claimant => (parties.claimant, parties.owner),
        Decider::Owner | Decider::Operator | Decider::Nobody => (parties.owner, parties.claimant),
    };
    for (concerns, by) in [(actor, by.clone()), (other, as_told_to_the_other(by, parties.decider))] {
        let detail = json!({ "mac": transfer.mac.to_string(), "proof": transfer.proof.word() });
        let detail = if concerns == parties.claimant { json!({ "mac": transfer.mac.to_string() }) } else { detail };
        by.record(tx, Deed { concerns, verb, target: transfer.id.as_str(), detail }).await?;
    }
    Ok(())
}
