//! Questions that wait for a free lane, oldest first.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contracts::redirection::ResolveRequest;
use rpc::{Failure, TraceParent};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use tonic::Status;

use super::{QuestionMetrics, Resolved};

/// The most questions of a batch.
pub(super) const MOST_IN_A_BATCH: usize = 256;
/// The most questions that wait: what redirection answers in less than a second. More would be answered too late.
const MOST_WAITING: usize = 65_536;
/// A question that has less than this left is not asked any more: its answer would hardly be in time.
const LEAST: Duration = Duration::from_millis(100);

/// What has come of a question.
pub(super) type Outcome = Result<Resolved, Failure>;

/// A question whose phone waits.
pub(super) struct Waiting {
    pub question: ResolveRequest,
    /// The span that asks, where it is traced.
    pub parent: Option<TraceParent>,
    pub deadline: Instant,
    pub answer: oneshot::Sender<Outcome>,
}

pub(super) struct Queue {
    waiting: Mutex<VecDeque<Waiting>>,
    /// Wakes one lane for each question.
    arrived: Notify,
    pub metrics: QuestionMetrics,
}

impl Waiting {
    /// Whether it is worth asking at `now`: its phone still waits, and there is time enough.
    fn is_worth_asking(&self, now: Instant) -> bool {
        !self.answer.is_closed() && self.deadline.saturating_duration_since(now) >= LEAST
    }

    fn waits_no_more(self) {
        // Whoever has left needs no answer.
        let _ = self.answer.send(Err(Failure::from(Status::deadline_exceeded("nobody answered in time"))));
    }
}

impl Queue {
    pub fn new(metrics: QuestionMetrics) -> Self {
        Self { waiting: Mutex::default(), arrived: Notify::new(), metrics }
    }

    /// Waits for the answer to `question`, until `deadline` or a little longer.
    pub async fn ask(&self, question: ResolveRequest, deadline: Instant) -> Outcome {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { question, parent: TraceParent::current(), deadline, answer };
        if !self.push(waiting) {
            return Err(Status::unavailable("too many questions wait; ask again").into());
        }
        self.arrived.notify_one();
        let outcome = answered.await;
        outcome.unwrap_or_else(|_| Err(Status::unavailable("nobody is asked any more; ask again").into()))
    }

    /// The oldest questions, as many as a batch holds; fewer where fewer wait. Where some are left, another lane is
    /// told.
    pub fn take(&self) -> Vec<Waiting> {
        let now = Instant::now();
        let mut waiting = self.waiting();
        let mut batch = Vec::with_capacity(waiting.len().min(MOST_IN_A_BATCH));
        while batch.len() < MOST_IN_A_BATCH
            && let Some(next) = waiting.pop_front()
        {
            if next.is_worth_asking(now) {
                batch.push(next);
            } else {
                next.waits_no_more();
            }
        }
        if !waiting.is_empty() {
            self.arrived.notify_one();
        }
        self.metrics.waiting(waiting.len());
        batch
    }

    /// Returns when there may be something to take.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// These were not answered. They have waited longest.
    pub fn give_back(&self, batch: Vec<Waiting>) {
        let worth_asking: Vec<_> = batch.into_iter().filter(|waiting| !waiting.answer.is_closed()).collect();
        self.metrics.asked_again(worth_asking.len());
        let mut waiting = self.waiting();
        for again in worth_asking.into_iter().rev() {
            waiting.push_front(again);
        }
        self.arrived.notify_one();
    }

    /// Answers those whose time is over at `now`. Deadlines are in the order of the queue but for what was given
    /// back, which is at its head and older.
    pub fn expire(&self, now: Instant) {
        let mut waiting = self.waiting();
        while waiting.front().is_some_and(|first| !first.is_worth_asking(now))
            && let Some(first) = waiting.pop_front()
        {
            first.waits_no_more();
        }
        self.metrics.waiting(waiting.len());
    }

    fn push(&self, question: Waiting) -> bool {
        let mut waiting = self.waiting();
        let has_room = waiting.len() < MOST_WAITING;
        if has_room {
            waiting.push_back(question);
        }
        has_room
    }

    /// No change leaves the queue half changed.
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
