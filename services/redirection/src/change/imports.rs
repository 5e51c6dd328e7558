//! Many phones claimed or described in one transaction, by a few statements for all of them.

use std::collections::BTreeMap;

use serde_json::json;
use storage::{StoreError, Tx};
use vocabulary::{MacAddress, ProfileId};

use super::devices::CLAIMED;
use super::{By, Deed};
use crate::Redirection;
use crate::import::{Claimant, Plan, Planned, RefusedRow, Rows, What};
use crate::index::{Change, StoredPhone};
use crate::ownership::Began;
use crate::refusal::DeviceRefused;
use crate::store::{self, Beginning, Macs, Overtaking};
use crate::writer::Done;

/// How many phones the index takes in at once, and a row of the log of changes names.
const CHUNK: usize = 500;

/// What became of an import, or would become of it.
pub(crate) struct ImportDone {
    pub created: usize,
    pub changed: usize,
    pub unchanged: u64,
    /// In the order of the rows.
    pub refused: Vec<RefusedRow>,
    /// Phones that now go to another profile than before, or to one for the first time.
    pub associated: BTreeMap<ProfileId, Vec<MacAddress>>,
}

impl Redirection {
    /// Makes phones the provider's, or changes what is recorded of them.
    pub(crate) async fn devices_import(
        &self,
        claimant: Claimant,
        rows: Rows,
        by: By,
    ) -> Result<ImportDone, DeviceRefused> {
        let work = async move |mut tx| {
            let plan = plan(&mut tx, &claimant, rows).await?;
            carry_out(&mut tx, &claimant, &plan.stored, &by).await?;
            let changes =
                plan.stored.chunks(CHUNK).map(|some| Change::DevicesStored(some.iter().map(stored).collect()));
            let changes = changes.collect();
            Ok(Done { tx, changes, answer: ImportDone::of(plan) })
        };
        self.writer.write(work).await
    }

    /// Says what [`Redirection::devices_import`] would do now.
    pub(crate) async fn devices_import_dry(
        &self,
        claimant: &Claimant,
        rows: Rows,
    ) -> Result<ImportDone, DeviceRefused> {
        let mut tx = self.db.snapshot().await?;
        Ok(ImportDone::of(plan(&mut tx, claimant, rows).await?))
    }
}

async fn plan(tx: &mut Tx, claimant: &Claimant, rows: Rows) -> Result<Plan, DeviceRefused> {
    store::provider_must_be_free::<DeviceRefused>(tx, &claimant.provider).await?;
    let facts = store::import_facts(tx, claimant, &rows.good).await?;
    Ok(facts.plan(claimant, rows))
}

async fn carry_out(tx: &mut Tx, claimant: &Claimant, planned: &[Planned], by: &By) -> Result<(), StoreError> {
    let provider = &claimant.provider;
    let macs = |wanted: fn(What) -> bool| {
        let phones: Vec<MacAddress> =
            planned.iter().filter(|planned| wanted(planned.what)).map(|planned| planned.row.mac).collect();
        (!phones.is_empty()).then(|| Macs::of(&phones))
    };
    if let Some(claimed) = macs(|what| what == What::Claimed) {
        let over = Overtaking { at: by.at, winner: Some(provider), reason: CLAIMED };
        store::transfer_overtake(tx, &claimed, &over).await?;
    }
    if let Some(new) = macs(What::is_new) {
        let began = Began::by_claim_of(&by.actor);
        store::ownership_begin(tx, &new, &Beginning { provider, began, at: by.at }).await?;
    }
    store::import_store(tx, provider, planned, by.at).await?;
    record(tx, claimant, planned, by).await
}

/// One act for all: who had which phone stands in each phone's history.
async fn record(tx: &mut Tx, claimant: &Claimant, planned: &[Planned], by: &By) -> Result<(), StoreError> {
    let Some((first, last)) = planned.first().zip(planned.last()) else { return Ok(()) };
    let (created, changed) = counts(planned);
    let target = first.row.mac.to_string();
    let detail = json!({ "created": created, "changed": changed, "first": target, "last": last.row.mac.to_string() });
    by.record(tx, Deed { concerns: &claimant.provider, verb: "device.import", target: &target, detail }).await
}

/// How many phones are new to the provider, and how many are not.
fn counts(planned: &[Planned]) -> (usize, usize) {
    let created = planned.iter().filter(|planned| planned.what.is_new()).count();
    (created, planned.len() - created)
}

fn stored(planned: &Planned) -> StoredPhone {
    let Planned { row, profile, .. } = planned;
    StoredPhone { mac: row.mac, profile: profile.clone(), serial: row.description.serial.clone() }
}

impl ImportDone {
    fn of(plan: Plan) -> Self {
        let (created, changed) = counts(&plan.stored);
        let mut associated: BTreeMap<ProfileId, Vec<MacAddress>> = BTreeMap::new();
        for planned in plan.stored.into_iter().filter(|planned| planned.what.is_association()) {
            associated.entry(planned.profile).or_default().push(planned.row.mac);
        }
        Self { created, changed, unchanged: plan.unchanged, refused: plan.refused, associated }
    }
}
