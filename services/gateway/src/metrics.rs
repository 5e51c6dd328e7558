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
use storage::Load;

use crate::Vitals;
use crate::questions::QuestionMetrics;

/// The counters of the edge. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct GatewayMetrics {
    phone_answers: Family<AnswerLabels, Counter>,
    observations_lost: Counter,
    observations_waiting: Gauge,
    observations_queued: Gauge,
    queue_bytes: Gauge,
    queue_works: Gauge,
    shed: Family<ShedLabels, Counter>,
    requests_under_way: Gauge,
    questions: QuestionMetrics,
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

/// What is refused where there is too much to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Shed {
    /// A request to the API.
    Program,
    /// A phone that has an activation code.
    Code,
    /// A phone that would get an empty answer.
    PhoneWithoutAnswer,
    /// A phone of which nothing is known yet.
    Phone,
    /// A connection that has not asked anything yet.
    Newcomer,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShedLabels {
    what: Shed,
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
        let queued = metrics.observations_queued.clone();
        registry.register("dialtone_observations_queued", "Those among them that are in the queue on disk", queued);
        let bytes = metrics.queue_bytes.clone();
        registry.register("dialtone_queue_bytes", "Bytes of observations in the queue on disk", bytes);
        let works = metrics.queue_works.clone();
        registry.register("dialtone_queue_works", "1 where the queue on disk can be used, else 0", works);
        // Those that were never refused are shown, too.
        for what in [Shed::Program, Shed::Code, Shed::PhoneWithoutAnswer, Shed::Phone, Shed::Newcomer] {
            let _ = metrics.shed.get_or_create(&ShedLabels { what });
        }
        let under_way = metrics.requests_under_way.clone();
        registry.register("dialtone_requests_under_way", "Requests of phones and programs under way", under_way);
        registry.register("dialtone_shed", "What was refused because there was too much to do", metrics.shed.clone());
        metrics.questions.register(registry);
        metrics
    }

    pub(crate) const fn questions(&self) -> &QuestionMetrics {
        &self.questions
    }

    pub(crate) fn phone_answered(&self, answer: PhoneAnswer) {
        self.phone_answers.get_or_create(&AnswerLabels { answer }).inc();
    }

    /// Counts the requests under way.
    pub(crate) fn requests_under_way(&self) -> Gauge {
        self.requests_under_way.clone()
    }

    pub(crate) fn shed(&self, what: Shed) {
        self.shed.get_or_create(&ShedLabels { what }).inc();
    }

    /// From now on these wait, until they are recorded or lost.
    pub(crate) fn observations_wait(&self, count: usize) {
        self.observations_waiting.inc_by(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn observations_wait_no_more(&self, count: usize) {
        self.observations_waiting.dec_by(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// What is in the queue on disk.
    pub(crate) fn queue_holds(&self, load: Load) {
        self.observations_queued.set(load.items);
        self.queue_bytes.set(load.bytes);
    }

    /// Whether the queue on disk can be used.
    pub(crate) fn queue_works(&self, works: bool) {
        self.queue_works.set(i64::from(works));
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
