//! Phones handed over and held, many at a time: all of them or none.

use serde_json::json;
use storage::Tx;
use vocabulary::{MacAddress, ProfileId, ProviderId};

use super::{By, Deed};
use crate::Redirection;
use crate::index::{Change, StoredPhone};
use crate::ownership::{Began, Ended};
use crate::phones::Phones;
use crate::refusal::PhonesRefused;
use crate::store::{self, Beginning, Handover, Macs, Overtaking};
use crate::writer::Done;

/// How many phones one act of the audit log names, and one statement moves.
const CHUNK: usize = 500;

/// Why a request is over, as its claimant reads it.
const MOVED: &str = "the phone was handed to another provider";

/// A wish to hand phones over.
pub(crate) struct Move {
    pub from: ProviderId,
    pub to: ProviderId,
    /// A profile of the new provider, by id or name.
    pub to_profile: String,
    pub which: Which,
}

/// Which phones.
pub(crate) enum Which {
    Named(Phones),
    /// All that go to this profile of the present provider, by id or name.
    OfProfile(String),
}

/// What was handed over.
pub(crate) struct MovedPhones {
    pub macs: Vec<MacAddress>,
    pub profile: ProfileId,
}

/// What the operator does with phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    Put,
    LetGo,
}

impl Redirection {
    /// Hands phones to another provider. Those that it has already are left as they are.
    pub(crate) async fn devices_move(&self, wish: Move, by: By) -> Result<MovedPhones, PhonesRefused> {
        let work = async move |mut tx| {
            store::provider_must_be_free::<PhonesRefused>(&mut tx, &wish.from).await?;
            store::provider_must_be_free::<PhonesRefused>(&mut tx, &wish.to).await?;
            let profile = store::profile_named(&mut tx, &wish.to, &wish.to_profile).await?;
            let profile = profile.ok_or(PhonesRefused::UnknownToProfile)?;
            let handover = Handover { from: &wish.from, to: &wish.to, profile: &profile, at: by.at };
            let changes = match &wish.which {
                Which::Named(phones) => {
                    let macs = to_be_moved(&mut tx, phones, &handover).await?;
                    let mut changes = Vec::with_capacity(macs.len());
                    for chunk in macs.chunks(CHUNK) {
                        changes.extend(hand_over(&mut tx, chunk, &handover, &by).await?);
                    }
                    changes
                }
                Which::OfProfile(name) => hand_over_profile(&mut tx, name, &handover, &by).await?,
            };
            let macs = changes.iter().map(|(mac, _)| *mac).collect();
            let changes = changes.into_iter().map(|(_, change)| change).collect();
            Ok(Done { tx, changes, answer: MovedPhones { macs, profile } })
        };
        self.writer.write(work).await
    }

    /// Holds phones or lets go of them. Answers how many were not so before.
    pub(crate) async fn devices_hold(&self, phones: Phones, hold: Hold, by: By) -> Result<usize, PhonesRefused> {
        let work = async move |mut tx| {
            let mut changed = 0;
            for chunk in phones.as_slice().chunks(CHUNK) {
                let macs = Macs::of(chunk);
                let new = match hold {
                    Hold::Put => store::hold_put(&mut tx, &macs, by.at).await?,
                    Hold::LetGo => store::hold_delete(&mut tx, &macs).await?,
                };
                changed += new.len();
                record_hold(&mut tx, &new, hold, &by).await?;
            }
            Ok(Done { tx, changes: Vec::new(), answer: changed })
        };
        self.writer.write(work).await
    }
}

/// Those of the phones that are still the present provider's. One that is neither's refuses the whole.
async fn to_be_moved(tx: &mut Tx, phones: &Phones, handover: &Handover<'_>) -> Result<Vec<MacAddress>, PhonesRefused> {
    let macs = Macs::of(phones.as_slice());
    let here = store::devices_among(tx, &macs, handover.from).await?;
    let there = store::devices_among(tx, &macs, handover.to).await?;
    let is_neither = |mac: &&MacAddress| here.binary_search(mac).is_err() && there.binary_search(mac).is_err();
    let unknown: Vec<MacAddress> = phones.as_slice().iter().filter(is_neither).copied().collect();
    if unknown.is_empty() { Ok(here) } else { Err(PhonesRefused::Unknown(unknown)) }
}

async fn hand_over_profile(
    tx: &mut Tx,
    name: &str,
    handover: &Handover<'_>,
    by: &By,
) -> Result<Vec<(MacAddress, Change)>, PhonesRefused> {
    let profile = store::profile_named(tx, handover.from, name).await?;
    let profile = profile.ok_or(PhonesRefused::UnknownFromProfile)?;
    let chunk = i64::try_from(CHUNK).unwrap_or(i64::MAX);
    let mut changes = Vec::new();
    loop {
        // Those that were moved no longer go to it.
        let macs = store::devices_of_profile(tx, handover.from, &profile, chunk).await?;
        if macs.is_empty() {
            return Ok(changes);
        }
        changes.extend(hand_over(tx, &macs, handover, by).await?);
    }
}

async fn hand_over(
    tx: &mut Tx,
    phones: &[MacAddress],
    handover: &Handover<'_>,
    by: &By,
) -> Result<Vec<(MacAddress, Change)>, PhonesRefused> {
    let macs = Macs::of(phones);
    let held = store::hold_find(tx, &macs).await?;
    if !held.is_empty() {
        return Err(PhonesRefused::OnHold(held));
    }
    let moved = store::devices_move(tx, &macs, handover).await?;
    store::ownership_end(tx, &macs, Ended::Moved, by.at).await?;
    let beginning = Beginning { provider: handover.to, began: Began::Moved, at: by.at };
    store::ownership_begin(tx, &macs, &beginning).await?;
    let over = Overtaking { at: by.at, winner: Some(handover.to), reason: MOVED };
    store::transfer_overtake(tx, &macs, &over).await?;
    record_move(tx, phones, handover, by).await?;
    let change = |mac, serial| Change::DeviceStored(StoredPhone { mac, profile: handover.profile.clone(), serial });
    Ok(moved.into_iter().map(|moved| (moved.mac, change(moved.mac, moved.serial))).collect())
}

/// For both providers: who hands over acts for both.
async fn record_move(
    tx: &mut Tx,
    phones: &[MacAddress],
    handover: &Handover<'_>,
    by: &By,
) -> Result<(), PhonesRefused> {
    let target = target_of(phones);
    for concerns in [handover.from, handover.to] {
        let detail = json!({
            "from": handover.from.as_str(),
            "to": handover.to.as_str(),
            "profile": handover.profile.as_str(),
            "macs": names(phones),
        });
        by.record(tx, Deed { concerns, verb: "device.move", target: &target, detail }).await?;
    }
    Ok(())
}

/// For each owner its own phones; for the operator those that nobody has registered.
async fn record_hold(tx: &mut Tx, phones: &[MacAddress], hold: Hold, by: &By) -> Result<(), PhonesRefused> {
    let verb = match hold {
        Hold::Put => "device.hold",
        Hold::LetGo => "device.unhold",
    };
    let owned = store::owners_find(tx, &Macs::of(phones)).await?;
    let is_free = |mac: &&MacAddress| !owned.iter().any(|(_, known)| known == *mac);
    let free: Vec<MacAddress> = phones.iter().filter(is_free).copied().collect();
    let mut groups: Vec<(ProviderId, Vec<MacAddress>)> = Vec::new();
    for (owner, mac) in owned {
        match groups.last_mut().filter(|(last, _)| *last == owner) {
            Some((_, macs)) => macs.push(mac),
            None => groups.push((owner, vec![mac])),
        }
    }
    if !free.is_empty() {
        groups.push((ProviderId::operator(), free));
    }
    for (concerns, macs) in groups {
        let detail = json!({ "macs": names(&macs) });
        by.record(tx, Deed { concerns: &concerns, verb, target: &target_of(&macs), detail }).await?;
    }
    Ok(())
}

/// The first phone stands for all; the detail names each.
fn target_of(phones: &[MacAddress]) -> String {
    phones.first().map(ToString::to_string).unwrap_or_default()
}

fn names(phones: &[MacAddress]) -> Vec<String> {
    phones.iter().map(ToString::to_string).collect()
}
