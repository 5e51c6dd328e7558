//! Wrong guesses cannot be told apart by their time, because they are the same work: the same statements, with as many
//! rows. (Time itself is compared by the bench: a test of it would depend on the machine.)

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use contracts::onboarding::{CreatePersonalCodesRequest, Limits, RedeemRequest};
use storage::testing::Kind;
use tracing::field::{Field, Visit};
use tracing::{Event, Instrument, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::support::*;

/// The statements that ran inside a span named `probe`, each with the rows it read and wrote.
#[derive(Clone, Default)]
struct Work(Arc<Mutex<Vec<String>>>);

impl Work {
    fn done(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("the statements"))
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Work {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let is_ours = context.event_scope(event).is_some_and(|mut scope| scope.any(|span| span.name() == "probe"));
        if is_ours && event.metadata().target() == "sqlx::query" {
            let mut statement = Statement::default();
            event.record(&mut statement);
            self.0.lock().expect("the statements").extend(statement.line());
        }
    }
}

#[derive(Default)]
struct Statement {
    /// Its beginning; the rest of it is a constant.
    summary: String,
    read: String,
    written: String,
}

impl Statement {
    /// `None` for what belongs to opening a connection or to the transaction.
    fn line(self) -> Option<String> {
        let Self { summary, read, written } = self;
        let writes = ["INSERT", "UPDATE", "DELETE"].iter().any(|verb| summary.contains(verb));
        // What did not write repeats the number of the statement before it.
        let written = if writes { &written } else { "0" };
        let is_of_connection = ["PRAGMA", "BEGIN", "COMMIT"].iter().any(|verb| summary.contains(verb));
        (!is_of_connection).then(|| format!("{summary}: {read} read, {written} written"))
    }
}

impl Visit for Statement {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "summary" => self.summary = format!("{value:?}"),
            "rows_returned" => self.read = format!("{value:?}"),
            "rows_affected" => self.written = format!("{value:?}"),
            _ => {}
        }
    }
}

/// What a guess makes the database do. The guess before it has opened connections and begun the budgets.
async fn probe(world: &World, work: &Work, request: RedeemRequest) -> Vec<String> {
    work.done();
    assert_refused(world.redeem(request).instrument(tracing::info_span!("probe")).await);
    work.done()
}

/// One test, because it listens to what the whole process does.
#[tokio::test]
async fn wrong_guesses_are_the_same_work() {
    let work = Work::default();
    // For all threads: statements run on those of the database.
    let subscriber = tracing_subscriber::registry().with(work.clone());
    tracing::subscriber::set_global_default(subscriber).expect("nobody else needs it");
    // Looked up; and in the transaction the budgets read, charged, and noted. On a server the turn is waited for.
    for (kind, statements) in [(Kind::Sqlite, 4), (Kind::Postgres, 5)] {
        they_are(kind, statements, &work).await;
        throttled_ones_are_too(kind, &work).await;
    }
}

async fn they_are(kind: Kind, statements: usize, work: &Work) {
    let world = World::lenient(kind).await;
    let (acme, other) = (world.provider().await, world.provider().await);
    other.register(9).await;
    let now = world.now();
    for (digits, limits) in [
        ("100001", Limits { from: now + 1, ..Limits::default() }),
        ("100002", Limits { models: vec!["CP-7832".to_owned()], ..Limits::default() }),
        ("100003", Limits { networks: vec!["198.51.100.0/24".to_owned()], ..Limits::default() }),
        ("100004", Limits { registered_only: true, ..Limits::default() }),
        ("100005", Limits { macs: vec![mac(2)], ..Limits::default() }),
        ("100006", Limits::default()),
    ] {
        acme.directory(digits, limits).await;
    }
    let withdrawn = acme.directory("100007", Limits::default()).await;
    acme.revoke(&withdrawn).await.expect("withdrawn");

    for phone in [1, 9] {
        assert_refused(world.typed("#999998", phone).await);
    }
    let unknown = probe(&world, work, request("#999999", 1)).await;
    assert_eq!(unknown.len(), statements, "{unknown:#?}");
    for (digits, phone) in
        [("100001", 1), ("100002", 1), ("100003", 1), ("100004", 1), ("100005", 1), ("100006", 9), ("100007", 1)]
    {
        assert_eq!(probe(&world, work, request(digits, phone)).await, unknown, "{digits}");
    }

    let ((_, used), (revoked, withdrawn), (_, expired)) = (acme.one().await, acme.one().await, acme.one().await);
    world.typed(&used, 2).await.expect("redeemed");
    acme.revoke(&revoked).await.expect("revoked");
    world.clock.advance(DAY * 7);
    assert_refused(world.typed("5414011256173816", 1).await);
    let unknown = probe(&world, work, request("5414011256173817", 1)).await;
    let wish = CreatePersonalCodesRequest { mac: mac(2), ..CreatePersonalCodesRequest::default() };
    let bound = acme.personal(wish).await.expect("a code").codes.remove(0).digits;
    for (name, digits) in [("used", used), ("revoked", withdrawn), ("expired", expired), ("bound", bound)] {
        assert_eq!(probe(&world, work, request(&digits, 1)).await, unknown, "{name}");
    }
    let outcomes = acme.outcomes().await;
    assert_eq!(outcomes.iter().filter(|outcome| *outcome != "redeemed").count(), 7 + 4, "{outcomes:?}");
}

/// Whether the code is right or not: it is only looked up. What is noted of it is noted beside the answer.
async fn throttled_ones_are_too(kind: Kind, work: &Work) {
    let world = World::new(kind).await;
    let mut acme = world.provider().await;
    acme.directory("123456", Limits::default()).await;
    for _ in 0..5 {
        assert_refused(world.typed("#999999", 1).await);
    }
    for _ in 0..2 {
        let wrong = probe(&world, work, request("#999999", 1)).await;
        assert_eq!(wrong.len(), 1, "{wrong:#?}");
        assert_eq!(probe(&world, work, request("#123456", 1)).await, wrong);
    }
    let world = world.reopened().await;
    acme.codes = onboarding(&world.service);
    assert_eq!(acme.outcomes().await, ["throttled"]);
}
