//! A phone brings a code. The steps:
//!
//! 1. parse what was typed; what cannot be a code is told what one looks like, and costs nothing;
//! 2. look the code and the budgets up (`lookups.rs`), and ask whose phone it is; for every guess, so that all take the
//!    same time;
//! 3. decide: is it open, is the phone free or the provider's own, does it fit the limits;
//! 4. where a budget is exhausted it ends here, but for right codes of known phones; the budgets are looked at again in
//!    the transaction of step 5, where it counts;
//! 5. *the grant is the commit point*: used up, charged, and noted, all or nothing (`writer.rs`);
//! 6. assign the phone. This can be repeated, and the phone's retry is what repeats it: the same phone with the
//!    same code is granted again, and comes here again. Where it never can be assigned, the grant is taken back.
//!
//! Every refusal is the same answer; what was wrong stands in the attempts of the provider whose code it is.

use std::net::IpAddr;
use std::time::Duration;

use contracts::onboarding as wire;
use rpc::Actor;
use tonic::Request;
use vocabulary::{ActivationCode, CodeKind, MacAddress, Timestamp};

use crate::Onboarding;
use crate::assignment::{Content, NotAssigned, Owner, Phone};
use crate::attempts::{Network, Outcome, Share};
use crate::failpoint;
use crate::grant::State;
use crate::limits::Bearer;
use crate::record::Record;
use crate::refusal::RedeemRefused;
use crate::store::{self, Attempt, Found, Question, Redemption, Verdict};

/// How long it stays as it is noted that a network was throttled at a code.
const NOTED: Duration = Duration::from_mins(1);

/// A phone, what was typed on it, and where it asks from.
struct Guess {
    code: ActivationCode,
    phone: Phone,
    source: IpAddr,
    at: Timestamp,
}

impl Onboarding {
    /// The provider and the profile that the code stands for.
    #[tracing::instrument(name = "onboarding.redeem", level = "debug", skip_all, fields(device.mac, outcome))]
    pub(crate) async fn redeem_code(&self, request: Request<wire::RedeemRequest>) -> Result<Record, RedeemRefused> {
        let actor = Actor::of(&request);
        let guess = parse(request.get_ref(), self.clock.now())?;
        let span = tracing::Span::current();
        span.record("device.mac", tracing::field::display(guess.phone.mac));
        let network = Network::of(guess.source);
        let length = u32::try_from(guess.code.expose_digits().len()).unwrap_or(u32::MAX);
        let shares = Share::of_guess(&self.policy.budgets, guess.phone.mac, &network, length);
        let digest = self.key.digest_typed(&guess.code);
        let question = Question::new(&guess.code, digest, (guess.phone.mac, &network), &shares);
        let found = self.lookups.find(question).await?;
        let owner = self.assignments.owner(&guess.phone).await.map_err(RedeemRefused::Redirection)?;
        let attempt = attempt(&guess, &found.record, network);
        let is_exhausted = Share::are_exhausted(&shares, &found.whole_at, guess.at);
        let verdict = match decide(&found, &owner, &guess) {
            Verdict::Right | Verdict::Wrong(_) if is_exhausted => {
                span.record("outcome", Outcome::Throttled.word());
                let verdict = Verdict::Wrong(Outcome::Throttled);
                let redemption = Redemption { attempt, kind: found.record.kind, shares, verdict };
                return Err(self.throttle(redemption, found.throttled_at));
            }
            verdict @ (Verdict::Right | Verdict::RightOfKnown | Verdict::Wrong(_)) => verdict,
        };
        let verdict = self.harmless(&guess, &found.record, verdict).await?;
        failpoint::reached("onboarding.redeem.before-grant");
        let redemption = Redemption { attempt: attempt.clone(), kind: found.record.kind, shares, verdict };
        let outcome = self.writer.settle(redemption).await?;
        span.record("outcome", outcome.word());
        let granted = granted(found.record, outcome)?;
        failpoint::reached("onboarding.redeem.after-grant");
        self.assign((granted, outcome), (&guess.phone, &attempt), &actor).await
    }

    /// Nothing is left to guess with. That is noted beside the answer and not before it, and of guesses of the same
    /// network at the same code once in a while: so neither the time of the answer nor that of the next tells whether
    /// there is such a code, and guessing on costs next to nothing.
    fn throttle(&self, redemption: Redemption, noted_at: Option<Timestamp>) -> RedeemRefused {
        let now = redemption.attempt.at;
        if noted_at.is_none_or(|noted_at| noted_at.plus(NOTED) <= now) {
            self.writer.note(redemption);
        }
        RedeemRefused::Invalid
    }

    /// Step 3 goes on: what a directory code leads to must be no secret, whatever its profile was given since.
    /// Redirection is asked for every such guess, for a wrong one about nobody's profile: otherwise time would tell
    /// whose profile there is.
    async fn harmless(&self, guess: &Guess, record: &Record, verdict: Verdict) -> Result<Verdict, RedeemRefused> {
        if guess.code.kind() == CodeKind::Personal {
            return Ok(verdict);
        }
        let (nobody, nothing) = &*self.nobody;
        let (provider, profile) = match verdict {
            Verdict::Right | Verdict::RightOfKnown => (&record.provider, &record.profile),
            Verdict::Wrong(_) => (nobody, nothing),
        };
        let content = self.assignments.profile(provider, profile).await.map_err(RedeemRefused::Redirection)?;
        Ok(match (verdict, content) {
            (Verdict::Wrong(_), _) | (_, Some(Content::Harmless)) => verdict,
            (Verdict::Right | Verdict::RightOfKnown, Some(Content::Secret)) => {
                Verdict::Wrong(Outcome::ProfileCarriesSecret)
            }
            (Verdict::Right | Verdict::RightOfKnown, None) => Verdict::Wrong(Outcome::NoProfile),
        })
    }

    /// Step 6.
    async fn assign(
        &self,
        (record, outcome): (Record, Outcome),
        (phone, attempt): (&Phone, &Attempt),
        actor: &Actor,
    ) -> Result<Record, RedeemRefused> {
        match self.assignments.assign((&record.provider, &record.profile), phone, actor).await {
            Ok(()) => {
                failpoint::reached("onboarding.redeem.after-assignment");
                Ok(record)
            }
            Err(NotAssigned::Refused(why)) => {
                // A repetition keeps what it was granted before: only the first grant was in vain.
                if outcome == Outcome::Redeemed {
                    store::release(&self.db, &record, attempt, why).await?;
                }
                Err(RedeemRefused::Invalid)
            }
            Err(NotAssigned::Failed(failure)) => Err(RedeemRefused::Redirection(failure)),
        }
    }
}

/// Step 1. What a phone says of itself and cannot be is left out: the code is what counts.
fn parse(request: &wire::RedeemRequest, at: Timestamp) -> Result<Guess, RedeemRefused> {
    let phone = Phone {
        mac: MacAddress::from_u64(request.mac)?,
        model: request.model.parse().ok(),
        serial: request.serial.parse().ok(),
    };
    let source = request.source.parse().map_err(|_| RedeemRefused::Source)?;
    Ok(Guess { code: request.code.parse()?, phone, source, at })
}

/// Step 3: pure.
fn decide(found: &Found, owner: &Owner, guess: &Guess) -> Verdict {
    let Found { record, is_expected, has_activated, .. } = found;
    if record.is_nobodys() {
        return Verdict::Wrong(Outcome::Unknown);
    }
    let has_redeemed = match &record.state {
        State::Queued | State::Refused { .. } => return Verdict::Wrong(Outcome::NotOpen),
        State::Revoked => return Verdict::Wrong(Outcome::Revoked),
        State::Redeemed { by, at } if *by != guess.phone.mac || !record.is_repeatable(*at, guess.at) => {
            return Verdict::Wrong(Outcome::Used);
        }
        State::Redeemed { .. } => true,
        State::Open if record.is_expired(guess.at) => return Verdict::Wrong(Outcome::Expired),
        State::Open => *has_activated,
    };
    let provider = record.provider.as_str();
    let is_registered = match owner {
        Owner::Nobody => false,
        Owner::Provider(id) if id == provider => true,
        Owner::WrongSerial(id) if id == provider => return Verdict::Wrong(Outcome::WrongPhone),
        Owner::Provider(_) | Owner::WrongSerial(_) => return Verdict::Wrong(Outcome::OwnedByOther),
    };
    let bearer = Bearer {
        model: guess.phone.model.as_ref(),
        source: guess.source,
        is_registered,
        is_expected: *is_expected,
        has_redeemed,
        at: guess.at,
    };
    let is_used_by_it = matches!(record.state, State::Redeemed { .. });
    match record.limits.admit(&bearer, record.activations) {
        // The phone that has used a personal code was within its limits then.
        _ if is_used_by_it => Verdict::RightOfKnown,
        Err(outcome) => Verdict::Wrong(outcome),
        Ok(()) if is_registered || *is_expected || has_redeemed => Verdict::RightOfKnown,
        Ok(()) => Verdict::Right,
    }
}

fn attempt(guess: &Guess, record: &Record, network: Network) -> Attempt {
    Attempt {
        code: record.id.clone(),
        provider: record.provider.clone(),
        mac: guess.phone.mac,
        model: guess.phone.model.clone(),
        source: guess.source,
        network,
        at: guess.at,
    }
}

/// The code, where it was granted.
fn granted(record: Record, outcome: Outcome) -> Result<Record, RedeemRefused> {
    if matches!(outcome, Outcome::Redeemed | Outcome::Repeated) { Ok(record) } else { Err(RedeemRefused::Invalid) }
}
