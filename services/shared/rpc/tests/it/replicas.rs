//! Several processes of one service, that come and go, fall silent, or have too much to do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use rpc::{Peer, Resolver, Transport};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;
use vocabulary::ErrorKind;

use crate::authority::Authority;
use crate::process::{Behaviour, CREATE, Process, Proxy, RESOLVE, Wire, call, gateway, road, road_by};

/// Names that stand for whatever the test says.
fn names(addresses: &[SocketAddr]) -> (Arc<Mutex<Vec<SocketAddr>>>, Resolver) {
    let told = Arc::new(Mutex::new(addresses.to_vec()));
    let asked = Arc::clone(&told);
    let resolver = Resolver::new(move |_| {
        let found = asked.lock().expect("addresses").clone();
        async move { Ok(found) }
    });
    (told, resolver)
}

/// How the calls of `callers` went, who call until `done` returns.
async fn under_load(road: &Transport, path: &'static str, done: impl Future<Output = ()>) -> Vec<ErrorKind> {
    let (enough, told) = tokio::sync::watch::channel(false);
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let (road, told) = (road.clone(), told.clone());
        callers.spawn(async move {
            let mut kinds = Vec::new();
            while !*told.borrow() {
                kinds.push(call(&road, path).await.kind);
            }
            kinds
        });
    }
    done.await;
    enough.send_replace(true);
    callers.join_all().await.concat()
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_call_that_may_be_made_twice_is_made_once_more_and_no_other() {
    let authority = Authority::new("mesh");
    let full = Process::start_as(Behaviour::Refuses, &authority, &[&authority]).await;
    let free = Process::start(&authority, &[&authority]).await;
    let road = road(Peer::Redirection, &[full.place(), free.place()], &gateway(&authority));
    for _ in 0..10 {
        assert_eq!(call(&road, RESOLVE).await.kind, ErrorKind::NotFound);
    }
    assert!(full.calls() > 0);
    let (mut refused, before) = (0, full.calls() + free.calls());
    for _ in 0..10 {
        refused += usize::from(call(&road, CREATE).await.kind == ErrorKind::Unavailable);
    }
    assert!(refused > 0);
    assert_eq!(full.calls() + free.calls(), before + 10);
    full.end().await;
    free.end().await;
}

/// Otherwise a service that has too much to do would be given twice as much.
#[tokio::test]
async fn few_calls_are_repeated_where_many_fail() {
    let authority = Authority::new("mesh");
    let full = Process::start_as(Behaviour::Refuses, &authority, &[&authority]).await;
    let road = road(Peer::Redirection, &[full.place()], &gateway(&authority));
    let calls = 600;
    for _ in 0..calls {
        assert_eq!(call(&road, RESOLVE).await.kind, ErrorKind::Unavailable);
    }
    // One in ten, and five a second of ten seconds.
    let repeated = full.calls() - calls;
    assert!((1..=calls / 10 + 55).contains(&repeated), "{repeated} of {calls} were repeated");
    full.end().await;
}

#[tokio::test]
async fn no_call_fails_when_one_of_two_is_told_to_stop() {
    let authority = Authority::new("mesh");
    let (stays, goes) =
        (Process::start(&authority, &[&authority]).await, Process::start(&authority, &[&authority]).await);
    let road = road(Peer::Redirection, &[stays.place(), goes.place()], &gateway(&authority));
    let kinds = under_load(&road, CREATE, async {
        until(|| goes.calls() > 50).await;
        goes.stop();
        let stayed = stays.calls();
        until(|| stays.calls() > stayed + 200).await;
    })
    .await;
    assert!(kinds.iter().all(|kind| *kind == ErrorKind::NotFound), "{kinds:?}");
    stays.end().await;
    goes.end().await;
}

#[tokio::test]
async fn no_call_that_may_be_made_twice_fails_when_one_of_two_is_killed() {
    let authority = Authority::new("mesh");
    let (stays, dies) =
        (Process::start(&authority, &[&authority]).await, Process::start(&authority, &[&authority]).await);
    let wire = Proxy::to(dies.address).await;
    let places = [stays.address.to_string(), wire.address.to_string()];
    let road = road(Peer::Redirection, &places, &gateway(&authority));
    let kinds = under_load(&road, RESOLVE, async {
        until(|| dies.calls() > 50).await;
        wire.becomes(Wire::Cut);
        let stayed = stays.calls();
        until(|| stays.calls() > stayed + 200).await;
    })
    .await;
    assert!(kinds.iter().all(|kind| *kind == ErrorKind::NotFound), "{kinds:?}");
    stays.end().await;
    dies.end().await;
}

/// A connection that was good, and one that does not come about.
#[tokio::test]
async fn one_that_falls_silent_is_left_before_its_callers_give_up() {
    let authority = Authority::new("mesh");
    let (speaks, silent) =
        (Process::start(&authority, &[&authority]).await, Process::start(&authority, &[&authority]).await);
    let wire = Proxy::to(silent.address).await;
    let places = [speaks.address.to_string(), wire.address.to_string()];
    let road = road(Peer::Redirection, &places, &gateway(&authority));
    for _ in 0..4 {
        assert_eq!(call(&road, RESOLVE).await.kind, ErrorKind::NotFound);
    }
    assert_eq!(silent.calls(), 2);
    wire.becomes(Wire::Silent);
    for _ in 0..8 {
        assert_eq!(call(&road, RESOLVE).await.kind, ErrorKind::NotFound);
    }
    assert_eq!(silent.calls(), 2);
    speaks.end().await;
    wire.becomes(Wire::Cut);
    silent.end().await;
}

#[tokio::test]
async fn all_addresses_behind_a_name_are_used_and_a_change_is_followed() {
    let authority = Authority::new("mesh");
    let mut processes = Vec::new();
    for _ in 0..3 {
        processes.push(Process::start(&authority, &[&authority]).await);
    }
    let [old, stays, new] = processes.try_into().unwrap_or_else(|_| panic!("three"));
    let (told, resolver) = names(&[old.address, stays.address]);
    let road = road_by(resolver, &gateway(&authority));
    for _ in 0..10 {
        assert_eq!(call(&road.transport(), RESOLVE).await.kind, ErrorKind::NotFound);
    }
    assert_eq!((old.calls(), stays.calls()), (5, 5));
    *told.lock().expect("addresses") = vec![stays.address, new.address];
    old.end().await;
    // Its loss is a reason to look.
    let kinds = under_load(&road.transport(), RESOLVE, until(|| new.calls() > 10)).await;
    assert!(kinds.iter().all(|kind| *kind == ErrorKind::NotFound), "{kinds:?}");
    let addresses: Vec<_> = road.replicas().borrow().iter().map(rpc::Replica::address).collect();
    assert!(addresses.contains(&stays.address) && addresses.contains(&new.address) && addresses.len() == 2);
    stays.end().await;
    new.end().await;
}

#[tokio::test]
async fn a_call_under_way_is_answered_by_one_that_was_told_to_stop() {
    let authority = Authority::new("mesh");
    let permits = Arc::new(Semaphore::new(0));
    let process = Process::start_as(Behaviour::Waits(Arc::clone(&permits)), &authority, &[&authority]).await;
    let road = road(Peer::Redirection, &[process.place()], &gateway(&authority));
    let asking = tokio::spawn({
        let road = road.clone();
        async move { call(&road, CREATE).await.kind }
    });
    until(|| process.calls() == 1).await;
    process.stop();
    permits.add_permits(1);
    assert_eq!(asking.await.expect("an answer"), ErrorKind::NotFound);
    process.end().await;
    assert_eq!(call(&road, CREATE).await.kind, ErrorKind::Unavailable);
}

/// One thread, so that the subscriber is everybody's.
#[tokio::test]
async fn what_the_callee_does_belongs_to_the_trace_of_the_caller() {
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _listening = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let authority = Authority::new("mesh");
    let process = Process::start_as(Behaviour::Traced, &authority, &[&authority]).await;
    let road = road(Peer::Redirection, &[process.place()], &gateway(&authority));
    let asks = tracing::info_span!("asks");
    let own = asks.in_scope(rpc::TraceParent::current).expect("it is traced");
    let told = call(&road, RESOLVE).instrument(asks).await.message;
    let (trace, span) = own.as_str().split_at(35);
    let (of_trace, of_span) = told.split_at_checked(35).expect("a trace");
    assert_eq!(trace, of_trace);
    assert_ne!(span, of_span, "it is a span of its own");
    process.end().await;
}
