//! What is counted of every call between services.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use vocabulary::ErrorKind;

/// Upper bounds in seconds: from a call in the same process to the longest deadline.
const BOUNDS: [f64; 9] = [0.000_02, 0.000_1, 0.000_5, 0.002, 0.01, 0.05, 0.25, 1.0, 5.0];

/// Calls by method and outcome, and how long each method takes.
#[derive(Debug, Clone)]
pub struct RpcMetrics {
    calls: Family<CallLabels, Counter>,
    seconds: Family<MethodLabels, Histogram, fn() -> Histogram>,
    repeated: Family<MethodLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    method: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodLabels {
    method: String,
}

impl RpcMetrics {
    /// Adds these metrics to what `/metrics` shows.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            calls: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
            repeated: Family::default(),
        };
        registry.register("dialtone_rpc_calls", "Calls between services, by outcome", metrics.calls.clone());
        registry.register("dialtone_rpc_seconds", "How long calls between services take", metrics.seconds.clone());
        let repeated = metrics.repeated.clone();
        registry.register("dialtone_rpc_repeated", "Calls that were made once more, at another process", repeated);
        metrics
    }

    /// Counts a repetition of a call of `path`.
    pub(crate) fn repeated(&self, path: &str) {
        self.repeated.get_or_create(&MethodLabels { method: method(path) }).inc();
    }

    /// Counts a call of `path` (`/package.Service/Method`, a closed set: paths come from generated clients).
    pub(crate) fn count(&self, path: &str, failed: Option<ErrorKind>, took: Duration) {
        let method = method(path);
        let outcome = failed.map_or("ok", ErrorKind::name);
        self.calls.get_or_create(&CallLabels { method: method.clone(), outcome }).inc();
        self.seconds.get_or_create(&MethodLabels { method }).observe(took.as_secs_f64());
    }
}

fn method(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
