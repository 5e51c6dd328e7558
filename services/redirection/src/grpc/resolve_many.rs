//! Phones' questions in batches, along one call that lasts.
//!
//! A batch is answered from memory as it comes, so that nothing waits in between, and a caller that does not read
//! its answers is not read either. What a profile gives to its phones is told once for each call, and named by a
//! number after that. When the process is told to stop, the call ends; the caller asks elsewhere what was not
//! answered.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use contracts::redirection::{
    Refusal, ResolveManyRequest, ResolveManyResponse, ResolveRequest, ShortAnswer, TaughtRedirect, TracedQuestion,
    short_answer,
};
use rpc::{Stopping, TraceParent, refuse};
use tokio_stream::Stream;
use tonic::{Request, Status, Streaming};

use crate::Redirection;
use crate::index::ResolvedProfile;
use crate::resolve::Answer;

/// The most questions of a batch: they are answered in one go, within a few hundred microseconds.
const MOST_QUESTIONS: usize = 256;
/// How many redirects a call remembers: about a megabyte at each end.
const MOST_TAUGHT: usize = 4096;
/// How many batches that have arrived are still answered when the process stops: as many as a caller sends without
/// an answer.
const LAST_BATCHES: u8 = 2;

/// The answers to one caller's batches.
pub struct BatchAnswers {
    redirection: Redirection,
    batches: Streaming<ResolveManyRequest>,
    taught: Taught,
    ending: Ending,
}

enum Ending {
    /// Waits until the process stops.
    NotYet(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// So many batches will still be answered.
    After(u8),
}

impl BatchAnswers {
    pub(super) fn new(redirection: Redirection, request: Request<Streaming<ResolveManyRequest>>) -> Self {
        let stopping = request.extensions().get::<Stopping>().cloned();
        let ending: Pin<Box<dyn Future<Output = ()> + Send>> = match stopping {
            Some(stopping) => Box::pin(stopping.told()),
            // Called in the same process.
            None => Box::pin(std::future::pending()),
        };
        let (batches, ending) = (request.into_inner(), Ending::NotYet(ending));
        Self { redirection, batches, taught: Taught::default(), ending }
    }

    fn answer(&mut self, batch: &ResolveManyRequest) -> Result<ResolveManyResponse, Status> {
        if batch.questions.len() > MOST_QUESTIONS {
            return Err(Status::invalid_argument("a batch holds at most 256 questions"));
        }
        let traced: HashMap<_, _> = batch.traced.iter().map(|question| (question.position, question)).collect();
        let numbered = (0_u32..).zip(&batch.questions);
        let answers = numbered.map(|(position, question)| self.short(question, traced.get(&position).copied()));
        Ok(ResolveManyResponse { batch: batch.batch, answers: answers.collect() })
    }

    fn short(&mut self, question: &ResolveRequest, traced: Option<&TracedQuestion>) -> ShortAnswer {
        let answer = match traced {
            None => self.redirection.answer(question),
            Some(traced) => {
                let span = tracing::debug_span!("redirection.resolve");
                TraceParent::told(traced.traceparent.clone()).adopt(&span);
                span.in_scope(|| self.redirection.answer(question))
            }
        };
        match answer {
            Ok(Answer::Redirect { profile, seal, by_expired_certificate: _ }) => {
                ShortAnswer { answer: Some(self.taught.told(profile)), seal: seal.map(Into::into) }
            }
            Ok(Answer::Refused { reason, provider, may_claim }) => {
                let provider_id = provider.map(|provider| provider.to_string()).unwrap_or_default();
                only(short_answer::Answer::Refusal(Refusal { reason: reason.into(), provider_id, may_claim }))
            }
            Err(error) => only(short_answer::Answer::Failed(refuse(&error).code().into())),
        }
    }
}

const fn only(answer: short_answer::Answer) -> ShortAnswer {
    ShortAnswer { answer: Some(answer), seal: None }
}

impl Stream for BatchAnswers {
    type Item = Result<ResolveManyResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Ending::NotYet(told) = &mut self.ending
            && told.as_mut().poll(cx).is_ready()
        {
            self.ending = Ending::After(LAST_BATCHES);
        }
        let next = match &mut self.ending {
            Ending::NotYet(_) => ready!(Pin::new(&mut self.batches).poll_next(cx)),
            Ending::After(left) => {
                let Some(fewer) = left.checked_sub(1) else { return Poll::Ready(None) };
                *left = fewer;
                match Pin::new(&mut self.batches).poll_next(cx) {
                    Poll::Ready(next) => next,
                    Poll::Pending => None,
                }
            }
        };
        // A caller that is gone needs no answer.
        let Some(Ok(batch)) = next else { return Poll::Ready(None) };
        Poll::Ready(Some(self.answer(&batch)))
    }
}

/// What this call has told in full.
#[derive(Default)]
struct Taught {
    /// By the place of the profile in memory, which is no other's as long as it is held.
    numbers: HashMap<usize, u32>,
    held: Vec<Arc<ResolvedProfile>>,
    /// What is forgotten next where no more can be held.
    oldest: usize,
}

impl Taught {
    /// How the caller is told of `profile`. One that was replaced is another.
    fn told(&mut self, profile: Arc<ResolvedProfile>) -> short_answer::Answer {
        let place = Arc::as_ptr(&profile).addr();
        if let Some(number) = self.numbers.get(&place) {
            return short_answer::Answer::KnownRedirect(*number);
        }
        let redirect = profile.redirect.clone();
        let position = self.hold(profile);
        // Below 4096.
        let number = u32::try_from(position).unwrap_or_default();
        self.numbers.insert(place, number);
        short_answer::Answer::Redirect(TaughtRedirect { number, redirect: Some(redirect) })
    }

    fn hold(&mut self, profile: Arc<ResolvedProfile>) -> usize {
        if self.held.len() < MOST_TAUGHT {
            self.held.push(profile);
            return self.held.len() - 1;
        }
        let position = self.oldest;
        self.oldest = (position + 1) % MOST_TAUGHT;
        if let Some(oldest) = self.held.get_mut(position) {
            let forgotten = std::mem::replace(oldest, profile);
            self.numbers.remove(&Arc::as_ptr(&forgotten).addr());
        }
        position
    }
}
