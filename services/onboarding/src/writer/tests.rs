//! Groups of redemptions on a real database.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex as StdMutex};

use tempfile::TempDir;
use vocabulary::{CodeKind, MacAddress, Timestamp};

use super::*;
use crate::attempts::{Network, Share};
use crate::policy::Budgets;
use crate::record::NOBODYS;
use crate::store::Verdict;

const AT: i64 = 1_795_370_400_000_000;
const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn database() -> (TempDir, Db) {
    let folder = TempDir::new().expect("a folder");
    let db = Db::open(&folder.path().join("onboarding.db"), &crate::MIGRATIONS).await.expect("a database");
    (folder, db)
}

/// The phone of that number guesses, at nothing.
fn guess(phone: u64) -> Redemption {
    let mac = MacAddress::from_u64(0x0004_f200_0000 + phone).expect("a phone");
    let network = Network::of(SOURCE);
    let shares = Share::of_guess(&Budgets::default(), mac, &network, 6);
    let attempt = Attempt {
        code: NOBODYS.parse().expect("an id"),
        provider: "prv_00000000000000000000".parse().expect("an id"),
        mac,
        model: None,
        source: SOURCE,
        network,
        at: Timestamp::from_micros(AT),
    };
    Redemption { attempt, kind: CodeKind::Directory, shares, verdict: Verdict::Wrong(Outcome::Unknown) }
}

/// The same, and the code is right.
fn right_guess(phone: u64) -> Redemption {
    Redemption { verdict: Verdict::Right, ..guess(phone) }
}

/// A task for each phone that settles its guess, each having asked.
async fn ask(
    writer: &Arc<Writer>,
    phones: impl IntoIterator<Item = u64>,
    guess: fn(u64) -> Redemption,
) -> Vec<JoinHandle<Result<Outcome, RedeemRefused>>> {
    let settle = |phone| {
        let writer = Arc::clone(writer);
        tokio::spawn(async move { writer.settle(guess(phone)).await })
    };
    let asked = phones.into_iter().map(settle).collect();
    // On one thread, each of them runs until it waits.
    tokio::task::yield_now().await;
    asked
}

#[derive(Clone, Default)]
struct Log(Arc<StdMutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the log").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn those_that_wait_share_a_commit() {
    let log = Log::default();
    let kept = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || kept.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (_folder, db) = database().await;
    let writer = Arc::new(Writer::start(db.clone(), 400));
    let held = db.write().await.expect("a transaction");
    let asked = ask(&writer, 1..=50, guess).await;
    held.rollback().await.expect("rolled back");
    for phone in asked {
        phone.await.expect("an end").expect("settled");
    }
    let log = String::from_utf8(log.0.lock().expect("the log").clone()).expect("text");
    let commits: Vec<&str> = log.lines().filter(|line| line.contains("redemptions committed")).collect();
    assert!((1..=2).contains(&commits.len()), "{commits:?}");
}

/// Some are right: nothing but a grant concerns one phone alone.
#[tokio::test]
async fn a_grant_that_fails_takes_nothing_else_with_it() {
    let (_folder, db) = database().await;
    let writer = Arc::new(Writer::start(db.clone(), 400));
    let mut held = db.write().await.expect("a transaction");
    let trigger = "CREATE TRIGGER broken BEFORE INSERT ON activation WHEN NEW.mac = 0x0004f2000007
                   BEGIN SELECT RAISE(ABORT, 'broken'); END";
    sqlx::query(trigger).execute(&mut *held).await.expect("a trigger");
    sqlx::query("UPDATE code SET state = 'open'").execute(&mut *held).await.expect("nobody's code opens");
    let (six, right) = (ask(&writer, 1..=6, guess).await, ask(&writer, 7..=14, right_guess).await);
    let more = ask(&writer, 15..=20, guess).await;
    held.commit().await.expect("committed");
    for (number, phone) in (1..).zip(six.into_iter().chain(right).chain(more)) {
        let settled = phone.await.expect("an end");
        assert_eq!(settled.is_err(), number == 7, "{number}: {settled:?}");
    }
    let count = |text: &'static str| sqlx::query_scalar::<_, i64>(text).fetch_one(db.reader());
    let noted = count("SELECT count(*) FROM attempt").await.expect("a number");
    let granted = count("SELECT activations FROM code").await.expect("a number");
    // Each phone that was wrong has a budget, and they share their network's and the length's.
    let charged = count("SELECT count(*) FROM budget").await.expect("a number");
    assert_eq!((noted, granted, charged), (19, 7, 12 + 2), "nothing is left of the seventh");
}

/// What one of many in a group is charged is what it would be alone.
#[tokio::test]
async fn guesses_of_a_group_draw_on_the_same_budgets() {
    let (_folder, db) = database().await;
    let writer = Arc::new(Writer::start(db.clone(), 400));
    let held = db.write().await.expect("a transaction");
    let mut asked = ask(&writer, 1..=60, guess).await;
    asked.extend(ask(&writer, [1; 10], guess).await);
    held.rollback().await.expect("rolled back");
    let mut outcomes = Vec::new();
    for phone in asked {
        outcomes.push(phone.await.expect("an end").expect("settled"));
    }
    // The network has 50 at once.
    assert!(outcomes[..50].iter().all(|outcome| *outcome == Outcome::Unknown), "{outcomes:?}");
    assert!(outcomes[50..].iter().all(|outcome| *outcome == Outcome::Throttled), "{outcomes:?}");
    let count = |text: &'static str| sqlx::query_scalar::<_, i64>(text).fetch_one(db.reader());
    let throttled = count("SELECT count(*) FROM attempt WHERE outcome = 'throttled'").await.expect("a number");
    let charged = count("SELECT max(whole_at) FROM budget WHERE key LIKE 'network:%'").await.expect("a number");
    assert_eq!((throttled, charged - AT), (1, 50 * (86_400_000_000 / 200)));
}

#[tokio::test]
async fn where_too_many_wait_the_next_is_told_to_ask_again() {
    let (_folder, db) = database().await;
    let writer = Arc::new(Writer::start(db.clone(), 400));
    let held = db.write().await.expect("a transaction");
    // What the queue holds, and a group that the task has taken out of it.
    let most = u64::try_from(CAPACITY + GROUP).expect("a number");
    let mut asked = ask(&writer, 1..=most, guess).await;
    asked.extend(ask(&writer, [1], guess).await);
    held.rollback().await.expect("rolled back");
    let (mut settled, mut refused) = (0, 0);
    for phone in asked {
        match phone.await.expect("an end") {
            Ok(_) => settled += 1,
            Err(RedeemRefused::Overloaded) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(settled >= CAPACITY && refused > 0, "{settled} were settled, {refused} told to ask again");
}

#[tokio::test]
async fn what_waits_is_settled_before_the_end() {
    let (_folder, db) = database().await;
    let writer = Arc::new(Writer::start(db.clone(), 400));
    let held = db.write().await.expect("a transaction");
    let asked = ask(&writer, 1..=200, guess).await;
    held.rollback().await.expect("rolled back");
    writer.stop().await;
    for phone in asked {
        phone.await.expect("an end").expect("settled");
    }
    assert!(matches!(writer.settle(guess(1)).await, Err(RedeemRefused::Overloaded)), "it is closed");
}
