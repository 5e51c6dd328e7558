//! A service on a database of its own beside a real redirection, and what tests say to them.

use std::sync::Arc;
use std::time::Duration;

use contracts::onboarding::onboarding_service_client::OnboardingServiceClient;
use contracts::onboarding::{
    Attempt, ChangeDirectoryCodeRequest, Code, CreateDirectoryCodeRequest, CreateDirectoryCodeResponse,
    CreatePersonalCodesRequest, CreatePersonalCodesResponse, DecideDirectoryCodeRequest, GetCodeRequest, Limits,
    ListAttemptsRequest, ListCodesRequest, ListCodesResponse, RedeemRequest, RedeemResponse, RevokeCodeRequest,
    SuggestDirectoryCodesRequest, SuggestDirectoryCodesResponse,
};
use contracts::redirection::redirection_service_client::RedirectionServiceClient;
use contracts::redirection::{
    CreateProfileRequest, Device, GetDeviceRequest, Parameter, Proof, PutDeviceRequest, SetProvidersFrozenRequest,
};
use onboarding::{Onboarding, OnboardingConfig, Policy};
use prometheus_client::registry::Registry;
use redirection::{Redirection, RedirectionConfig, TIME_TO_ANSWER};
use rpc::{Failure, Peer, RpcMetrics, Transport, local};
use storage::testing::{Kind, TestDatabase};
use vault::MasterKey;
use vocabulary::{Clock, ErrorKind, ManualClock, ProviderId, Randomness, Secret, Timestamp};

pub const START: i64 = 1_795_370_400_000_000;
pub const DAY: Duration = Duration::from_hours(24);
pub const HOME: &str = "192.0.2.7";

/// A database for each of the two. Redirection's is a file, whatever onboarding's is.
pub struct Databases {
    pub redirection: TestDatabase,
    pub onboarding: TestDatabase,
}

/// Both services, their callers and their clock.
pub struct World {
    pub databases: Databases,
    pub redirection: Redirection,
    pub service: Onboarding,
    pub clock: ManualClock,
    pub randomness: Arc<Randomness>,
    pub policy: Policy,
}

fn metrics() -> RpcMetrics {
    RpcMetrics::register(&mut Registry::default())
}

pub fn onboarding(service: &Onboarding) -> OnboardingServiceClient<Transport> {
    let road = local(service.clone().server(), Peer::Gateway, metrics());
    OnboardingServiceClient::new(road).max_decoding_message_size(16 << 20)
}

pub fn redirection(service: &Redirection, caller: Peer) -> RedirectionServiceClient<Transport> {
    RedirectionServiceClient::new(local(service.clone().into_server(), caller, metrics()))
}

impl World {
    pub async fn new(kind: Kind) -> Self {
        Self::with(kind, Policy::default()).await
    }

    /// Room for guesses, for tests of something else.
    pub async fn lenient(kind: Kind) -> Self {
        let mut policy = Policy { approve_from_digits: 3, ceiling_days: 0, ..Policy::default() };
        policy.budgets.phone.burst = 1_000;
        policy.budgets.network.burst = 1_000;
        policy.budgets.length_per_day = [100_000; 14];
        Self::with(kind, policy).await
    }

    pub async fn with(kind: Kind, policy: Policy) -> Self {
        let (redirection, onboarding) = (TestDatabase::new(Kind::Sqlite).await, TestDatabase::new(kind).await);
        let databases = Databases { redirection, onboarding };
        let clock = ManualClock::starting_at(Timestamp::from_micros(START));
        let randomness = Arc::new(Randomness::seeded(11));
        let (redirection, service) = open(&databases, &clock, &randomness, policy.clone()).await;
        Self { databases, redirection, service, clock, randomness, policy }
    }

    /// The same databases, opened by a new process.
    pub async fn reopened(self) -> Self {
        self.service.close().await;
        self.redirection.close().await;
        let (redirection, service) = open(&self.databases, &self.clock, &self.randomness, self.policy.clone()).await;
        Self { redirection, service, ..self }
    }

    /// Another process on the same database.
    pub async fn replica(&self) -> Onboarding {
        let randomness = Arc::new(Randomness::seeded(12));
        open_onboarding((&self.databases, &self.redirection), &self.clock, &randomness, self.policy.clone()).await
    }

    pub fn now(&self) -> i64 {
        Clock::Manual(self.clock.clone()).now().as_micros()
    }

    /// A provider nobody has used before, with a profile.
    pub async fn provider(&self) -> Provider {
        let id = ProviderId::draw(&self.randomness).to_string();
        let redirection = redirection(&self.redirection, Peer::Gateway);
        let mut provider = Provider { id, profile: String::new(), codes: onboarding(&self.service), redirection };
        provider.profile = provider.new_profile("main", "https://nps.example/$MA.xml").await;
        provider
    }

    pub async fn redeem(&self, request: RedeemRequest) -> Result<RedeemResponse, Failure> {
        Ok(onboarding(&self.service).redeem(request).await?.into_inner())
    }

    /// What a phone of that number gets for a code.
    pub async fn typed(&self, code: &str, phone: u64) -> Result<RedeemResponse, Failure> {
        self.redeem(request(code, phone)).await
    }

    pub async fn decide(&self, code: &Code, approve: bool, reason: &str) -> Result<Code, Failure> {
        let request = DecideDirectoryCodeRequest { code_id: code.id.clone(), approve, reason: reason.to_owned() };
        Ok(onboarding(&self.service).decide_directory_code(request).await?.into_inner().code.expect("a code"))
    }

    pub async fn suggest(&self, digits: &str, length: u32, count: u32) -> SuggestDirectoryCodesResponse {
        let request = SuggestDirectoryCodesRequest { digits: digits.to_owned(), length, count };
        onboarding(&self.service).suggest_directory_codes(request).await.expect("suggestions").into_inner()
    }
}

async fn open(
    databases: &Databases,
    clock: &ManualClock,
    randomness: &Arc<Randomness>,
    policy: Policy,
) -> (Redirection, Onboarding) {
    let config = RedirectionConfig {
        database: databases.redirection.place().clone(),
        master: MasterKey::from_bytes([6; 32]),
        clock: Clock::Manual(clock.clone()),
        randomness: Arc::clone(randomness),
        time_to_answer: TIME_TO_ANSWER,
        customization: None,
    };
    let it = Redirection::open(config).await.expect("redirection");
    let service = open_onboarding((databases, &it), clock, randomness, policy).await;
    (it, service)
}

async fn open_onboarding(
    (databases, it): (&Databases, &Redirection),
    clock: &ManualClock,
    randomness: &Arc<Randomness>,
    policy: Policy,
) -> Onboarding {
    let database = databases.onboarding.place().clone();
    let config = OnboardingConfig { database, code_key: Secret::new([5; 32]), policy };
    let (road, clock) = (redirection(it, Peer::Onboarding), Clock::Manual(clock.clone()));
    Onboarding::open(config, road, clock, Arc::clone(randomness)).await.expect("onboarding")
}

/// A provider, and what it does through the gateway.
pub struct Provider {
    pub id: String,
    pub profile: String,
    pub codes: OnboardingServiceClient<Transport>,
    pub redirection: RedirectionServiceClient<Transport>,
}

impl Provider {
    pub async fn new_profile(&self, name: &str, rule: &str) -> String {
        let rule = Parameter { name: "Profile_Rule".to_owned(), value: rule.to_owned(), user_access: "na".to_owned() };
        // Such a profile may carry a secret, and what keeps it from a code is then the code's own rule.
        let proof = Proof::Serial.into();
        let (provider_id, name) = (self.id.clone(), name.to_owned());
        let request = CreateProfileRequest { provider_id, name, parameters: vec![rule], proof };
        let profile = self.redirection.clone().create_profile(request).await.expect("a profile");
        profile.into_inner().profile.expect("a profile").id
    }

    pub async fn register(&self, phone: u64) {
        let request = PutDeviceRequest {
            provider_id: self.id.clone(),
            mac: mac(phone),
            profile: self.profile.clone(),
            serial: "FCH1".to_owned(),
            note: "reception".to_owned(),
            ..PutDeviceRequest::default()
        };
        self.redirection.clone().put_device(request).await.expect("a phone");
    }

    pub async fn device(&self, phone: u64) -> Option<Device> {
        let request = GetDeviceRequest { provider_id: self.id.clone(), mac: mac(phone) };
        self.redirection.clone().get_device(request).await.ok()?.into_inner().device
    }

    pub async fn freeze(&self) {
        let request = SetProvidersFrozenRequest { provider_ids: vec![self.id.clone()], frozen: true };
        self.redirection.clone().set_providers_frozen(request).await.expect("frozen");
    }

    pub async fn try_directory(&self, digits: &str, limits: Limits) -> Result<CreateDirectoryCodeResponse, Failure> {
        let request = CreateDirectoryCodeRequest {
            provider_id: self.id.clone(),
            digits: digits.to_owned(),
            profile_id: self.profile.clone(),
            limits: Some(limits),
            ..CreateDirectoryCodeRequest::default()
        };
        Ok(self.codes.clone().create_directory_code(request).await?.into_inner())
    }

    pub async fn directory(&self, digits: &str, limits: Limits) -> Code {
        self.try_directory(digits, limits).await.expect("a code").code.expect("a code")
    }

    pub async fn change(&self, code: &Code, limits: Limits) -> Result<Code, Failure> {
        let request = ChangeDirectoryCodeRequest {
            provider_id: self.id.clone(),
            code_id: code.id.clone(),
            limits: Some(limits),
            ..ChangeDirectoryCodeRequest::default()
        };
        Ok(self.codes.clone().change_directory_code(request).await?.into_inner().code.expect("a code"))
    }

    pub async fn personal(&self, wish: CreatePersonalCodesRequest) -> Result<CreatePersonalCodesResponse, Failure> {
        let request = CreatePersonalCodesRequest {
            provider_id: self.id.clone(),
            profile_id: self.profile.clone(),
            count: wish.count.max(1),
            ..wish
        };
        Ok(self.codes.clone().create_personal_codes(request).await?.into_inner())
    }

    /// One personal code, and its digits.
    pub async fn one(&self) -> (Code, String) {
        let made = self.personal(CreatePersonalCodesRequest::default()).await.expect("a code");
        let made = made.codes.into_iter().next().expect("a code");
        (made.code.expect("a code"), made.digits)
    }

    pub async fn revoke(&self, code: &Code) -> Result<Code, Failure> {
        let request = RevokeCodeRequest { provider_id: self.id.clone(), code_id: code.id.clone() };
        Ok(self.codes.clone().revoke_code(request).await?.into_inner().code.expect("a code"))
    }

    pub async fn code(&self, code: &Code) -> Code {
        let request = GetCodeRequest { provider_id: self.id.clone(), code_id: code.id.clone() };
        self.codes.clone().get_code(request).await.expect("the code").into_inner().code.expect("the code")
    }

    pub async fn list(&self, wish: ListCodesRequest) -> ListCodesResponse {
        let request = ListCodesRequest { provider_id: self.id.clone(), limit: wish.limit.max(1), ..wish };
        self.codes.clone().list_codes(request).await.expect("codes").into_inner()
    }

    /// Everything that was tried at this provider's codes, the newest first.
    pub async fn attempts(&self) -> Vec<Attempt> {
        let request = ListAttemptsRequest { provider_id: self.id.clone(), limit: 1_000, ..Default::default() };
        self.codes.clone().list_attempts(request).await.expect("attempts").into_inner().attempts
    }

    /// What came of them, the newest first.
    pub async fn outcomes(&self) -> Vec<String> {
        self.attempts().await.into_iter().map(|attempt| attempt.outcome).collect()
    }
}

/// The address of the phone with that number.
pub const fn mac(number: u64) -> u64 {
    0x0004_f200_0000 + number
}

pub fn request(code: &str, phone: u64) -> RedeemRequest {
    RedeemRequest { code: code.to_owned(), mac: mac(phone), source: HOME.to_owned(), ..RedeemRequest::default() }
}

/// The one answer to everything that is wrong.
#[track_caller]
pub fn assert_refused<T: std::fmt::Debug>(answer: Result<T, Failure>) {
    let failure = answer.expect_err("a refusal");
    let expected = (ErrorKind::NotFound, "invalid_activation_code", "Invalid activation code");
    assert_eq!((failure.kind, failure.reason.as_str(), failure.message.as_str()), expected);
}

/// Kind and reason of a refusal.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Failure>) -> (ErrorKind, String) {
    let failure = answer.expect_err("a refusal");
    (failure.kind, failure.reason)
}

/// What [`refused`] should give.
pub fn because(kind: ErrorKind, reason: &str) -> (ErrorKind, String) {
    (kind, reason.to_owned())
}
