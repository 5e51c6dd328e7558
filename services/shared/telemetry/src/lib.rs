//! Logs and traces: how they leave the process. What is counted stands in each part's `metrics.rs`.
//!
//! Logs go to standard error, one event a line, as text for people or JSON for machines. Traces go to
//! an OpenTelemetry collector over OTLP/gRPC where an endpoint is configured, and are not even made
//! where none is.

mod trace_context;

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt};

pub use trace_context::TraceParent;

/// How long a batch of spans may take to reach the collector.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// Our own crates; spans of the libraries below them are not sent.
const TRACED: [&str; 8] =
    ["accounts", "customization", "dialtone", "gateway", "onboarding", "redirection", "rpc", "storage"];

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged and where traces go.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// How log lines look.
    pub format: LogFormat,
    /// Which events are logged, in the syntax of `tracing_subscriber::EnvFilter`, such as
    /// `info,gateway=debug`.
    pub filter: String,
    /// The collector's OTLP/gRPC address, such as `http://127.0.0.1:4317`.
    pub otlp_endpoint: Option<String>,
}

/// Telemetry cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("the log filter is not understood: {0}")]
    Filter(#[from] ParseError),
    /// The collector's address is not one.
    #[error("the OTLP endpoint cannot be used: {0}")]
    Endpoint(#[from] ExporterBuildError),
    /// It was started before.
    #[error(transparent)]
    Twice(#[from] TryInitError),
}

/// Logs and traces under way.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Starts logging and, where an endpoint is given, tracing, for the whole process. To be called
    /// once, inside the runtime.
    pub fn start(config: &TelemetryConfig) -> Result<Self, TelemetryError> {
        let filter = EnvFilter::try_new(&config.filter)?;
        let traces = config.otlp_endpoint.as_deref().map(exporting_to).transpose()?;
        let spans = traces.as_ref().map(|provider| spans(provider.tracer("dialtone")));
        let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(is_terminal);
        let lines = match config.format {
            LogFormat::Text => lines.with_target(false).with_filter(filter).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
        };
        tracing_subscriber::registry().with(lines).with(spans).try_init()?;
        Ok(Self { traces })
    }

    /// Sends the spans that still wait. Blocks for at most a few seconds.
    pub fn stop(self) {
        if let Some(traces) = self.traces
            && let Err(error) = traces.shutdown()
        {
            tracing::warn!(%error, "some spans did not reach the collector");
        }
    }
}

fn exporting_to(endpoint: &str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT).build()?;
    let resource = Resource::builder().with_service_name("dialtone").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

fn spans<S>(tracer: SdkTracer) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let ours = Targets::new().with_targets(TRACED.map(|name| (name, LevelFilter::DEBUG)));
    tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours)
}
