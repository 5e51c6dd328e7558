//! The activation code screen (chapter, "Onboard Your Phone with the Activation Code").
//!
//! 1. The phone sends what its user typed to the server that it asks for its provider.
//! 2. A profile is the same answer as to its question: it knows its provider, and resyncs.
//! 3. A refusal shows "Invalid activation code", and the user may type again.

use bytes::Bytes;
use serde::Serialize;
use vocabulary::Secret;

use crate::failure::Failure;
use crate::journey::{Answer, Journey, Outcome, Trouble, understand};
use crate::phone::Phone;
use crate::resync::Purpose;
use crate::state::State;
use crate::step::Step;
use crate::url::Url;

/// Where codes are sent, on the server that the phone asks.
const PLACE: &str = "/activate";
/// What the screen shows (wire-facts 3.1).
const INVALID: &str = "Invalid activation code";

/// What is sent. Has no `Debug`: the code is secret.
#[derive(Serialize)]
struct Activation<'a> {
    code: &'a str,
    mac: String,
    model: &'a str,
    serial: Option<&'a str>,
    firmware: &'a str,
}

/// What became of the code.
enum Traded {
    For(Answer),
    Refused { shows: String },
}

impl Phone {
    /// The user types `code` on the activation code screen; follows the phone to the end of the journey
    /// that begins there, telling each step. The code is in none of them.
    pub async fn type_code(
        &mut self,
        code: &Secret<String>,
        on_step: &mut (dyn FnMut(Step) + Send),
    ) -> Result<Outcome, Trouble> {
        let outcome = Journey { phone: self, on_step }.trade(code).await?;
        on_step(Step::Ended { outcome, state: self.state() });
        Ok(outcome)
    }
}

impl Journey<'_> {
    /// Trades the code, with retries while there is no answer.
    async fn trade(&mut self, code: &Secret<String>) -> Result<Outcome, Trouble> {
        let url = self.activation()?;
        (self.on_step)(Step::TypedCode);
        let mut failures = 0;
        loop {
            match self.trade_once(&url, code).await {
                Ok(Traded::For(Answer::Provider(entries))) => {
                    self.learn(entries);
                    if self.phone.state() != State::CustomPending {
                        self.enter(State::CustomPending, "the code names its provider's server: resyncs to it").await?;
                    }
                    return self.resync(Purpose::Customization).await;
                }
                Ok(Traded::For(Answer::Nobody)) => return Ok(Outcome::Unavailable),
                Ok(Traded::Refused { shows }) => {
                    (self.on_step)(Step::CodeRefused { shows });
                    return Ok(Outcome::CodeRefused);
                }
                Err(failure) => {
                    let delay = self.delay_after(failures);
                    self.tell_failure(&failure, delay);
                    if !self.waits_for_retry(failures, delay).await {
                        return Err(Trouble::NotAnswered(failure));
                    }
                    failures += 1;
                }
            }
        }
    }

    fn activation(&self) -> Result<Url, Trouble> {
        let question = self.question()?;
        Url::parse(&format!("{}{PLACE}", question.origin())).map_err(|_| Trouble::Activation)
    }

    async fn trade_once(&mut self, url: &Url, code: &Secret<String>) -> Result<Traded, Failure> {
        let identity = &self.phone.config.identity;
        let activation = Activation {
            code: code.expose(),
            mac: identity.mac.to_string(),
            model: &identity.model,
            serial: identity.serial.as_deref(),
            firmware: &identity.firmware,
        };
        // An object of texts always has a JSON form.
        let body = serde_json::to_vec(&activation).unwrap_or_default();
        (self.on_step)(Step::Asked { method: "POST".to_owned(), url: url.in_full() });
        let answer = self.phone.fetch(self.on_step).post_json(url, Bytes::from(body)).await?;
        (self.on_step)(Step::Answered { status: Some(answer.status), bytes: answer.body.len() });
        match answer.status {
            200 => {
                let status = Some(answer.status);
                let body = self.phone.fetch(self.on_step).opened(answer, None)?;
                understand(status, &body).map(Traded::For)
            }
            // The server says what a code looks like.
            400 => Ok(Traded::Refused { shows: first_line(&answer.body) }),
            403 => Ok(Traded::Refused { shows: INVALID.to_owned() }),
            other => Err(Failure::Status(other)),
        }
    }
}

/// As much as fits on a phone's screen.
fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_shows_one_line() {
        assert_eq!(first_line(b"not a code\nsecond"), "not a code");
        assert_eq!(first_line(b"\x1b[2Jclear"), "[2Jclear");
        assert_eq!(first_line(b""), "");
        assert_eq!(first_line(&[b'x'; 500]).len(), 120);
    }
}
