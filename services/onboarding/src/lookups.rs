//! How guesses are looked up: those that wait share one trip to the database.
//!
//! While one group is looked up the next one gathers, so that the more guesses come, the less each costs. Reading
//! waits for no commit.

use std::time::Duration;

use storage::{Db, StoreError};
use tokio::sync::{mpsc, oneshot};
use tracing::{Instrument, Span};

use crate::refusal::RedeemRefused;
use crate::store::{self, Found, Question};

/// How many guesses wait at most.
const CAPACITY: usize = 1024;
/// How many share a trip at most.
const GROUP: usize = 64;

/// How long one waits for others, where many come.
const PATIENCE: Duration = Duration::from_millis(2);

/// The one way in which a guess is looked up.
pub(crate) struct Lookups(mpsc::Sender<Entry>);

struct Entry {
    question: Question,
    answer: oneshot::Sender<Result<Found, StoreError>>,
    span: Span,
}

impl Lookups {
    /// Begins to answer. Ends when nobody is left who could ask.
    pub fn start(db: Db) -> Self {
        let (questions, waiting) = mpsc::channel(CAPACITY);
        tokio::spawn(answer(db, waiting));
        Self(questions)
    }

    /// What is known of the code and the phone.
    pub async fn find(&self, question: Question) -> Result<Found, RedeemRefused> {
        let (answer, found) = oneshot::channel();
        let entry = Entry { question, answer, span: Span::current() };
        self.0.try_send(entry).map_err(|_| RedeemRefused::Overloaded)?;
        Ok(found.await.map_err(|_| RedeemRefused::NotCommitted)??)
    }
}

async fn answer(db: Db, mut waiting: mpsc::Receiver<Entry>) {
    let mut group = Vec::with_capacity(GROUP);
    let mut is_busy = false;
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        if is_busy {
            tokio::time::sleep(PATIENCE).await;
            while group.len() < GROUP
                && let Ok(entry) = waiting.try_recv()
            {
                group.push(entry);
            }
        }
        let count = group.len();
        is_busy = count > 1;
        // What the group shares is shown with the first.
        let shared = group.first().map_or_else(Span::none, |entry| entry.span.clone());
        let (questions, answers): (Vec<_>, Vec<_>) =
            group.drain(..).map(|Entry { question, answer, .. }| (question, answer)).unzip();
        match store::find_typed(&db, &questions).instrument(shared).await {
            Ok(found) => {
                for (answer, found) in answers.into_iter().zip(found) {
                    // The phone may have lost patience.
                    let _ = answer.send(found);
                }
            }
            // Whoever waits learns of it by the end of the channel.
            Err(error) => tracing::error!(%error, count, "guesses were not looked up; the phones ask again"),
        }
    }
}
