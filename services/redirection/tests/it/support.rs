//! A service on a database of its own, and what tests say to it.

use std::sync::Arc;
use std::time::Duration;

use contracts::redirection::redirection_service_client::RedirectionServiceClient;
use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{
    Certificate, CreateProfileRequest, CreateRangeRequest, DeleteDeviceRequest, DeleteProfileRequest, Device,
    GetDeviceRequest, GetProfileRequest, Parameter, Profile, Proof, PutDeviceRequest, PutDeviceResponse, Range,
    Refusal, RefusalReason, ReplaceProfileRequest, ResolveRequest, SealFormat, SetDeviceKeyRequest,
    SetProvidersFrozenRequest,
};
use prometheus_client::registry::Registry;
use redirection::{CannotOpen, Redirection, RedirectionConfig, TIME_TO_ANSWER};
use rpc::{Failure, Peer, RpcMetrics, Transport, local, within};
use storage::Place;
use storage::testing::{Kind, TestDatabase};
use vault::MasterKey;
use vocabulary::{Clock, ErrorKind, ManualClock, ProviderId, Randomness, Timestamp};

pub const START: i64 = 1_795_370_400_000_000;
pub const RULE: &str = "https://nps.example/$MA.xml";

/// The service, its callers and its clock.
pub struct World {
    pub database: TestDatabase,
    pub service: Redirection,
    pub clock: ManualClock,
    pub randomness: Arc<Randomness>,
}

impl World {
    pub async fn new(kind: Kind, seed: u64) -> Self {
        Self::on(TestDatabase::new(kind).await, seed).await
    }

    pub async fn on(database: TestDatabase, seed: u64) -> Self {
        let clock = ManualClock::starting_at(Timestamp::from_micros(START));
        let randomness = Arc::new(Randomness::seeded(seed));
        let service = open(database.place(), &clock, &randomness).await;
        Self { database, service, clock, randomness }
    }

    /// The same database, opened by a new process.
    pub async fn reopened(self) -> Self {
        self.service.close().await;
        let service = self.opened_again().await;
        Self { service, ..self }
    }

    /// Another service on the same database.
    pub async fn opened_again(&self) -> Redirection {
        open(self.database.place(), &self.clock, &self.randomness).await
    }

    /// A provider nobody has used before.
    pub fn provider(&self) -> Provider {
        Provider { id: ProviderId::draw(&self.randomness).to_string(), client: client(&self.service, Peer::Gateway) }
    }

    /// Asks as a phone does.
    pub async fn resolve(&self, mac: u64, serial: &str) -> Answer {
        resolve(&self.service, mac, serial).await
    }

    pub fn advance(&self) {
        self.clock.advance(Duration::from_secs(1));
    }
}

async fn open(database: &Place, clock: &ManualClock, randomness: &Arc<Randomness>) -> Redirection {
    open_with([7; 32], database, clock, randomness).await.expect("the database opens")
}

/// Opens a database with a master key of these bytes.
pub async fn open_with(
    master: [u8; 32],
    database: &Place,
    clock: &ManualClock,
    randomness: &Arc<Randomness>,
) -> Result<Redirection, CannotOpen> {
    let config = RedirectionConfig {
        database: database.clone(),
        master: MasterKey::from_bytes(master),
        clock: Clock::Manual(clock.clone()),
        randomness: Arc::clone(randomness),
        time_to_answer: TIME_TO_ANSWER,
        customization: None,
    };
    Redirection::open(config).await
}

pub async fn resolve(service: &Redirection, mac: u64, serial: &str) -> Answer {
    ask(service, ResolveRequest { mac, serial: serial.to_owned(), certificate: None }).await
}

/// Asks with all that a phone can show.
pub async fn ask(service: &Redirection, question: ResolveRequest) -> Answer {
    let response = client(service, Peer::Gateway).resolve(question).await.expect("an answer");
    response.into_inner().answer.expect("an answer")
}

/// A verified certificate that names the address.
pub fn certificate(mac: u64) -> Certificate {
    Certificate { mac, serial: String::new(), expired: false }
}

/// A phone's empty answer, of which its owner is told why.
pub fn refusal(reason: RefusalReason, provider_id: &str) -> Answer {
    Answer::Refusal(Refusal { reason: reason.into(), provider_id: provider_id.to_owned(), may_claim: false })
}

pub fn client(service: &Redirection, caller: Peer) -> RedirectionServiceClient<Transport> {
    let metrics = RpcMetrics::register(&mut Registry::default());
    RedirectionServiceClient::new(local(service.clone().into_server(), caller, metrics))
}

/// A provider and its wishes.
#[derive(Clone)]
pub struct Provider {
    pub id: String,
    pub client: RedirectionServiceClient<Transport>,
}

impl Provider {
    /// The same provider at another service.
    pub fn at(&self, service: &Redirection) -> Self {
        Self { id: self.id.clone(), client: client(service, Peer::Gateway) }
    }

    /// A profile that asks for nothing but the address.
    pub async fn create_profile(&self, name: &str, parameters: Vec<Parameter>) -> Result<Profile, Failure> {
        self.create_proven(Proof::Unspecified, name, parameters).await
    }

    pub async fn create_proven(
        &self,
        proof: Proof,
        name: &str,
        parameters: Vec<Parameter>,
    ) -> Result<Profile, Failure> {
        let (provider_id, name, proof) = (self.id.clone(), name.to_owned(), proof.into());
        let request = CreateProfileRequest { provider_id, name, parameters, proof };
        let response = self.client.clone().create_profile(within(Duration::from_secs(10), request)).await?;
        Ok(response.into_inner().profile.expect("a profile"))
    }

    /// A profile with nothing but a rule.
    pub async fn profile(&self, name: &str) -> Profile {
        self.create_profile(name, vec![rule(RULE)]).await.expect("a profile")
    }

    pub async fn get_profile(&self, id: &str) -> Result<Profile, Failure> {
        let request = GetProfileRequest { provider_id: self.id.clone(), profile_id: id.to_owned() };
        Ok(self.client.clone().get_profile(request).await?.into_inner().profile.expect("a profile"))
    }

    pub async fn replace_profile(&self, new: &Profile, expected_version: u64) -> Result<Profile, Failure> {
        let request = ReplaceProfileRequest {
            provider_id: self.id.clone(),
            profile_id: new.id.clone(),
            name: new.name.clone(),
            parameters: new.parameters.clone(),
            expected_version,
            proof: new.proof,
        };
        Ok(self.client.clone().replace_profile(request).await?.into_inner().profile.expect("a profile"))
    }

    pub async fn delete_profile(&self, id: &str) -> Result<(), Failure> {
        let request = DeleteProfileRequest { provider_id: self.id.clone(), profile_id: id.to_owned() };
        self.client.clone().delete_profile(request).await?;
        Ok(())
    }

    pub async fn put(&self, request: PutDeviceRequest) -> Result<PutDeviceResponse, Failure> {
        let request = PutDeviceRequest { provider_id: self.id.clone(), ..request };
        Ok(self.client.clone().put_device(within(Duration::from_secs(10), request)).await?.into_inner())
    }

    /// A phone of which nothing is known.
    pub async fn put_device(&self, mac: u64, profile: &str) -> Result<PutDeviceResponse, Failure> {
        self.put(PutDeviceRequest { mac, profile: profile.to_owned(), ..PutDeviceRequest::default() }).await
    }

    pub async fn get_device(&self, mac: u64) -> Result<Device, Failure> {
        let request = GetDeviceRequest { provider_id: self.id.clone(), mac };
        Ok(self.client.clone().get_device(request).await?.into_inner().device.expect("a phone"))
    }

    pub async fn delete_device(&self, mac: u64) -> Result<(), Failure> {
        let request = DeleteDeviceRequest { provider_id: self.id.clone(), mac };
        self.client.clone().delete_device(request).await?;
        Ok(())
    }

    pub async fn set_frozen(&self, frozen: bool) -> Result<(), Failure> {
        let request = SetProvidersFrozenRequest { provider_ids: vec![self.id.clone()], frozen };
        self.client.clone().set_providers_frozen(request).await?;
        Ok(())
    }

    pub async fn create_range(&self, profile: &str, (first, last): (u64, u64)) -> Result<Range, Failure> {
        let request = CreateRangeRequest { provider_id: self.id.clone(), profile: profile.to_owned(), first, last };
        Ok(self.client.clone().create_range(request).await?.into_inner().range.expect("a range"))
    }

    pub async fn set_key(&self, mac: u64, format: SealFormat, key: &[u8]) -> Result<Device, Failure> {
        let (provider_id, key) = (self.id.clone(), key.to_vec());
        let request = SetDeviceKeyRequest { provider_id, mac, format: format.into(), key };
        Ok(self.client.clone().set_device_key(request).await?.into_inner().device.expect("a phone"))
    }
}

pub fn parameter(name: &str, value: &str, user_access: &str) -> Parameter {
    Parameter { name: name.to_owned(), value: value.to_owned(), user_access: user_access.to_owned() }
}

pub fn rule(value: &str) -> Parameter {
    parameter("Profile_Rule", value, "na")
}

/// The address of the phone with that number.
pub const fn mac(number: u64) -> u64 {
    0x0004_f200_0000 + number
}

/// Kind and reason of a refusal.
#[track_caller]
pub fn refused<T>(answer: Result<T, Failure>) -> (ErrorKind, String) {
    let failure = answer.err().expect("a refusal");
    (failure.kind, failure.reason)
}

/// What [`refused`] should give.
pub fn because(kind: ErrorKind, reason: &str) -> (ErrorKind, String) {
    (kind, reason.to_owned())
}
