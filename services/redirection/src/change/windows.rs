//! Changes of windows, and the phones that come in through them.

use serde_json::json;
use storage::{StoreError, Tx};
use vocabulary::{ProfileId, ProviderId, Timestamp, WindowId};

use super::devices::stored;
use super::{By, Deed};
use crate::Redirection;
use crate::assignment::{Assignment, Description};
use crate::claim::Evidence;
use crate::index::{Change, OpenWindow};
use crate::ownership::Began;
use crate::policy::ExpiredCertificates;
use crate::range::Block;
use crate::refusal::WindowRefused;
use crate::store::{self, Beginning, Closed, Macs, Overtaking};
use crate::window::{Expiry, Shown, Window};
use crate::writer::Done;

/// Why a request is over: the phone was nobody's, and somebody has claimed it.
const CLAIMED: &str = "the phone was claimed by another provider";

/// A window to be opened.
pub(crate) struct NewWindow {
    pub provider: ProviderId,
    /// A profile's id or its name.
    pub profile: String,
    pub block: Block,
    pub until: Timestamp,
}

/// A phone that has come in through a window.
pub(crate) struct CameIn {
    pub provider: ProviderId,
    pub profile: ProfileId,
    pub when: When,
}

/// Whether it came in by this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    Before,
}

impl From<Window> for Change {
    fn from(window: Window) -> Self {
        let Window { id, provider, block, from, until, .. } = window;
        Self::WindowOpened(OpenWindow { id, provider, block, from, until })
    }
}

impl Redirection {
    /// Opens a window over a block that no other open window and no block of another provider touches.
    pub(crate) async fn window_open(&self, new: NewWindow, by: By) -> Result<Window, WindowRefused> {
        let id = WindowId::draw(&self.randomness);
        let work = async move |mut tx| {
            store::provider_must_be_free::<WindowRefused>(&mut tx, &new.provider).await?;
            let profile = store::profile_named(&mut tx, &new.provider, &new.profile).await?;
            let profile = profile.ok_or(WindowRefused::UnknownProfile)?;
            if let Some(other) = store::window_in_the_way(&mut tx, &new.provider, new.block, by.at).await? {
                return Err(WindowRefused::Overlaps(other));
            }
            let NewWindow { provider, block, until, .. } = new;
            let window = Window { id, provider, profile, block, from: by.at, until, claimed: 0 };
            store::window_create(&mut tx, &window).await?;
            let detail = json!({
                "block": block.to_string(),
                "profile": window.profile.as_str(),
                "until": until.to_string(),
            });
            let (concerns, target) = (&window.provider, window.id.as_str());
            by.record(&mut tx, Deed { concerns, verb: "window.open", target, detail }).await?;
            Ok(Done { tx, changes: vec![window.clone().into()], answer: window })
        };
        self.writer.write(work).await
    }

    /// Closes the provider's window; one that is closed stays so since when it was.
    pub(crate) async fn window_close(&self, provider: ProviderId, id: WindowId, by: By) -> Result<(), WindowRefused> {
        let work = async move |mut tx| {
            store::provider_must_be_free::<WindowRefused>(&mut tx, &provider).await?;
            let changes = match store::window_close(&mut tx, &provider, &id, by.at).await? {
                Closed::Unknown => return Err(WindowRefused::Unknown),
                Closed::Before => Vec::new(),
                Closed::Now => {
                    let (verb, target, detail) = ("window.close", id.as_str(), json!({}));
                    by.record(&mut tx, Deed { concerns: &provider, verb, target, detail }).await?;
                    vec![Change::WindowClosed(id)]
                }
            };
            Ok(Done { tx, changes, answer: () })
        };
        self.writer.write(work).await
    }

    /// A phone has shown its certificate: it becomes the provider's whose window waits for it. `None` where none does.
    pub(crate) async fn device_claim_by_certificate(
        &self,
        shown: Shown,
        by: By,
    ) -> Result<Option<CameIn>, WindowRefused> {
        let work = async move |mut tx: Tx| {
            if let Some(owner) = store::owner_find(tx.connection(), shown.mac).await? {
                let answer = came_before(&mut tx, &shown, &owner).await?;
                return Ok(Done { tx, changes: Vec::new(), answer });
            }
            let Some(window) = waiting_for(&mut tx, &shown, &by).await? else {
                return Ok(Done { tx, changes: Vec::new(), answer: None });
            };
            let assignment = let_in(&mut tx, shown, &window, &by).await?;
            let changes = vec![stored(&assignment)];
            let Assignment { provider, profile, .. } = assignment;
            Ok(Done { tx, changes, answer: Some(CameIn { provider, profile, when: When::Now }) })
        };
        self.writer.write(work).await
    }
}

/// Whether the phone is its owner's through a window: then this is the same claim again.
async fn came_before(tx: &mut Tx, shown: &Shown, owner: &ProviderId) -> Result<Option<CameIn>, StoreError> {
    let Some(device) = store::device_find(tx.connection(), owner, shown.mac).await? else { return Ok(None) };
    let present = store::ownership_list(tx.connection(), shown.mac).await?.into_iter().next();
    let is_by_window = present.is_some_and(|present| present.ended.is_none() && present.began == Began::Window);
    let Assignment { provider, profile, .. } = device;
    Ok(is_by_window.then_some(CameIn { provider, profile, when: When::Before }))
}

/// The window that waits for the phone, if nothing speaks against it.
async fn waiting_for(tx: &mut Tx, shown: &Shown, by: &By) -> Result<Option<Window>, StoreError> {
    if !store::hold_find(tx, &Macs::of(&[shown.mac])).await?.is_empty() {
        return Ok(None);
    }
    let Some(window) = store::window_waiting(tx, shown.mac, by.at).await? else { return Ok(None) };
    let policy = store::provider_policy(tx.connection(), &window.provider).await?;
    let is_refused = policy.expired_certificates == ExpiredCertificates::Refuse;
    if shown.certificate == Expiry::Expired && is_refused {
        return Ok(None);
    }
    let shipped = store::manifest_find(tx, shown.mac).await?;
    let evidence = Evidence {
        claimant: &window.provider,
        ancestors: &[],
        serial: shown.serial.as_ref(),
        shipped: shipped.as_ref(),
    };
    let is_met = store::claim_rule_of(tx, shown.mac).await?.is_met_with_certificate(&evidence).is_ok();
    Ok(is_met.then_some(window))
}

async fn let_in(tx: &mut Tx, shown: Shown, window: &Window, by: &By) -> Result<Assignment, StoreError> {
    let assignment = Assignment {
        mac: shown.mac,
        provider: window.provider.clone(),
        profile: window.profile.clone(),
        description: Description { serial: shown.serial, model: shown.model, note: String::new() },
        created_at: by.at,
        changed_at: by.at,
        seal: None,
        is_held: false,
    };
    store::device_take(tx, &assignment, &window.provider).await?;
    let macs = Macs::of(&[shown.mac]);
    let beginning = Beginning { provider: &window.provider, began: Began::Window, at: by.at };
    store::ownership_begin(tx, &macs, &beginning).await?;
    store::window_count(tx, &window.id, by.at).await?;
    let over = Overtaking { at: by.at, winner: Some(&window.provider), reason: CLAIMED };
    store::transfer_overtake(tx, &macs, &over).await?;
    let detail = json!({ "window": window.id.as_str(), "profile": window.profile.as_str() });
    let target = shown.mac.to_string();
    let verb = "device.claim_by_certificate";
    by.record(tx, Deed { concerns: &window.provider, verb, target: &target, detail }).await?;
    Ok(assignment)
}
