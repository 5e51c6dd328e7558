//! Questions to several processes that answer, break, fall silent, or are of another version.

mod process;

use std::sync::Arc;
use std::time::Duration;

use contracts::redirection::ResolveRequest;
use prometheus_client::registry::Registry;
use rpc::{Destination, Failure, Peer, RpcMetrics, connect};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use vocabulary::ErrorKind;

use super::*;
use process::{Authority, Kind, Process, owner};

/// So many questions that one process does not get them all: twice what three take at once.
const MANY: u64 = 3000;

/// Questions to those at `places`.
fn questions(authority: &Authority, places: &[String]) -> Arc<Questions> {
    let destination = Destination {
        peer: Peer::Redirection,
        places,
        credentials: &authority.credentials(Peer::Gateway),
        idempotent: &[],
        metrics: &RpcMetrics::register(&mut Registry::default()),
    };
    let road = connect(&destination).expect("a road");
    Arc::new(Questions::elsewhere(road, &GatewayMetrics::default()))
}

fn question(mac: u64) -> ResolveRequest {
    ResolveRequest { mac, ..ResolveRequest::default() }
}

/// Whether the answer to the question of `mac` is its own.
async fn is_answered(questions: &Questions, mac: u64) -> Result<(), Failure> {
    match questions.ask(question(mac)).await? {
        Resolved::Refusal(refusal) => assert_eq!(refusal.provider_id, owner(mac)),
        Resolved::Redirect(redirected) => panic!("{redirected:?}"),
    }
    Ok(())
}

/// Asks for each of `macs` at once; answers whoever was not answered.
async fn all(questions: &Arc<Questions>, macs: impl Iterator<Item = u64>) -> Vec<Failure> {
    let mut asking = JoinSet::new();
    for mac in macs {
        let questions = Arc::clone(questions);
        asking.spawn(async move { is_answered(&questions, mac).await });
    }
    asking.join_all().await.into_iter().filter_map(Result::err).collect()
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_waits_is_asked_together() {
    let authority = Authority::new();
    let process = Process::start(Kind::Waits, &authority).await;
    let questions = questions(&authority, &[process.address.to_string()]);
    let asking = tokio::spawn({
        let questions = Arc::clone(&questions);
        async move { all(&questions, 1..=1000).await }
    });
    until(|| !process.batches().is_empty()).await;
    process.stub.permits.add_permits(Semaphore::MAX_PERMITS);
    assert_eq!(asking.await.expect("answers"), []);
    let batches = process.batches();
    assert_eq!(batches.iter().sum::<usize>(), 1000, "each was asked once");
    assert!(batches.len() <= 8 && batches.iter().all(|size| *size <= 256), "{batches:?}");
    assert!(!process.stub.is_traced.load(std::sync::atomic::Ordering::Relaxed));
    questions.stop().await;
    process.end().await;
}

#[tokio::test]
async fn a_stream_that_breaks_loses_no_question() {
    let authority = Authority::new();
    let (good, bad) = (Process::start(Kind::Answers, &authority).await, Process::start(Kind::Breaks, &authority).await);
    let questions = questions(&authority, &[good.address.to_string(), bad.address.to_string()]);
    while bad.batches().len() < 3 {
        assert_eq!(all(&questions, 1..=MANY).await, []);
    }
    questions.stop().await;
    good.end().await;
    bad.end().await;
}

#[tokio::test]
async fn one_that_falls_silent_is_left_before_the_phones_give_up() {
    let authority = Authority::new();
    let (speaks, silent) =
        (Process::start(Kind::Answers, &authority).await, Process::start(Kind::IsSilent, &authority).await);
    let questions = questions(&authority, &[speaks.address.to_string(), silent.address.to_string()]);
    while silent.batches().is_empty() {
        assert_eq!(all(&questions, 1..=MANY).await, []);
    }
    questions.stop().await;
    speaks.end().await;
    silent.end().await;
}

/// A port that leads to `target` until it is told to cut everything.
async fn wire_to(target: SocketAddr) -> (SocketAddr, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (cut, mut is_cut) = watch::channel(false);
    tokio::spawn(async move {
        let mut carried = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (mut from, _) = accepted.expect("a connection");
                    carried.spawn(async move {
                        let mut to = TcpStream::connect(target).await.expect("the target");
                        // Either side may have gone.
                        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                    });
                }
                _ = is_cut.wait_for(|cut| *cut) => return,
            }
        }
    });
    (address, cut)
}

#[tokio::test]
async fn no_question_fails_when_one_of_two_is_killed_or_stopped() {
    let authority = Authority::new();
    let [stays, stops, dies] = [
        Process::start(Kind::Answers, &authority).await,
        Process::start(Kind::Answers, &authority).await,
        Process::start(Kind::Answers, &authority).await,
    ];
    let (wire, cut) = wire_to(dies.address).await;
    let places = [stays.address, stops.address, wire].map(|address| address.to_string());
    let questions = questions(&authority, &places);
    let asked = |process: &Process| process.batches().len();
    let ask = async || assert_eq!(all(&questions, 1..=MANY).await, []);
    while asked(&stops) < 3 || asked(&dies) < 3 {
        ask().await;
    }
    let stopping = tokio::spawn(stops.end());
    for _ in 0..4 {
        ask().await;
    }
    cut.send_replace(true);
    for _ in 0..4 {
        ask().await;
    }
    stopping.await.expect("it does not wait for a stream that would last for ever");
    questions.stop().await;
    stays.end().await;
    dies.end().await;
}

/// A rolling upgrade: the gateway comes first.
#[tokio::test]
async fn one_of_the_version_before_is_asked_question_by_question() {
    let authority = Authority::new();
    let (old, new) = (Process::start(Kind::IsOld, &authority).await, Process::start(Kind::Answers, &authority).await);
    let both = questions(&authority, &[old.address.to_string(), new.address.to_string()]);
    while old.batches().is_empty() {
        assert_eq!(all(&both, 1..=MANY).await, []);
    }
    let only_old = questions(&authority, &[old.address.to_string()]);
    assert_eq!(all(&only_old, 1..=600).await, []);
    for questions in [both, only_old] {
        questions.stop().await;
    }
    old.end().await;
    new.end().await;
}

#[tokio::test]
async fn who_has_waited_long_enough_waits_no_more() {
    let queue = Queue::new(QuestionMetrics::default());
    let soon = Instant::now() + Duration::from_mins(1);
    let (late, early) = (queue.ask(question(1), Instant::now()), queue.ask(question(2), soon));
    let expired = async {
        queue.expire(Instant::now());
        let left = queue.take();
        assert_eq!(left.iter().map(|waiting| waiting.question.mac).collect::<Vec<_>>(), [2]);
    };
    let (late, early, ()) = tokio::join!(late, early, expired);
    assert_eq!(late.map_err(|failure| failure.kind).err(), Some(ErrorKind::TooLate));
    // Its lane ended without having given it back.
    assert_eq!(early.map_err(|failure| failure.kind).err(), Some(ErrorKind::Unavailable));
}

/// A storm that nobody answers must not fill the memory.
#[tokio::test]
async fn so_many_may_wait_and_no_more() {
    let queue = Arc::new(Queue::new(QuestionMetrics::default()));
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut asking = JoinSet::new();
    for mac in 0..=65_536 {
        let queue = Arc::clone(&queue);
        asking.spawn(async move { queue.ask(question(mac), deadline).await.map_err(|failure| failure.kind) });
    }
    let first = asking.join_next().await.expect("an answer").expect("no panic");
    assert_eq!(first.err(), Some(ErrorKind::Unavailable));
}
