//! Groups of redemptions on a real database.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use sqlx::AssertSqlSafe;
use storage::testing::{Kind, TestDatabase};
use storage::{Connection, Reader, Tx, on, on_each_database};
use vocabulary::{CodeKind, MacAddress, Timestamp};

use super::*;
use crate::attempts::{Network, Share};
use crate::grant::State;
use crate::limits::Limits;
use crate::policy::Budgets;
use crate::record::{NOBODYS, Record};
use crate::store::Verdict;

const AT: i64 = 1_795_370_400_000_000;
const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn database(kind: Kind) -> (TestDatabase, Db) {
    let database = TestDatabase::new(kind).await;
    let db = Db::open(database.place(), &crate::MIGRATIONS).await.expect("a database");
    (database, db)
}

/// A transaction that keeps every group waiting.
async fn hold(db: &Db) -> Tx {
    let mut tx = db.write().await.expect("a transaction");
    store::turn_take(&mut tx).await.expect("the turn");
    tx
}

/// Inserts into `table` fail where `mac` is one of these (a list in SQL).
async fn break_inserts(tx: &mut Tx, table: &str, macs: &str) {
    let head = format!("CREATE TRIGGER broken BEFORE INSERT ON {table}");
    let statements = match tx.connection() {
        Connection::Sqlite(_) => {
            vec![format!("{head} WHEN NEW.mac IN ({macs}) BEGIN SELECT RAISE(ABORT, 'broken'); END")]
        }
        Connection::Postgres(_) => vec![
            "CREATE FUNCTION broken() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$"
                .to_owned(),
            format!("{head} FOR EACH ROW WHEN (NEW.mac IN ({macs})) EXECUTE FUNCTION broken()"),
        ],
    };
    for statement in statements {
        let done = on!(tx, conn => sqlx::query(AssertSqlSafe(statement)).execute(conn).await.map(drop));
        done.expect("a trigger");
    }
}

async fn count(db: &Db, text: &'static str) -> i64 {
    let mut reader = db.read().await.expect("a reader");
    on!(reader, conn => sqlx::query_scalar(text).fetch_one(conn).await).expect("a number")
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

/// Makes nobody's code one that phones can redeem.
async fn open_nobodys(tx: &mut Tx) {
    let open = "UPDATE code SET state = 'open'";
    on!(tx, conn => sqlx::query(open).execute(conn).await.map(drop)).expect("nobody's code opens");
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

/// One wrong guess that cannot be noted fails its whole group; so if the first and the last of fifty cannot, and all of
/// them fail, they were in at most two.
async fn those_that_wait_share_a_commit(kind: Kind) {
    let (_database, db) = database(kind).await;
    let writer = Arc::new(Writer::start(db.clone(), 400));
    let mut held = hold(&db).await;
    // 0004f2000001 and 0004f2000032.
    break_inserts(&mut held, "attempt", "21239955457, 21239955506").await;
    let asked = ask(&writer, 1..=50, guess).await;
    held.commit().await.expect("committed");
    for (number, phone) in (1..).zip(asked) {
        assert!(phone.await.expect("an end").is_err(), "{number} was in a group of its own");
    }
    let asked = ask(&writer, 51..=60, guess).await;
    for phone in asked {
        phone.await.expect("an end").expect("settled");
    }
}

/// Some are right: nothing but a grant concerns one phone alone.
async fn a_grant_that_fails_takes_nothing_else_with_it(kind: Kind) {
    let (_database, db) = database(kind).await;
    let writer = Arc::new(Writer::start(db.clone(), 400));
    let mut held = hold(&db).await;
    // 0004f2000007.
    break_inserts(&mut held, "activation", "21239955463").await;
    open_nobodys(&mut held).await;
    let (six, right) = (ask(&writer, 1..=6, guess).await, ask(&writer, 7..=14, right_guess).await);
    let more = ask(&writer, 15..=20, guess).await;
    held.commit().await.expect("committed");
    for (number, phone) in (1..).zip(six.into_iter().chain(right).chain(more)) {
        let settled = phone.await.expect("an end");
        assert_eq!(settled.is_err(), number == 7, "{number}: {settled:?}");
    }
    let noted = count(&db, "SELECT count(*) FROM attempt").await;
    let granted = count(&db, "SELECT activations FROM code").await;
    // Each phone that was wrong has a budget, and they share their network's and the length's.
    let charged = count(&db, "SELECT count(*) FROM budget").await;
    assert_eq!((noted, granted, charged), (19, 7, 12 + 2), "nothing is left of the seventh");
}

/// What one of many in a group is charged is what it would be alone.
async fn guesses_of_a_group_draw_on_the_same_budgets(kind: Kind) {
    let (_database, db) = database(kind).await;
    let writer = Arc::new(Writer::start(db.clone(), 400));
    let held = hold(&db).await;
    let mut asked = ask(&writer, 1..=60, guess).await;
    asked.extend(ask(&writer, [1; 10], guess).await);
    drop(held);
    let mut outcomes = Vec::new();
    for phone in asked {
        outcomes.push(phone.await.expect("an end").expect("settled"));
    }
    // The network has 50 at once.
    assert!(outcomes[..50].iter().all(|outcome| *outcome == Outcome::Unknown), "{outcomes:?}");
    assert!(outcomes[50..].iter().all(|outcome| *outcome == Outcome::Throttled), "{outcomes:?}");
    let throttled = count(&db, "SELECT count(*) FROM attempt WHERE outcome = 'throttled'").await;
    let charged = count(&db, "SELECT max(whole_at) FROM budget WHERE key LIKE 'network:%'").await;
    assert_eq!((throttled, charged - AT), (1, 50 * (86_400_000_000 / 200)));
}

async fn where_too_many_wait_the_next_is_told_to_ask_again(kind: Kind) {
    let (_database, db) = database(kind).await;
    let writer = Arc::new(Writer::start(db.clone(), 400));
    let held = hold(&db).await;
    // What the queue holds, and a group that the task has taken out of it.
    let most = u64::try_from(CAPACITY + GROUP).expect("a number");
    let mut asked = ask(&writer, 1..=most, guess).await;
    asked.extend(ask(&writer, [1], guess).await);
    drop(held);
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

async fn what_waits_is_settled_before_the_end(kind: Kind) {
    let (_database, db) = database(kind).await;
    let writer = Arc::new(Writer::start(db.clone(), 400));
    let held = hold(&db).await;
    let asked = ask(&writer, 1..=200, guess).await;
    drop(held);
    writer.stop().await;
    for phone in asked {
        phone.await.expect("an end").expect("settled");
    }
    assert!(matches!(writer.settle(guess(1)).await, Err(RedeemRefused::Overloaded)), "it is closed");
}

/// Until somebody waits for a lock of another, or `is_over`. On SQLite nobody needs to be waited for.
async fn until_waiting(db: &Db, is_over: impl Fn() -> bool) {
    let waiting = "
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let is_on_server = matches!(db.read().await.expect("a reader"), Reader::Postgres(_));
    while is_on_server && !is_over() && count(db, waiting).await == 0 {}
}

/// Another process uses up the budget while the right guess of a stranger waits for its turn: it has come too late.
async fn a_right_guess_waits_for_the_wrong_ones_before_it(kind: Kind) {
    let (_database, db) = database(kind).await;
    let writer = Arc::new(Writer::start(db.clone(), 400));
    let mut held = hold(&db).await;
    open_nobodys(&mut held).await;
    let asked = ask(&writer, [51], right_guess).await.remove(0);
    until_waiting(&db, || asked.is_finished()).await;
    let others: Vec<Redemption> = (1..=50).map(guess).collect();
    let settled = store::settle(&mut held, others.iter()).await.expect("settled");
    assert!(settled.iter().all(|outcome| matches!(outcome, Ok(Outcome::Unknown))), "{settled:?}");
    held.commit().await.expect("committed");
    assert_eq!(asked.await.expect("an end").expect("settled"), Outcome::Throttled);
}

/// Otherwise a phone that repeats itself could find half of it taken back, and be charged for it.
async fn a_grant_is_taken_back_in_turn(kind: Kind) {
    let (_database, db) = database(kind).await;
    let held = hold(&db).await;
    let (releasing, attempt) = (db.clone(), guess(1).attempt);
    let release = tokio::spawn(async move {
        let record = Record {
            id: attempt.code.clone(),
            kind: CodeKind::Directory,
            state: State::Open,
            provider: attempt.provider.clone(),
            profile: "prf_00000000000000000000".parse().expect("an id"),
            length: 3,
            digits: None,
            limits: Limits::default(),
            activations: 0,
            note: String::new(),
            created_at: attempt.at,
        };
        store::release(&releasing, &record, &attempt, Outcome::OnHold).await
    });
    tokio::task::yield_now().await;
    until_waiting(&db, || release.is_finished()).await;
    assert!(!release.is_finished());
    drop(held);
    release.await.expect("an end").expect("released");
}

async fn of_many_who_see_a_search_at_once_one_tells_of_it(kind: Kind) {
    let (_database, db) = database(kind).await;
    let miss = guess(1).attempt;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (db, miss) = (db.clone(), miss.clone());
            tokio::spawn(async move { store::alert(&db, &miss).await.expect("looked at") })
        })
        .collect();
    let mut told = 0;
    for task in tasks {
        told += usize::from(task.await.expect("an end"));
    }
    assert_eq!((told, count(&db, "SELECT count(*) FROM attempt").await), (1, 1));
}

on_each_database!(
    those_that_wait_share_a_commit,
    a_grant_that_fails_takes_nothing_else_with_it,
    guesses_of_a_group_draw_on_the_same_budgets,
    where_too_many_wait_the_next_is_told_to_ask_again,
    what_waits_is_settled_before_the_end,
    a_right_guess_waits_for_the_wrong_ones_before_it,
    a_grant_is_taken_back_in_turn,
    of_many_who_see_a_search_at_once_one_tells_of_it,
);
