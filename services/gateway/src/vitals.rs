//! What operators and their tools are told of a process: how its services are, and what it has counted.

use std::sync::Arc;

use prometheus_client::registry::Registry;

use crate::Probes;

/// Probes and counters of one process. Clones are the same.
#[derive(Clone)]
pub struct Vitals {
    probes: Arc<Probes>,
    registry: Arc<Registry>,
}

impl Vitals {
    /// Those of a process with these probes and everything counted in `registry`.
    pub fn new(probes: Probes, registry: Registry) -> Self {
        Self { probes: Arc::new(probes), registry: Arc::new(registry) }
    }

    pub(crate) fn probes(&self) -> &Probes {
        &self.probes
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }
}
