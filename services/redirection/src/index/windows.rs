//! The windows in which phones that nobody owns become a provider's by their certificates.

use std::collections::HashMap;

use vocabulary::{MacAddress, ProviderId, Timestamp, WindowId};

use crate::range::Block;

/// A window as it was opened.
#[derive(Debug, Clone)]
pub(crate) struct OpenWindow {
    pub id: WindowId,
    pub provider: ProviderId,
    pub block: Block,
    pub from: Timestamp,
    /// The first moment at which it is closed.
    pub until: Timestamp,
}

/// Few, and looked through only for phones that nobody owns and that show a certificate.
#[derive(Default)]
pub(super) struct Windows(HashMap<WindowId, OpenWindow>);

impl Windows {
    /// Those that are over by now are forgotten.
    pub fn open(&mut self, window: OpenWindow) {
        self.0.retain(|_, other| window.from < other.until);
        self.0.insert(window.id.clone(), window);
    }

    pub fn close(&mut self, id: &WindowId) {
        self.0.remove(id);
    }

    /// Whose windows cover the address at that moment.
    pub fn waiting_for(&self, mac: MacAddress, now: Timestamp) -> impl Iterator<Item = &ProviderId> {
        let waits = move |window: &&OpenWindow| window.from <= now && now < window.until && window.block.covers(mac);
        self.0.values().filter(waits).map(|window| &window.provider)
    }
}
