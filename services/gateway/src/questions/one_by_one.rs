//! Questions to a process of redirection that knows no batches: it runs the version before, and is soon replaced.

use std::time::Duration;

use contracts::redirection::redirection_service_client::RedirectionServiceClient;
use rpc::{Failure, Transport, within};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use vocabulary::ErrorKind;

use super::Resolved;
use super::lane::{Ended, Lane};
use super::queue::{Outcome, Waiting};

/// Questions under way at once.
const MOST: usize = 256;
/// How long it takes until batches are tried again.
const WHILE: Duration = Duration::from_secs(30);

impl Lane {
    /// Asks each question by itself, until the process is gone or it is time to try batches again.
    pub(super) async fn ask_one_by_one(&self, stop: &mut watch::Receiver<bool>) -> Ended {
        let until = Instant::now() + WHILE;
        let mut under_way = JoinSet::new();
        let ended = loop {
            if under_way.len() < MOST {
                for waiting in self.queue.take() {
                    under_way.spawn(ask(self.client.clone(), waiting));
                }
            }
            tokio::select! {
                Some(asked) = under_way.join_next() => {
                    if let Ok(Err(unanswered)) = asked {
                        self.queue.give_back(vec![unanswered]);
                        break Ended::Closed;
                    }
                }
                () = self.queue.arrived(), if under_way.len() < MOST => {}
                () = sleep_until(until) => break Ended::Closed,
                _ = stop.wait_for(|stop| *stop) => break Ended::Stopped,
            }
        };
        while let Some(asked) = under_way.join_next().await {
            if let Ok(Err(unanswered)) = asked {
                self.queue.give_back(vec![unanswered]);
            }
        }
        ended
    }
}

/// `Err` where another process may know the answer.
async fn ask(mut client: RedirectionServiceClient<Transport>, waiting: Waiting) -> Result<(), Waiting> {
    let left = waiting.deadline.saturating_duration_since(Instant::now());
    let answer = client.resolve(within(left, waiting.question.clone())).await;
    let outcome: Outcome = match answer {
        Ok(answer) => Resolved::try_from(answer.into_inner()).map_err(Failure::from),
        Err(status) => Err(Failure::from(status)),
    };
    if outcome.as_ref().is_err_and(|failure| failure.kind == ErrorKind::Unavailable) {
        return Err(waiting);
    }
    // Whoever has left needs no answer.
    let _ = waiting.answer.send(outcome);
    Ok(())
}
