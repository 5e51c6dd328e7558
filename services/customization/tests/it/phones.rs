//! A service with a client, and the things that happen to phones.

use std::sync::Arc;

use contracts::customization::customization_service_client::CustomizationServiceClient;
use contracts::customization::observation::Event;
use contracts::customization::{
    AnsweredWithNothing, AnsweredWithProvider, Asked, Associated, Evidence, FactoryReset, GetStatesRequest,
    GetTimelineRequest, GetTimelineResponse, Observation, Phone, ProvisionedByDhcp, RecordRequest, ResyncFailed,
    ResyncSucceeded, State, TimelineEntry,
};
use customization::Customization;
use prometheus_client::registry::Registry;
use rpc::{Failure, Peer, RpcMetrics, Transport};
use storage::testing::{Kind, TestDatabase};
use vocabulary::{ProfileId, ProviderId, Randomness};

/// The moment from which the tests count.
pub const NOW: i64 = 1_795_370_400_000_000;
pub const PHONE: u64 = 0x0004_f2aa_bbcc;
pub const RULE: &str = "[--key ****] https://nps.example/$MA.xml";

/// A running service on a database of its own.
pub struct World {
    pub database: Arc<TestDatabase>,
    pub service: Customization,
    pub client: CustomizationServiceClient<Transport>,
}

impl World {
    pub async fn new(kind: Kind) -> Self {
        Self::on(TestDatabase::new(kind).await).await
    }

    pub async fn on(database: impl Into<Arc<TestDatabase>>) -> Self {
        let database = database.into();
        let service = Customization::open(database.place()).await.expect("a database");
        let metrics = RpcMetrics::register(&mut Registry::default());
        let client = CustomizationServiceClient::new(rpc::local(service.clone().server(), Peer::Gateway, metrics));
        Self { database, service, client }
    }

    /// Another replica of the service, on the same database.
    pub async fn replica(&self) -> Self {
        Self::on(Arc::clone(&self.database)).await
    }

    /// Sends a batch and says how many of it were new.
    pub async fn record(&self, observations: &[Observation]) -> Result<u32, Failure> {
        let request = RecordRequest { observations: observations.to_vec() };
        Ok(self.client.clone().record(request).await?.into_inner().recorded)
    }

    pub async fn states(&self, macs: &[u64]) -> Result<Vec<Phone>, Failure> {
        let request = GetStatesRequest { macs: macs.to_vec() };
        Ok(self.client.clone().get_states(request).await?.into_inner().phones)
    }

    /// Where the phone stands.
    pub async fn phone(&self) -> Phone {
        let phones = self.states(&[PHONE]).await.expect("phones");
        phones.into_iter().next().expect("a phone that was heard of")
    }

    pub async fn page(&self, request: GetTimelineRequest) -> Result<GetTimelineResponse, Failure> {
        Ok(self.client.clone().get_timeline(request).await?.into_inner())
    }

    /// The phone's whole timeline, oldest first, as `reader` sees it.
    pub async fn timeline(&self, reader: &ProviderId) -> Vec<TimelineEntry> {
        self.timeline_of(PHONE, reader).await
    }

    /// The same of another phone.
    pub async fn timeline_of(&self, mac: u64, reader: &ProviderId) -> Vec<TimelineEntry> {
        let request = GetTimelineRequest { mac, provider_id: reader.to_string(), before: 0, limit: 1000 };
        let page = self.page(request).await.expect("a timeline");
        assert!(!page.more);
        page.entries.into_iter().rev().collect()
    }
}

pub fn acme() -> ProviderId {
    ProviderId::draw(&Randomness::seeded(1))
}

pub fn profile() -> ProfileId {
    ProfileId::draw(&Randomness::seeded(2))
}

/// Observation number `id` of a test, of [`PHONE`], by us.
pub fn observed(id: u128, event: Event) -> Observation {
    Observation {
        id: id.to_be_bytes().to_vec(),
        mac: PHONE,
        at: NOW,
        evidence: Evidence::Observed.into(),
        event: Some(event),
        ..Observation::default()
    }
}

pub fn asked() -> Event {
    Event::Asked(Asked { question: "GET /rc?id=0004f2aabbcc".to_owned() })
}

pub fn sent_to_provider() -> Event {
    Event::AnsweredWithProvider(AnsweredWithProvider { profile_id: profile().to_string(), rule: RULE.to_owned() })
}

pub fn sent_nowhere() -> Event {
    Event::AnsweredWithNothing(AnsweredWithNothing { reason: "no_provider".to_owned() })
}

pub fn resynced() -> Event {
    Event::ResyncSucceeded(ResyncSucceeded {})
}

pub fn not_found() -> ResyncFailed {
    ResyncFailed { class: "B".to_owned(), status: 404, retry_at: NOW + 60_000_000 }
}

pub fn by_dhcp() -> Event {
    Event::ProvisionedByDhcp(ProvisionedByDhcp {})
}

pub fn reset() -> Event {
    Event::FactoryReset(FactoryReset {})
}

pub fn associated() -> Event {
    Event::Associated(Associated { profile_id: profile().to_string() })
}

/// From which state to which each entry led.
pub fn steps(timeline: &[TimelineEntry]) -> Vec<(State, State)> {
    timeline.iter().map(|entry| (entry.from(), entry.to())).collect()
}
