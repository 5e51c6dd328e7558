//! Phones given back because they have not been seen for long.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use contracts::customization::customization_service_client::CustomizationServiceClient;
use contracts::customization::customization_service_server::{CustomizationService, CustomizationServiceServer};
use contracts::customization::observation::Event;
use contracts::customization::{
    GetStatesRequest, GetStatesResponse, GetTimelineRequest, GetTimelineResponse, Observation, Phone, RecordRequest,
    RecordResponse,
};
use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{ProviderPolicy, SetProviderPolicyRequest};
use prometheus_client::registry::Registry;
use redirection::{Redirection, RedirectionConfig, TIME_TO_ANSWER};
use rpc::{Peer, RpcMetrics, local};
use tonic::{Request, Response, Status};
use vault::MasterKey;
use vocabulary::{Clock, Timestamp};

use storage::on_each_database;
use storage::testing::Kind;

use crate::support::{Provider, START, World, mac, refused};
use crate::wishes::{DAY, row};

/// Knows when phones were in contact last; `None` while it is away. And what it is told, by its names.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Option<HashMap<u64, i64>>>>, Arc<Mutex<BTreeMap<Vec<u8>, Observation>>>);

#[tonic::async_trait]
impl CustomizationService for Seen {
    async fn record(&self, request: Request<RecordRequest>) -> Result<Response<RecordResponse>, Status> {
        let told = request.into_inner().observations;
        assert!(told.len() <= 1_000);
        self.0.lock().expect("a lock").as_ref().ok_or_else(|| Status::unavailable("away"))?;
        for one in told {
            assert_eq!(one.id.len(), 16);
            let known = self.1.lock().expect("a lock").insert(one.id.clone(), one.clone());
            assert!(known.is_none_or(|known| known == one), "a name stands for one thing");
        }
        Ok(Response::new(RecordResponse::default()))
    }

    async fn get_states(&self, request: Request<GetStatesRequest>) -> Result<Response<GetStatesResponse>, Status> {
        let macs = request.into_inner().macs;
        assert!(macs.len() <= 1_000);
        let seen = self.0.lock().expect("a lock");
        let seen = seen.as_ref().ok_or_else(|| Status::unavailable("away"))?;
        let phone = |mac: u64| seen.get(&mac).map(|at| Phone { mac, last_contact: *at, ..Phone::default() });
        Ok(Response::new(GetStatesResponse { phones: macs.into_iter().filter_map(phone).collect() }))
    }

    async fn get_timeline(&self, _: Request<GetTimelineRequest>) -> Result<Response<GetTimelineResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }
}

/// A world whose service asks `Seen`.
async fn world_number(kind: Kind, number: u64) -> (World, Seen) {
    let world = World::new(kind, number).await;
    world.service.close().await;
    let seen = Seen(Arc::new(Mutex::new(Some(HashMap::new()))), Arc::default());
    let metrics = RpcMetrics::register(&mut Registry::default());
    let road = local(CustomizationServiceServer::new(seen.clone()), Peer::Redirection, metrics);
    let config = RedirectionConfig {
        database: world.database.place().clone(),
        master: MasterKey::from_bytes([7; 32]),
        clock: Clock::Manual(world.clock.clone()),
        randomness: Arc::clone(&world.randomness),
        time_to_answer: TIME_TO_ANSWER,
        customization: Some(CustomizationServiceClient::new(road)),
    };
    let service = Redirection::open(config).await.expect("the database opens");
    (World { service, ..world }, seen)
}

impl Seen {
    /// What timelines were told, in order: of which phone, whose, and whether it came or left.
    fn told(&self) -> Vec<(u64, String, &'static str)> {
        let told = self.1.lock().expect("a lock");
        let word = |one: &Observation| match one.event {
            Some(Event::Dissociated(_)) => "left",
            Some(Event::Associated(_)) => "came",
            _ => "something else",
        };
        told.values().map(|one| (one.mac, one.provider_id.clone(), word(one))).collect()
    }
}

impl Provider {
    async fn release_unseen_after(&self, release_unseen_days: u32) {
        let policy = Some(ProviderPolicy { release_unseen_days, ..ProviderPolicy::default() });
        let request = SetProviderPolicyRequest { provider_id: self.id.clone(), policy };
        self.client.clone().set_provider_policy(request).await.expect("a policy");
    }
}

impl World {
    async fn go_round(&self) -> u64 {
        let now = Clock::Manual(self.clock.clone()).now();
        self.service.release_unseen(now).await.expect("a round")
    }
}

async fn what_was_not_seen_for_so_long_is_given_back_and_nothing_else(kind: Kind) {
    let (world, seen) = world_number(kind, 1).await;
    let [acme, keeper, frozen] =
        [world.provider_with_profile().await, world.provider_with_profile().await, world.provider_with_profile().await];
    acme.release_unseen_after(30).await;
    frozen.release_unseen_after(30).await;
    for number in [1, 2, 3, 4] {
        acme.put_device(mac(number), "Main").await.expect("a phone");
    }
    keeper.put_device(mac(5), "Main").await.expect("a phone");
    frozen.put_device(mac(6), "Main").await.expect("a phone");
    frozen.set_frozen(true).await.expect("frozen");
    world.hold(&[mac(4)], true).await;
    let contacts = [(mac(2), START + 3 * DAY), (mac(3), START + DAY)];
    *seen.0.lock().expect("a lock") = Some(HashMap::from(contacts));

    world.wait_until_day(29);
    acme.put_device(mac(7), "Main").await.expect("a phone");
    assert_eq!(world.go_round().await, 0);
    world.wait_until_day(30);
    assert_eq!(world.go_round().await, 1, "the one that was never seen");
    world.wait_until_day(32);
    assert_eq!(world.go_round().await, 1, "the one that was last seen 31 days ago");
    assert_eq!(world.go_round().await, 0);
    assert_eq!(seen.told(), [(mac(1), acme.id.clone(), "left"), (mac(3), acme.id.clone(), "left")], "once each");
    for number in [1, 3] {
        assert_eq!(refused(acme.get_device(mac(number)).await).1, "unknown_device");
        assert!(matches!(world.resolve(mac(number), "").await, Answer::Refusal(_)));
        assert_eq!(world.history(mac(number)).await, [row(&acme, "claimed", "unseen")]);
    }
    for number in [2, 4, 7] {
        acme.get_device(mac(number)).await.expect("still its own");
    }
    keeper.get_device(mac(5)).await.expect("its policy says nothing");
    frozen.get_device(mac(6)).await.expect("nothing of it is changed");
}

async fn who_asked_for_it_with_proof_gets_it(kind: Kind) {
    let (world, seen) = world_number(kind, 2).await;
    let (acme, claimant) = (world.provider_with_profile().await, world.provider_with_profile().await);
    acme.release_unseen_after(1).await;
    acme.put_serial(mac(1), "FCH2034D0PL").await.expect("a phone");
    claimant.ask_for(mac(1), "FCH2034D0PL").await.expect("a request");
    world.wait_until_day(1);
    assert_eq!(world.go_round().await, 1);
    claimant.get_device(mac(1)).await.expect("its own");
    assert_eq!(world.history(mac(1)).await, [row(&acme, "claimed", "unseen"), row(&claimant, "transfer", "")]);
    world.wait_until_day(2);
    assert_eq!(world.go_round().await, 0, "the claimant's policy says nothing");
    assert_eq!(seen.told(), [(mac(1), acme.id.clone(), "left"), (mac(1), claimant.id.clone(), "came")]);
}

async fn what_customization_could_not_take_in_is_told_again(kind: Kind) {
    let (world, seen) = world_number(kind, 5).await;
    let acme = world.provider_with_profile().await;
    acme.release_unseen_after(1).await;
    acme.put_device(mac(1), "Main").await.expect("a phone");
    world.wait_until_day(1);
    world.go_round().await;
    let told = seen.told();
    assert_eq!(told, [(mac(1), acme.id.clone(), "left")]);
    // As if it had never arrived.
    seen.1.lock().expect("a lock").clear();
    world.wait_until_day(2);
    assert_eq!(world.go_round().await, 0);
    assert_eq!(seen.told(), told);
    seen.1.lock().expect("a lock").clear();
    world.wait_until_day(4);
    world.go_round().await;
    assert!(seen.told().is_empty(), "after two days it is not told any more");
}

async fn while_nobody_knows_what_was_seen_nothing_is_given_back(kind: Kind) {
    let (world, seen) = world_number(kind, 3).await;
    let acme = world.provider_with_profile().await;
    acme.release_unseen_after(1).await;
    acme.put_device(mac(1), "Main").await.expect("a phone");
    *seen.0.lock().expect("a lock") = None;
    let later = Timestamp::from_micros(START + 2 * DAY);
    assert!(world.service.release_unseen(later).await.is_err());
    acme.get_device(mac(1)).await.expect("still its own");
    world.service.close().await;
}

async fn more_than_one_page_is_gone_through(kind: Kind) {
    let (world, seen) = world_number(kind, 4).await;
    let acme = world.provider_with_profile().await;
    acme.release_unseen_after(1).await;
    for number in 1..=1_005 {
        acme.put_device(mac(number), "Main").await.expect("a phone");
    }
    world.wait_until_day(2);
    assert_eq!(world.go_round().await, 1_005);
    assert_eq!(seen.told().len(), 1_005);
}

on_each_database!(
    what_was_not_seen_for_so_long_is_given_back_and_nothing_else,
    who_asked_for_it_with_proof_gets_it,
    what_customization_could_not_take_in_is_told_again,
    while_nobody_knows_what_was_seen_nothing_is_given_back,
    more_than_one_page_is_gone_through,
);
