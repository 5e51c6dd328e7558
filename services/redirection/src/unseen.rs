//! Phones that have not been seen for as long as their owner's policy says are given back, once an hour.
//!
//! 1. The candidates are read, a page at a time: phones that have been their owner's for so long.
//! 2. Customization is asked when each has been in contact last.
//! 3. Those that were not, or not for so long, are released, in one transaction for each page, where owner and policy
//!    are still as they were read.
//! 4. The timelines of all that were given back in the last two days are told of it. Each time has one name for ever,
//!    so that customization, which may have been away, takes it in once.

use std::collections::HashMap;
use std::time::Duration;

use contracts::customization::customization_service_client::CustomizationServiceClient;
use contracts::customization::observation::Event;
use contracts::customization::{Associated, Dissociated, Evidence, GetStatesRequest, Observation, RecordRequest};
use rpc::{Actor, Failure, Peer, Transport, within};
use storage::{Db, StoreError};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use vocabulary::{Clock, Timestamp};

use crate::change::By;
use crate::store::{self, GivenBack, Silent};
use crate::writer::Writer;

/// From one round to the next.
const ROUND: Duration = Duration::from_hours(1);
/// How many phones one question to customization names; it takes up to 1000.
const PAGE: i64 = 1_000;
/// How many phones are told of at once, in up to two observations each; customization takes up to 1000.
const TOLD_AT_ONCE: i64 = 500;
/// For how long it is told again; customization may be away for as long.
const TOLD_FOR: Duration = Duration::from_hours(48);
/// How long customization may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a round was not finished. The next one begins anew.
#[derive(Debug, thiserror::Error)]
pub enum RoundFailed {
    /// It does not say when the phones were seen, or take in what became of them.
    #[error("customization: {}", .0.message)]
    Customization(Failure),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a round needs.
#[derive(Clone)]
pub(crate) struct Unseen {
    pub db: Db,
    pub writer: Writer,
    pub customization: CustomizationServiceClient<Transport>,
}

impl Unseen {
    /// Goes round once. Answers how many phones were given back.
    pub async fn release(&self, now: Timestamp) -> Result<u64, RoundFailed> {
        let released = self.give_back(now).await?;
        self.tell_timelines(now).await?;
        Ok(released)
    }

    /// Steps 1 to 3.
    async fn give_back(&self, now: Timestamp) -> Result<u64, RoundFailed> {
        let by = By { actor: Actor::service(Peer::Redirection), at: now };
        let (mut after, mut released) = (0, 0);
        loop {
            let silent = store::devices_silent(self.db.read().await?.connection(), after, now, PAGE).await?;
            let Some(last) = silent.last() else { return Ok(released) };
            after = last.mac.to_i64();
            let unseen = self.unseen_among(silent).await?;
            if !unseen.is_empty() {
                released += crate::change::release_unseen(&self.writer, unseen, by.clone()).await?;
            }
        }
    }

    /// Step 4.
    async fn tell_timelines(&self, now: Timestamp) -> Result<(), RoundFailed> {
        let since = Timestamp::from_micros(now.as_micros().saturating_sub(micros(TOLD_FOR)));
        let mut after = (0, 0);
        loop {
            let gone = store::ownership_unseen(self.db.read().await?.connection(), since, after, TOLD_AT_ONCE).await?;
            let Some(last) = gone.last() else { return Ok(()) };
            after = (last.mac.to_i64(), last.number);
            let observations = gone.iter().flat_map(told).collect();
            let request = within(PATIENCE, RecordRequest { observations });
            let recorded = self.customization.clone().record(request).await;
            recorded.map_err(|status| RoundFailed::Customization(status.into()))?;
        }
    }

    async fn unseen_among(&self, silent: Vec<Silent>) -> Result<Vec<Silent>, RoundFailed> {
        let macs = silent.iter().map(|phone| phone.mac.to_u64()).collect();
        let question = within(PATIENCE, GetStatesRequest { macs });
        let states = self.customization.clone().get_states(question).await;
        let states = states.map_err(|status| RoundFailed::Customization(status.into()))?.into_inner();
        let seen: HashMap<u64, i64> = states.phones.iter().map(|phone| (phone.mac, phone.last_contact)).collect();
        let is_unseen = |phone: &Silent| {
            let last = seen.get(&phone.mac.to_u64()).copied().unwrap_or_default();
            last < phone.asked_since.as_micros()
        };
        Ok(silent.into_iter().filter(is_unseen).collect())
    }

    /// Goes round for ever; the first time in an hour.
    pub async fn go_on(self, clock: Clock) {
        let mut rounds = interval_at(Instant::now() + ROUND, ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            match self.release(clock.now()).await {
                Ok(0) => {}
                Ok(phones) => tracing::info!(phones, "phones that were not seen for long were given back"),
                Err(error) => tracing::warn!(%error, "phones that were not seen for long stay for now"),
            }
        }
    }
}

/// What the timeline is told: that the phone left its owner, and where it went.
fn told(gone: &GivenBack) -> Vec<Observation> {
    let observation = |place, provider_id: String, event| Observation {
        id: name(gone, place),
        mac: gone.mac.to_u64(),
        at: gone.at.as_micros(),
        evidence: Evidence::Observed.into(),
        event: Some(event),
        provider_id,
        ..Observation::default()
    };
    let left = observation(0, gone.provider.to_string(), Event::Dissociated(Dissociated {}));
    let came = gone.heir.as_ref().map(|(provider, profile)| {
        let event = Event::Associated(Associated { profile_id: profile.to_string() });
        observation(1, provider.to_string(), event)
    });
    std::iter::once(left).chain(came).collect()
}

/// The name of what happened: when, to which phone, which of its owners, and which of the two observations. What
/// others name has random bytes in place of the latter three.
fn name(gone: &GivenBack, place: u8) -> Vec<u8> {
    let [.., number] = gone.number.to_be_bytes();
    let [_, _, mac @ ..] = gone.mac.to_u64().to_be_bytes();
    [gone.at.as_micros().to_be_bytes().as_slice(), &mac, &[number, place]].concat()
}

fn micros(long: Duration) -> i64 {
    i64::try_from(long.as_micros()).unwrap_or(i64::MAX)
}
