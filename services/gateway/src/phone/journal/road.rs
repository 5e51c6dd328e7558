//! The road to the customization service, and what is lost on it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contracts::customization::customization_service_client::CustomizationServiceClient;
use contracts::customization::{Observation, RecordRequest};
use rpc::{Failure, Transport, within};
use vocabulary::ErrorKind;

use crate::GatewayMetrics;

/// The road that all batches take.
pub(super) struct Road {
    customization: CustomizationServiceClient<Transport>,
    /// Whether the last batch did not arrive.
    away: AtomicBool,
    /// Whether it was logged that something is lost, since something last arrived.
    complained: AtomicBool,
    metrics: GatewayMetrics,
}

/// How a batch arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived {
    Whole,
    /// But for what the service will never take.
    InPart,
}

impl Road {
    pub fn new(customization: CustomizationServiceClient<Transport>, metrics: GatewayMetrics) -> Self {
        Self { customization, away: AtomicBool::new(false), complained: AtomicBool::new(false), metrics }
    }

    /// Whether the last batch did not arrive.
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// Records the observations in their order, within `allowed`. After a failure some of them may be recorded.
    pub async fn carry(&self, observations: &[Observation], allowed: Duration) -> Result<Arrived, Failure> {
        let carried = self.carry_or_halve(observations, allowed).await;
        match &carried {
            Ok(_) => self.note_arrival(observations.len()),
            Err(failure) => self.note_away(failure),
        }
        carried
    }

    /// One bad observation must not take the others with it.
    async fn carry_or_halve(&self, observations: &[Observation], allowed: Duration) -> Result<Arrived, Failure> {
        match self.send(observations.to_vec(), allowed).await {
            Ok(()) => Ok(Arrived::Whole),
            Err(failure) if failure.kind == ErrorKind::Malformed && observations.len() <= 1 => {
                let reason = failure.reason;
                tracing::error!(reason, "an observation is lost: the customization service cannot read it");
                self.metrics.observations_lost(observations.len());
                // Whoever has it carried counts it as arrived.
                self.metrics.observations_wait(observations.len());
                Ok(Arrived::InPart)
            }
            Err(failure) if failure.kind == ErrorKind::Malformed => {
                let (first, second) = observations.split_at(observations.len() / 2);
                Box::pin(self.carry_or_halve(first, allowed)).await?;
                Box::pin(self.carry_or_halve(second, allowed)).await?;
                Ok(Arrived::InPart)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn send(&self, observations: Vec<Observation>, allowed: Duration) -> Result<(), Failure> {
        self.customization.clone().record(within(allowed, RecordRequest { observations })).await?;
        Ok(())
    }

    fn note_arrival(&self, count: usize) {
        self.metrics.observations_wait_no_more(count);
        self.complained.store(false, Ordering::Relaxed);
        if self.away.swap(false, Ordering::Relaxed) {
            tracing::info!("what happens to phones is recorded again");
        }
    }

    fn note_away(&self, failure: &Failure) {
        if !self.away.swap(true, Ordering::Relaxed) {
            let kind = failure.kind.name();
            tracing::warn!(error.kind = kind, "cannot record; phones are answered, what happens to them waits");
        }
    }

    /// Counts what is lost.
    pub fn lose(&self, count: usize) {
        self.metrics.observations_lost(count);
    }

    /// The same where too much waits already. Says so once, until something arrives.
    pub fn lose_for_want_of_room(&self, count: usize) {
        self.lose(count);
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::error!("too much waits to be recorded; observations are lost and counted, phones are answered");
        }
    }
}
