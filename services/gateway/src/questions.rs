//! What phones ask redirection, and how the answer is had.
//!
//! Where redirection runs in this process, each question is a call of its own: a few microseconds. Where it runs in
//! others, a call for each question would cost more than all the rest, so questions are gathered:
//!
//! 1. a question waits in a queue (`queue.rs`);
//! 2. each process of redirection has a lane (`lane.rs`), along which batches go as a stream. At most two are under
//!    way; meanwhile others gather, so that the batches grow with the load and no timer is needed;
//! 3. what a lane that breaks, or falls silent, has not answered goes back to the head of the queue, and to whichever
//!    lane is free: a question may be asked twice;
//! 4. a process of a version that knows no batches is asked question by question (`one_by_one.rs`);
//! 5. who has waited for [`PHONE_DEADLINE`] waits no more; the phone gets 503 and asks again by itself.

mod destination;
mod lane;
mod metrics;
mod one_by_one;
mod queue;
mod told;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use contracts::redirection::redirection_service_client::RedirectionServiceClient;
use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{Refusal, ResolveRequest, ResolveResponse};
use rpc::{Failure, Replica, Road, Transport, within};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tonic::Status;

use crate::backends::PHONE_DEADLINE;
use crate::{Backends, GatewayMetrics};
use lane::Lane;
use queue::Queue;

/// How often those who have waited too long are looked for.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) use destination::{Destination, Redirected};
pub(crate) use metrics::QuestionMetrics;

/// What a question was answered with.
#[derive(Debug, Clone)]
pub(crate) enum Resolved {
    Redirect(Redirected),
    Refusal(Refusal),
}

/// Whoever answers phones' questions.
pub(crate) enum Questions {
    /// In this process.
    Here(RedirectionServiceClient<Transport>),
    Elsewhere(Batched),
}

/// The queue, and what empties it.
pub(crate) struct Batched {
    queue: Arc<Queue>,
    stop: watch::Sender<bool>,
    lanes: Mutex<Option<JoinHandle<()>>>,
}

impl Questions {
    /// Asks where `backends` say that redirection is.
    pub fn start(backends: &Backends, metrics: &GatewayMetrics) -> Self {
        match &backends.redirection_elsewhere {
            None => Self::Here(backends.redirection.clone()),
            Some(road) => Self::elsewhere(road.clone(), metrics),
        }
    }

    fn elsewhere(road: Road, metrics: &GatewayMetrics) -> Self {
        let queue = Arc::new(Queue::new(metrics.questions().clone()));
        let (stop, stopped) = watch::channel(false);
        let lanes = tokio::spawn(keep_lanes(road, Arc::clone(&queue), stopped));
        Self::Elsewhere(Batched { queue, stop, lanes: Mutex::new(Some(lanes)) })
    }

    /// The answer to `question`, or why there is none within [`PHONE_DEADLINE`].
    pub async fn ask(&self, question: ResolveRequest) -> Result<Resolved, Failure> {
        match self {
            Self::Here(client) => {
                let answer = client.clone().resolve(within(PHONE_DEADLINE, question)).await?;
                Ok(Resolved::try_from(answer.into_inner())?)
            }
            Self::Elsewhere(batched) => batched.queue.ask(question, Instant::now() + PHONE_DEADLINE).await,
        }
    }

    /// Ends what runs beside the requests. To be called when nobody asks any more.
    pub async fn stop(&self) {
        let Self::Elsewhere(batched) = self else { return };
        batched.stop.send_replace(true);
        if let Some(lanes) = batched.lanes.lock().await.take() {
            // One that panicked has stopped too.
            let _ = lanes.await;
        }
    }
}

impl TryFrom<ResolveResponse> for Resolved {
    type Error = Status;

    fn try_from(response: ResolveResponse) -> Result<Self, Status> {
        match response.answer {
            Some(Answer::Redirect(redirect)) => Ok(Self::Redirect(redirect.into())),
            Some(Answer::Refusal(refusal)) => Ok(Self::Refusal(refusal)),
            None => Err(Status::internal("an answer without an answer")),
        }
    }
}

/// A lane to each process of redirection, as they come and go.
async fn keep_lanes(road: Road, queue: Arc<Queue>, mut stop: watch::Receiver<bool>) {
    let mut replicas = road.replicas();
    let mut lanes = Lanes::default();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    replicas.mark_changed();
    loop {
        tokio::select! {
            _ = look.tick() => queue.expire(Instant::now()),
            Ok(()) = replicas.changed() => {
                let current = replicas.borrow_and_update().clone();
                lanes.follow(&current, &queue);
            }
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    lanes.end().await;
}

#[derive(Default)]
struct Lanes {
    open: HashMap<SocketAddr, OpenLane>,
    /// Those that still wait for what is under way.
    ending: Vec<JoinHandle<()>>,
}

struct OpenLane {
    /// Tells it to end.
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Lanes {
    /// A lane for each of `replicas`, and for nobody else.
    fn follow(&mut self, replicas: &[Replica], queue: &Arc<Queue>) {
        let is_gone = |address: &SocketAddr| !replicas.iter().any(|replica| replica.address() == *address);
        for (_, lane) in self.open.extract_if(|address, _| is_gone(address)) {
            lane.stop.send_replace(true);
            self.ending.push(lane.task);
        }
        self.ending.retain(|task| !task.is_finished());
        for replica in replicas {
            self.open.entry(replica.address()).or_insert_with(|| OpenLane::new(replica, queue));
        }
    }

    /// What is under way is still answered.
    async fn end(self) {
        let told = self.open.into_values().map(|lane| {
            lane.stop.send_replace(true);
            lane.task
        });
        for task in self.ending.into_iter().chain(told.collect::<Vec<_>>()) {
            // One that panicked has ended too.
            let _ = task.await;
        }
    }
}

impl OpenLane {
    fn new(replica: &Replica, queue: &Arc<Queue>) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: tokio::spawn(Lane::new(replica, Arc::clone(queue)).run(stopped)) }
    }
}

#[cfg(test)]
mod tests;
