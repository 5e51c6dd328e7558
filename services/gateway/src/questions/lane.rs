//! The way to one process of redirection: batches of questions along a stream.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use contracts::redirection::redirection_service_client::RedirectionServiceClient;
use contracts::redirection::{ResolveManyRequest, ResolveManyResponse, TracedQuestion};
use rpc::{Replica, Transport};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use super::queue::{Queue, Waiting};
use super::told::{Misunderstood, Told};

/// Batches under way: one is worked on while the other travels. With more, batches would stay small.
const MOST_BATCHES: usize = 2;
/// A process that answers from memory and has said nothing for so long is given up. A phone waits longer, so that
/// its question can still be asked elsewhere.
const SILENCE: Duration = Duration::from_millis(600);
/// The largest answer: 256 profiles of 64 KiB, which no two phones of the batch share.
const MOST_BYTES: usize = 32 << 20;
/// How long a connection and its stream may take to come about. No question waits for it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often silence is looked for.
const LOOK: Duration = Duration::from_millis(100);
/// How long after one that was not reached, or broke, the next attempt waits: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(25), Duration::from_secs(1)];

/// The way to one process.
pub(super) struct Lane {
    pub client: RedirectionServiceClient<Transport>,
    pub queue: Arc<Queue>,
    place: String,
    pause: Duration,
}

/// Why a lane stopped asking.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("told to end")]
    Stopped,
    #[error("the other side has ended the stream")]
    Closed,
    #[error("nothing was heard for too long")]
    Silent,
    #[error("{0}")]
    Broken(#[from] Status),
    #[error(transparent)]
    Misunderstood(#[from] Misunderstood),
}

/// A stream that is open.
struct Conversation {
    batches: mpsc::Sender<ResolveManyRequest>,
    answers: Streaming<ResolveManyResponse>,
    under_way: HashMap<u64, Batch>,
    next: u64,
    told: Told,
}

struct Batch {
    sent: Instant,
    waiting: Vec<Waiting>,
}

impl Lane {
    pub fn new(replica: &Replica, queue: Arc<Queue>) -> Self {
        let client = RedirectionServiceClient::new(replica.transport()).max_decoding_message_size(MOST_BYTES);
        let [pause, _] = PAUSES;
        Self { client, queue, place: replica.address().to_string(), pause }
    }

    /// Asks until told to stop; then waits for what is under way.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut is_lost = false;
        loop {
            let opened = tokio::select! {
                opened = self.opened() => opened,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let ended = match opened {
                Ok(conversation) => {
                    if is_lost {
                        tracing::info!(place = self.place, "phones' questions are answered again");
                    }
                    is_lost = false;
                    self.converse(conversation, &mut stop).await
                }
                Err(status) if status.code() == Code::Unimplemented => self.ask_one_by_one(&mut stop).await,
                Err(status) => Ended::Broken(status),
            };
            if *stop.borrow() {
                return;
            }
            if !is_lost {
                tracing::warn!(place = self.place, why = %ended, "phones' questions are not answered there");
            }
            is_lost = true;
            let [_, longest] = PAUSES;
            // A gateway that is dropped without having been stopped leaves no lane behind.
            let told = timeout(self.pause, stop.wait_for(|stop| *stop)).await;
            if told.is_ok() {
                return;
            }
            self.pause = self.pause.saturating_mul(2).min(longest);
        }
    }

    async fn opened(&self) -> Result<Conversation, Status> {
        let (batches, sent) = mpsc::channel(MOST_BATCHES);
        let mut client = self.client.clone();
        let opened = timeout(PATIENCE, client.resolve_many(ReceiverStream::new(sent))).await;
        let answers = opened.map_err(|_| Status::unavailable("it does not answer"))??.into_inner();
        Ok(Conversation { batches, answers, under_way: HashMap::new(), next: 0, told: Told::default() })
    }

    /// What was not answered when this returns is back in the queue.
    async fn converse(&mut self, mut conversation: Conversation, stop: &mut watch::Receiver<bool>) -> Ended {
        let ended = self.exchange(&mut conversation, stop).await;
        let mut lost: Vec<_> = conversation.under_way.into_iter().collect();
        lost.sort_by_key(|(number, _)| *number);
        let lost: Vec<_> = lost.into_iter().flat_map(|(_, batch)| batch.waiting).collect();
        if !lost.is_empty() {
            self.queue.give_back(lost);
        }
        ended
    }

    async fn exchange(&mut self, conversation: &mut Conversation, stop: &mut watch::Receiver<bool>) -> Ended {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_stopping = *stop.borrow();
            if is_stopping && conversation.under_way.is_empty() {
                return Ended::Stopped;
            }
            let has_credit = !is_stopping && conversation.under_way.len() < MOST_BATCHES;
            if has_credit && conversation.ask(&self.queue).await.is_err() {
                return Ended::Closed;
            }
            let has_credit = has_credit && conversation.under_way.len() < MOST_BATCHES;
            tokio::select! {
                answers = conversation.answers.message() => match answers {
                    Ok(Some(answers)) => {
                        if let Err(misunderstood) = conversation.answered(answers) {
                            return misunderstood.into();
                        }
                        [self.pause, _] = PAUSES;
                    }
                    Ok(None) => return Ended::Closed,
                    Err(status) => return status.into(),
                },
                () = self.queue.arrived(), if has_credit => {}
                _ = look.tick() => {
                    if conversation.is_silent(Instant::now()) {
                        return Ended::Silent;
                    }
                }
                stopped = stop.wait_for(|stop| *stop), if !is_stopping => {
                    if stopped.is_err() {
                        return Ended::Stopped;
                    }
                }
            }
        }
    }
}

/// The stream takes nothing any more.
struct TakesNothing;

impl Conversation {
    /// Sends what waits, at most one batch.
    async fn ask(&mut self, queue: &Queue) -> Result<(), TakesNothing> {
        let waiting = queue.take();
        if waiting.is_empty() {
            return Ok(());
        }
        queue.metrics.batch(waiting.len());
        let batch = self.next;
        self.next = batch.wrapping_add(1);
        let message = message(batch, &waiting);
        self.under_way.insert(batch, Batch { sent: Instant::now(), waiting });
        self.batches.send(message).await.map_err(|_| TakesNothing)
    }

    fn answered(&mut self, message: ResolveManyResponse) -> Result<(), Misunderstood> {
        let Some(Batch { waiting, .. }) = self.under_way.remove(&message.batch) else { return Err(Misunderstood) };
        if waiting.len() != message.answers.len() {
            self.under_way.insert(message.batch, Batch { sent: Instant::now(), waiting });
            return Err(Misunderstood);
        }
        for (waiting, answer) in waiting.into_iter().zip(message.answers) {
            let outcome = self.told.understand(answer)?;
            // Whoever has left needs no answer.
            let _ = waiting.answer.send(outcome);
        }
        Ok(())
    }

    fn is_silent(&self, now: Instant) -> bool {
        self.under_way.values().any(|batch| now.duration_since(batch.sent) > SILENCE)
    }
}

fn message(batch: u64, waiting: &[Waiting]) -> ResolveManyRequest {
    let traced = (0_u32..).zip(waiting).filter_map(|(position, waiting)| {
        let traceparent = waiting.parent.as_ref()?.as_str().to_owned();
        Some(TracedQuestion { position, traceparent })
    });
    let questions = waiting.iter().map(|waiting| waiting.question.clone()).collect();
    ResolveManyRequest { batch, questions, traced: traced.collect() }
}
