//! What is counted of questions that are asked in batches.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds, in questions.
const BOUNDS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

#[derive(Debug, Clone)]
pub(crate) struct QuestionMetrics {
    waiting: Gauge,
    batches: Histogram,
    asked_again: Counter,
}

impl Default for QuestionMetrics {
    fn default() -> Self {
        Self { waiting: Gauge::default(), batches: Histogram::new(BOUNDS), asked_again: Counter::default() }
    }
}

impl QuestionMetrics {
    pub fn register(&self, registry: &mut Registry) {
        let waiting = self.waiting.clone();
        registry.register("dialtone_questions_waiting", "Questions of phones that wait to be asked", waiting);
        let batches = self.batches.clone();
        registry.register("dialtone_question_batch_size", "How many questions of phones are asked at once", batches);
        let again = self.asked_again.clone();
        registry.register("dialtone_questions_asked_again", "Questions that one process did not answer", again);
    }

    pub fn waiting(&self, count: usize) {
        self.waiting.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub fn batch(&self, size: usize) {
        // At most 256.
        self.batches.observe(f64::from(u16::try_from(size).unwrap_or(u16::MAX)));
    }

    pub fn asked_again(&self, count: usize) {
        self.asked_again.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }
}
