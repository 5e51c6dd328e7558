//! What one stream has told in full, so that it is not told for every phone.

use std::sync::Arc;

use contracts::redirection::ShortAnswer;
use contracts::redirection::short_answer::Answer;
use rpc::Failure;
use tonic::{Code, Status};

use super::queue::Outcome;
use super::{Destination, Redirected, Resolved};

/// How many redirects are remembered at most, as the contract says.
const MOST: usize = 4096;

/// The redirects that one stream has taught, by their number.
#[derive(Default)]
pub(super) struct Told(Vec<Option<Arc<Destination>>>);

/// The other side does not keep to the contract.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("redirection answers in a way that its contract does not know; nothing of this batch is used")]
pub(super) struct Misunderstood;

impl Told {
    /// What `answer` means. To be called for every answer of the stream, in their order.
    pub fn understand(&mut self, answer: ShortAnswer) -> Result<Outcome, Misunderstood> {
        let to = match answer.answer.ok_or(Misunderstood)? {
            Answer::Redirect(taught) => {
                let to = Arc::new(Destination::from(taught.redirect.ok_or(Misunderstood)?));
                *self.place(taught.number)? = Some(Arc::clone(&to));
                to
            }
            Answer::KnownRedirect(number) => self.place(number)?.clone().ok_or(Misunderstood)?,
            Answer::Refusal(refusal) => return Ok(Ok(Resolved::Refusal(refusal))),
            Answer::Failed(code) => {
                let status = Status::new(Code::from_i32(code), "redirection cannot answer this question");
                return Ok(Err(Failure::from(status)));
            }
        };
        Ok(Ok(Resolved::Redirect(Redirected { to, seal: answer.seal })))
    }

    fn place(&mut self, number: u32) -> Result<&mut Option<Arc<Destination>>, Misunderstood> {
        let position = usize::try_from(number).ok().filter(|position| *position < MOST).ok_or(Misunderstood)?;
        if position >= self.0.len() {
            self.0.resize(position + 1, None);
        }
        self.0.get_mut(position).ok_or(Misunderstood)
    }
}

#[cfg(test)]
mod tests {
    use contracts::redirection::{Redirect, TaughtRedirect};

    use super::*;

    fn taught(number: u32, profile: &str) -> ShortAnswer {
        let redirect = Redirect { profile_id: profile.to_owned(), ..Redirect::default() };
        let answer = Answer::Redirect(TaughtRedirect { number, redirect: Some(redirect) });
        ShortAnswer { answer: Some(answer), seal: None }
    }

    fn known(number: u32) -> ShortAnswer {
        ShortAnswer { answer: Some(Answer::KnownRedirect(number)), seal: None }
    }

    fn profile(outcome: Result<Outcome, Misunderstood>) -> Option<String> {
        match outcome {
            Ok(Ok(Resolved::Redirect(sent))) => Some(sent.to.profile_id.clone()),
            Ok(_) | Err(Misunderstood) => None,
        }
    }

    #[test]
    fn a_number_means_what_was_taught_last() {
        let mut told = Told::default();
        let answers = [known(0), taught(0, "a"), known(0), taught(4095, "z"), taught(0, "b"), known(0), known(4095)];
        let profiles = answers.map(|answer| profile(told.understand(answer)));
        let expected = [None, Some("a"), Some("a"), Some("z"), Some("b"), Some("b"), Some("z")];
        assert_eq!(profiles.each_ref().map(Option::as_deref), expected);
        for wrong in [known(1), known(4096), taught(4096, "a"), ShortAnswer::default()] {
            assert!(matches!(told.understand(wrong), Err(Misunderstood)));
        }
    }
}
