//! Which trace a piece of work belongs to, told from one process to another (W3C Trace Context, `traceparent`).
//!
//! Nothing is told where nothing is traced. `tracestate` is not carried: nobody here writes one.

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The one field that is carried.
const FIELD: &str = "traceparent";

/// The span that asks for something, as others are told of it: `00-<trace>-<span>-<flags>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// The header, or gRPC metadata, it travels in.
    pub const HEADER: &'static str = FIELD;

    /// Of the span that is current; `None` where none is, or it is not traced.
    pub fn current() -> Option<Self> {
        let context = Span::current().context();
        if !context.span().span_context().is_valid() {
            return None;
        }
        let mut told = Told(None);
        TraceContextPropagator::new().inject_context(&context, &mut told);
        told.0.map(Self)
    }

    /// What somebody else has told.
    pub const fn told(text: String) -> Self {
        Self(text)
    }

    /// The text that is told.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text that is told.
    pub fn into_string(self) -> String {
        self.0
    }

    /// Makes `span`, which has not begun, a child of it. A text that is none leaves the span as it is.
    pub fn adopt(self, span: &Span) {
        let context = TraceContextPropagator::new().extract(&Told(Some(self.0)));
        if context.span().span_context().is_valid() {
            // Refused where nothing is traced here; then nothing is lost.
            let _ = span.set_parent(context);
        }
    }
}

/// What carries the one field.
struct Told(Option<String>);

impl Injector for Told {
    fn set(&mut self, key: &str, value: String) {
        if key == FIELD {
            self.0 = Some(value);
        }
    }
}

impl Extractor for Told {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.as_deref().filter(|_| key == FIELD)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|_| FIELD).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
            self.0.lock().expect("spans").extend(batch);
            std::future::ready(Ok(()))
        }
    }

    #[test]
    fn what_is_told_makes_another_span_its_child() {
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let asks = tracing::info_span!("asks");
            let told = asks.in_scope(TraceParent::current).expect("it is traced");
            for text in [told.as_str().to_owned(), String::new(), "00-1-2-03".to_owned(), "\u{e9}".to_owned()] {
                let answers = tracing::info_span!("answers");
                TraceParent::told(text).adopt(&answers);
                answers.in_scope(|| ());
            }
        });
        let spans = kept.0.lock().expect("spans").clone();
        let (asks, answers): (Vec<_>, Vec<_>) = spans.into_iter().partition(|span| span.name == "asks");
        let is_child = |it: &SpanData| it.parent_span_id == asks[0].span_context.span_id();
        assert_eq!(answers.iter().map(is_child).collect::<Vec<_>>(), [true, false, false, false]);
    }

    #[test]
    fn nothing_is_told_where_nothing_is_traced() {
        let layer = tracing_subscriber::registry();
        tracing::subscriber::with_default(layer, || {
            assert_eq!(tracing::info_span!("asks").in_scope(TraceParent::current), None);
        });
    }
}
