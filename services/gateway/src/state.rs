//! What every handler has at hand.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Uri;
use prometheus_client::registry::Registry;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use vocabulary::{Clock, Randomness, Secret};

use crate::auth::Verifier;
use crate::limits::MissLimit;
use crate::overload::Load;
use crate::phone::{Door, Journal, JournalConfig, ReportTokens};
use crate::questions::Questions;
use crate::{Backends, Crowd, GatewayMetrics, Probe, Probes, Vitals};

/// How the edge behaves.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Where phones find this service, without a trailing slash; `None` takes what the phone itself
    /// asked for (its `Host` header).
    pub public_url: Option<Uri>,
    /// The paths at which phones ask who they belong to, in the order they are tried.
    pub phone_doors: Vec<Door>,
    /// Signs the addresses that phones report to; the same in every gateway.
    pub report_key: Secret<[u8; 32]>,
    /// How long such an address is good for.
    pub report_lifetime: Duration,
    /// How many questions one source network may ask at once that are answered with nothing, before it is slowed.
    pub unknown_burst: u32,
    /// How many of them it may ask each second after that.
    pub unknown_per_second: u32,
    /// What is kept while it cannot be recorded.
    pub journal: JournalConfig,
    /// How much is done at once.
    pub bounds: Bounds,
}

/// How much is done at once, at most.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections of phones and programs.
    pub connections: usize,
    /// Those among them that have not asked anything yet.
    pub newcomers: usize,
    /// Requests under way.
    pub requests: usize,
}

/// The edge. Clones are the same edge.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

/// What the edge is put together from.
pub struct Parts {
    /// The services behind it.
    pub backends: Backends,
    /// Tells whether they can do their work.
    pub probes: Probes,
    /// Where the time comes from.
    pub clock: Clock,
    /// Where ids come from.
    pub randomness: Arc<Randomness>,
    /// The edge's own counters.
    pub metrics: GatewayMetrics,
    /// Everything that is counted in this process, the edge's counters among it.
    pub registry: Registry,
}

/// What every handler needs of the [`Parts`].
struct ToolsOfAll {
    backends: Backends,
    clock: Clock,
    randomness: Arc<Randomness>,
    metrics: GatewayMetrics,
}

struct Inner {
    config: GatewayConfig,
    parts: ToolsOfAll,
    verifier: Arc<Verifier>,
    /// Stops what runs beside the requests; and what that is.
    stop: watch::Sender<bool>,
    key_keeper: Mutex<Option<JoinHandle<()>>>,
    journal: Arc<Journal>,
    questions: Questions,
    report_tokens: ReportTokens,
    miss_limit: MissLimit,
    load: Load,
    vitals: Vitals,
}

/// Why the edge cannot start.
#[derive(Debug, thiserror::Error)]
#[error("the accounts service does not tell its keys: {0}")]
pub struct StartError(String);

impl Gateway {
    /// An edge made of `parts`. Fetches the keys that verify tokens, and begins to record.
    pub async fn start(config: GatewayConfig, parts: Parts) -> Result<Self, StartError> {
        let verifier = Arc::new(Verifier::fetch(parts.backends.accounts.clone()).await.map_err(StartError)?);
        let (stop, stopped) = watch::channel(false);
        let key_keeper = Mutex::new(Some(tokio::spawn(Arc::clone(&verifier).keep_fresh(stopped))));
        let customization = parts.backends.customization.clone();
        let journal = Arc::new(Journal::start(customization, &config.journal, parts.metrics.clone()).await);
        let questions = Questions::start(&parts.backends, &parts.metrics);
        let report_tokens = ReportTokens::new(&config.report_key, config.report_lifetime);
        let miss_limit = MissLimit::new(config.unknown_burst, config.unknown_per_second);
        let probes = parts.probes.into_iter().map(|(name, probe)| (name, recording(name, probe, &journal)));
        let probes = probes.chain([("queue", queueing(&journal))]).collect();
        let vitals = Vitals::new(probes, parts.registry);
        let parts = ToolsOfAll {
            backends: parts.backends,
            clock: parts.clock,
            randomness: parts.randomness,
            metrics: parts.metrics,
        };
        let load = Load::new(config.bounds.requests, parts.metrics.requests_under_way());
        let inner = Inner {
            config,
            parts,
            verifier,
            stop,
            key_keeper,
            journal,
            questions,
            report_tokens,
            miss_limit,
            load,
            vitals,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Records what still waits, as far as it can be recorded, and stops recording. To be called when
    /// no request is under way any more.
    pub async fn stop(&self) {
        self.0.stop.send_replace(true);
        if let Some(keeper) = self.0.key_keeper.lock().await.take() {
            // One that panicked has stopped too.
            let _ = keeper.await;
        }
        self.0.questions.stop().await;
        self.0.journal.stop().await;
    }

    pub(crate) fn config(&self) -> &GatewayConfig {
        &self.0.config
    }

    pub(crate) fn backends(&self) -> &Backends {
        &self.0.parts.backends
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.parts.clock
    }

    pub(crate) fn randomness(&self) -> &Randomness {
        &self.0.parts.randomness
    }

    pub(crate) fn metrics(&self) -> &GatewayMetrics {
        &self.0.parts.metrics
    }

    /// All connections of the ports that phones and programs come to.
    pub fn crowd(&self) -> Crowd {
        let Bounds { connections, newcomers, .. } = self.0.config.bounds;
        Crowd::new(connections, newcomers, self.metrics().clone())
    }

    /// What operators and their tools are told of this process.
    pub fn vitals(&self) -> Vitals {
        self.0.vitals.clone()
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    pub(crate) fn questions(&self) -> &Questions {
        &self.0.questions
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.0.journal
    }

    pub(crate) fn report_tokens(&self) -> &ReportTokens {
        &self.0.report_tokens
    }

    pub(crate) fn load(&self) -> &Load {
        &self.0.load
    }

    pub(crate) fn miss_limit(&self) -> &MissLimit {
        &self.0.miss_limit
    }
}

/// Customization is away, too, where it answers and cannot record.
fn recording(name: &str, probe: Probe, journal: &Arc<Journal>) -> Probe {
    if name != "customization" {
        return probe;
    }
    let journal = Arc::clone(journal);
    Arc::new(move || {
        let (probed, is_away) = (probe(), journal.is_away());
        Box::pin(async move { probed.await && !is_away })
    })
}

/// Whether what cannot be recorded can be kept on disk.
fn queueing(journal: &Arc<Journal>) -> Probe {
    let journal = Arc::clone(journal);
    Arc::new(move || {
        let can_queue = journal.can_queue();
        Box::pin(async move { can_queue })
    })
}
