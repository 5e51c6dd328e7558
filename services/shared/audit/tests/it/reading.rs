//! What readers are shown, through the generated client.

use audit::AuditLog;
use contracts::audit::audit_service_client::AuditServiceClient;
use contracts::audit::{Act, ListActsRequest};
use prometheus_client::registry::Registry;
use rpc::{Failure, Peer, RpcMetrics, Transport};
use storage::on_each_database;
use storage::testing::Kind;
use vocabulary::ErrorKind;

use crate::world::{ACME, Done, OTHER, PUT, World};

fn client(world: &World, caller: Peer) -> AuditServiceClient<Transport> {
    let metrics = RpcMetrics::register(&mut Registry::default());
    let log = AuditLog::new(world.db.clone(), "redirection");
    AuditServiceClient::new(rpc::local(log.into_server(), caller, metrics))
}

fn all() -> ListActsRequest {
    ListActsRequest { limit: 1000, ..ListActsRequest::default() }
}

async fn listed(world: &World, request: ListActsRequest) -> Result<(Vec<Act>, bool), Failure> {
    let answer = client(world, Peer::Gateway).list_acts(request).await?.into_inner();
    Ok((answer.acts, answer.more))
}

async fn numbers(world: &World, request: ListActsRequest) -> Vec<u64> {
    let (acts, _) = listed(world, request).await.expect("acts");
    acts.iter().map(|act| act.number).collect()
}

async fn log(kind: Kind) -> World {
    let world = World::new(kind).await;
    let create = Done { at: 2000, verb: "profile.create", target: "prf_1", ..PUT };
    let of_other = Done { at: 3000, concerns: OTHER, subject: "per_1", verb: "device.delete", ..PUT };
    world.write(&[PUT, create, of_other, Done { at: 4000, ..PUT }]).await;
    world
}

async fn an_act_comes_back_as_it_was_written(kind: Kind) {
    let world = World::new(kind).await;
    world.write(&[PUT, PUT]).await;
    let (acts, more) = listed(&world, all()).await.expect("acts");
    assert!(!more);
    let [newest, first] = acts.as_slice() else { panic!("{acts:?}") };
    let expected = Act {
        service: "redirection".to_owned(),
        number: 1,
        at: 1000,
        concerns: ACME.to_owned(),
        subject: "cli_1".to_owned(),
        subject_tenant: ACME.to_owned(),
        source: "192.0.2.7".to_owned(),
        request_id: "req-1".to_owned(),
        verb: "device.put".to_owned(),
        target: "00562b043615".to_owned(),
        detail: "{\"profile\":\"prf_\u{e9}\"}".to_owned(),
        previous: vec![0; 32],
        hash: first.hash.clone(),
    };
    assert_eq!(first, &expected);
    assert_eq!((newest.number, &newest.previous), (2, &first.hash));
}

async fn each_filter_leaves_out_what_it_should(kind: Kind) {
    let world = log(kind).await;
    let text = str::to_owned;
    assert_eq!(numbers(&world, all()).await, [4, 3, 2, 1]);
    assert_eq!(numbers(&world, ListActsRequest { concerns: vec![text(ACME)], ..all() }).await, [4, 2, 1]);
    assert_eq!(numbers(&world, ListActsRequest { concerns: vec![text(OTHER)], ..all() }).await, [3]);
    let both = vec![text(OTHER), text(ACME), text(ACME)];
    assert_eq!(numbers(&world, ListActsRequest { concerns: both, ..all() }).await, [4, 3, 2, 1]);
    assert!(numbers(&world, ListActsRequest { concerns: vec![String::new()], ..all() }).await.is_empty());
    assert_eq!(numbers(&world, ListActsRequest { verb_prefix: text("device."), ..all() }).await, [4, 3, 1]);
    assert!(numbers(&world, ListActsRequest { verb_prefix: text("%"), ..all() }).await.is_empty());
    assert_eq!(numbers(&world, ListActsRequest { target: text("prf_1"), ..all() }).await, [2]);
    assert_eq!(numbers(&world, ListActsRequest { subject: text("per_1"), ..all() }).await, [3]);
    assert_eq!(numbers(&world, ListActsRequest { from: 2000, until: 4000, ..all() }).await, [3, 2]);
    let several = ListActsRequest { concerns: vec![text(ACME)], verb_prefix: text("device"), before: 4, ..all() };
    assert_eq!(numbers(&world, several).await, [1]);
}

async fn a_long_log_is_read_page_by_page(kind: Kind) {
    let world = log(kind).await;
    let page = |before| ListActsRequest { before, limit: 2, ..all() };
    let (newest, more) = listed(&world, page(0)).await.expect("acts");
    assert_eq!((newest.len(), newest[1].number, more), (2, 3, true));
    let (oldest, more) = listed(&world, page(3)).await.expect("acts");
    assert_eq!((oldest.len(), oldest[1].number, more), (2, 1, false));
    assert_eq!(numbers(&world, page(u64::MAX)).await, [4, 3]);
}

async fn what_makes_no_sense_or_comes_from_elsewhere_is_refused(kind: Kind) {
    let world = log(kind).await;
    let wrong = [
        (ListActsRequest { limit: 0, ..all() }, "invalid_limit"),
        (ListActsRequest { limit: 1001, ..all() }, "invalid_limit"),
        (ListActsRequest { concerns: vec![ACME.to_owned(); 10_001], ..all() }, "too_many_tenants"),
    ];
    for (request, reason) in wrong {
        let failure = listed(&world, request).await.expect_err("refused");
        assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Malformed, reason));
    }
    let foreign = client(&world, Peer::Onboarding).list_acts(all()).await.expect_err("refused");
    assert_eq!(Failure::from(foreign).kind, ErrorKind::Forbidden);
}

on_each_database!(
    an_act_comes_back_as_it_was_written,
    each_filter_leaves_out_what_it_should,
    a_long_log_is_read_page_by_page,
    what_makes_no_sense_or_comes_from_elsewhere_is_refused,
);
