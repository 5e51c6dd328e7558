//! What is counted at the edge, and `/metrics`, which shows everything counted in this process.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::Vitals;

/// The counters of the edge. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct GatewayMetrics {
    phone_answers: Family<AnswerLabels, Counter>,
    observations_lost: Counter,
    observations_waiting: Gauge,
}

/// What a phone was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum PhoneAnswer {
    Redirect,
    Nothing,
    Throttled,
    Malformed,
    CodeRefused,
    Unavailable,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    answer: PhoneAnswer,
}

impl GatewayMetrics {
    /// Adds these metrics to what `/metrics` shows.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let answers = metrics.phone_answers.clone();
        registry.register("dialtone_phone_answers", "Answers to phones, by kind", answers);
        let lost = metrics.observations_lost.clone();
        registry.register("dialtone_observations_lost", "Observations of phones that could not be recorded", lost);
        let waiting = metrics.observations_waiting.clone();
        registry.register("dialtone_observations_waiting", "Observations of phones that wait to be recorded", waiting);
        metrics
    }

    pub(crate) fn phone_answered(&self, answer: PhoneAnswer) {
        self.phone_answers.get_or_create(&AnswerLabels { answer }).inc();
    }

    /// From now on these wait, until they are recorded or lost.
    pub(crate) fn observations_wait(&self, count: usize) {
        self.observations_waiting.inc_by(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn observations_wait_no_more(&self, count: usize) {
        self.observations_waiting.dec_by(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn observations_lost(&self, count: usize) {
        self.observations_wait_no_more(count);
        self.observations_lost.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

/// The text format that Prometheus reads.
pub(crate) async fn show(State(vitals): State<Vitals>) -> Response {
    let mut text = String::new();
    match encode(&mut text, vitals.registry()) {
        Ok(()) => {
            let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, content_type)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
