//! Two processes on one database: what is promised of one holds for both together.

use contracts::onboarding::onboarding_service_client::OnboardingServiceClient;
use contracts::onboarding::{
    CodeState, CreatePersonalCodesRequest, ExtendPersonalCodeRequest, Limits, RedeemRequest, RevokeCodeRequest,
};
use onboarding::Onboarding;
use rpc::{Failure, Transport};
use storage::testing::Kind;
use storage::{Db, on, on_each_database};
use tokio::task::JoinHandle;
use vocabulary::ErrorKind;

use crate::support::*;

type Client = OnboardingServiceClient<Transport>;

/// A world with a second process.
struct Pair {
    world: World,
    other: Onboarding,
}

impl Pair {
    async fn of(world: World) -> Self {
        let other = world.replica().await;
        Self { world, other }
    }

    /// The client to the one process or to the other, in turn.
    fn client(&self, number: u64) -> Client {
        onboarding(if number.is_multiple_of(2) { &self.world.service } else { &self.other })
    }

    /// All of them at once, over both; how many were let in.
    async fn redeem(&self, requests: impl Iterator<Item = RedeemRequest>) -> usize {
        let calls: Vec<_> = (0..)
            .zip(requests)
            .map(|(number, request)| {
                let mut client = self.client(number);
                tokio::spawn(async move { client.redeem(request).await.map_err(Failure::from) })
            })
            .collect();
        let mut successes = 0;
        for call in calls {
            match call.await.expect("an answer") {
                Ok(_) => successes += 1,
                refused => assert_refused(refused),
            }
        }
        successes
    }

    /// `provider` asks the one process or the other.
    fn at(&self, number: u64, provider: &Provider) -> Provider {
        Provider {
            id: provider.id.clone(),
            profile: provider.profile.clone(),
            codes: self.client(number),
            redirection: provider.redirection.clone(),
        }
    }

    async fn count(&self, statement: &'static str) -> i64 {
        let db = Db::open_as_it_is(self.world.databases.onboarding.place()).await.expect("the database");
        let mut reader = db.read().await.expect("a reader");
        on!(reader, conn => sqlx::query_scalar(statement).fetch_one(conn).await).expect("a number")
    }
}

async fn of_64_phones_over_both_one_gets_a_personal_code(kind: Kind) {
    let pair = Pair::of(World::new(kind).await).await;
    let acme = pair.world.provider().await;
    let (code, digits) = acme.one().await;
    assert_eq!(pair.redeem((1..=64).map(|phone| request(&digits, phone))).await, 1);
    let code = acme.code(&code).await;
    assert_eq!((code.state(), code.activations), (CodeState::Redeemed, 1));
    let mut assigned = Vec::new();
    for phone in 1..=64 {
        if acme.device(phone).await.is_some() {
            assigned.push(mac(phone));
        }
    }
    assert_eq!(assigned, [code.redeemed_by]);
    assert_eq!(acme.outcomes().await.iter().filter(|outcome| *outcome == "redeemed").count(), 1);
}

async fn a_directory_code_admits_as_many_phones_over_both_as_its_provider_said(kind: Kind) {
    let pair = Pair::of(World::lenient(kind).await).await;
    let acme = pair.world.provider().await;
    let code = acme.directory("123456", Limits { activations: 10, ..Limits::default() }).await;
    // Each phone asks both.
    let requests = (0..80).map(|number| request("#123456", number / 2 + 1));
    assert!(pair.redeem(requests).await >= 10);
    assert_eq!(acme.code(&code).await.activations, 10);
    assert_eq!(pair.count("SELECT count(*) FROM activation").await, 10);
    assert_eq!(acme.outcomes().await.iter().filter(|outcome| *outcome == "redeemed").count(), 10);
}

/// Each guess has the right digits, so that the provider's attempts count what was really tried.
async fn guesses_over_both_draw_on_the_same_budgets(kind: Kind) {
    let pair = Pair::of(World::new(kind).await).await;
    let acme = pair.world.provider().await;
    let registered = Limits { registered_only: true, ..Limits::default() };
    acme.directory("123456", registered.clone()).await;
    acme.directory("1234567", registered.clone()).await;
    acme.directory("12345678", registered).await;
    let mut tried_before = 0;
    let from = |code: &str, phone, source: String| RedeemRequest { source, ..request(code, phone) };
    for (code, allowed) in [("#12345678", 5), ("#1234567", 50), ("#123456", 100)] {
        let guesses = (0..200_u64).map(|number| match allowed {
            5 => from(code, 1, format!("10.1.{number}.1")),
            50 => from(code, number + 10, HOME.to_owned()),
            _ => from(code, number + 1000, format!("10.2.{number}.1")),
        });
        assert_eq!(pair.redeem(guesses).await, 0);
        let tried = acme.outcomes().await.iter().filter(|outcome| *outcome == "not_registered").count();
        assert_eq!(tried - tried_before, allowed, "{code}");
        tried_before = tried;
    }
}

/// Two open codes of six digits are within the ceiling, three are not.
async fn codes_made_at_once_over_both_stay_below_the_ceiling(kind: Kind) {
    let pair = Pair::of(World::new(kind).await).await;
    let acme = pair.world.provider().await;
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let acme = pair.at(number, &acme);
            tokio::spawn(async move { acme.try_directory(&format!("1234{number:02}"), Limits::default()).await })
        })
        .collect();
    assert_eq!(reasons(tasks).await, (2, "risk_too_high".to_owned()));
    let limited = Limits { registered_only: true, ..Limits::default() };
    let mut tasks = Vec::new();
    for number in 0..20 {
        let (code, acme) = (acme.directory(&format!("1{number:06}"), limited.clone()).await, pair.at(number, &acme));
        tasks.push(tokio::spawn(async move { acme.change(&code, Limits::default()).await }));
    }
    // Fifteen of seven digits.
    assert_eq!(reasons(tasks).await, (15, "risk_too_high".to_owned()));
    assert_eq!(pair.count("SELECT CAST(sum(weight) AS BIGINT) FROM code WHERE length = 6").await, 2);
    assert_eq!(pair.count("SELECT CAST(sum(weight) AS BIGINT) FROM code WHERE length = 7").await, 15);
}

async fn the_same_digits_asked_for_at_once_over_both_are_given_once(kind: Kind) {
    let pair = Pair::of(World::new(kind).await).await;
    let acme = pair.world.provider().await;
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let acme = pair.at(number, &acme);
            tokio::spawn(async move { acme.try_directory("12345678", Limits::default()).await })
        })
        .collect();
    assert_eq!(reasons(tasks).await, (1, "code_taken".to_owned()));
}

/// How many succeeded, and why all others did not.
async fn reasons<T: std::fmt::Debug>(tasks: Vec<JoinHandle<Result<T, Failure>>>) -> (usize, String) {
    let (mut successes, mut reason) = (0, None);
    for task in tasks {
        match task.await.expect("an answer") {
            Ok(_) => successes += 1,
            Err(failure) => {
                let first = reason.get_or_insert_with(|| failure.reason.clone());
                assert_eq!(*first, failure.reason, "{failure:?}");
            }
        }
    }
    (successes, reason.unwrap_or_default())
}

/// Fails where the answer is that another was in the way.
fn assert_decided<T>(answer: Result<T, impl Into<Failure>>) {
    if let Err(failure) = answer.map_err(Into::into) {
        let decided = [ErrorKind::NotFound, ErrorKind::Conflict, ErrorKind::Malformed];
        assert!(decided.contains(&failure.kind), "{failure:?}");
    }
}

/// Everything that can be done to codes, to the same ones at the same time.
async fn whatever_happens_at_once_nobody_is_in_anothers_way(kind: Kind) {
    let pair = Pair::of(World::lenient(kind).await).await;
    let (acme, frozen) = (pair.world.provider().await, pair.world.provider().await);
    let made = acme.personal(CreatePersonalCodesRequest { count: 12, ..Default::default() }).await.expect("codes");
    let (mut personal, mut directory) = (Vec::new(), Vec::new());
    for made in made.codes {
        personal.push((made.code.expect("a code"), made.digits));
    }
    for number in 0..6 {
        directory.push(acme.directory(&format!("12345{number}"), Limits { activations: 8, ..Limits::default() }).await);
    }
    frozen.directory("654321", Limits::default()).await;
    let (_, in_vain) = frozen.one().await;
    frozen.freeze().await;

    let mut tasks = Vec::new();
    // As many as a process has connections to write with: nobody waits for one.
    for number in 0..16_u64 {
        let place = usize::try_from(number).expect("a number");
        let (provider, mut client) = (pair.at(number, &acme), pair.client(number + 1));
        let ((code, digits), named) = (personal[place % 12].clone(), directory[place % 6].clone());
        let wrong = format!("#9{number:05}");
        let tried = [digits, format!("#{}", named.digits), wrong].map(|code| request(&code, number + 1));
        let in_vain = ["#654321", &in_vain].map(|code| request(code, number + 1_001));
        tasks.push(tokio::spawn(async move {
            for request in tried.iter().chain(&in_vain).cycle().take(15) {
                assert_decided(client.redeem(request.clone()).await);
            }
        }));
        tasks.push(tokio::spawn(async move {
            for round in 0..3 {
                let (provider_id, code_id) = (provider.id.clone(), code.id.clone());
                let extend = ExtendPersonalCodeRequest { provider_id, code_id, expires_at: code.expires_at + round };
                assert_decided(provider.codes.clone().extend_personal_code(extend).await);
                assert_decided(provider.change(&named, Limits { activations: 9, ..Limits::default() }).await);
                let digits = format!("2345{round}{}", number / 2);
                assert_decided(provider.try_directory(&digits, Limits::default()).await);
                assert_decided(provider.personal(CreatePersonalCodesRequest::default()).await);
            }
            if number.is_multiple_of(3) {
                let revoke = RevokeCodeRequest { provider_id: provider.id.clone(), code_id: code.id };
                assert_decided(provider.codes.clone().revoke_code(revoke).await);
            }
        }));
    }
    for task in tasks {
        task.await.expect("nobody was in the way");
    }
    let miscounted = "
        SELECT count(*)
        FROM code
        WHERE activations <> CASE
            WHEN kind = 'directory' THEN (SELECT count(*) FROM activation WHERE code_id = code.id)
            WHEN state = 'redeemed' THEN 1
            ELSE 0
        END";
    assert_eq!(pair.count(miscounted).await, 0);
    let in_vain = "SELECT count(*) FROM attempt WHERE outcome = 'provider_frozen'";
    assert!(pair.count(in_vain).await > 16, "each phone's grants were taken back");
}

on_each_database!(
    threads 2;
    of_64_phones_over_both_one_gets_a_personal_code,
    a_directory_code_admits_as_many_phones_over_both_as_its_provider_said,
    guesses_over_both_draw_on_the_same_budgets,
    codes_made_at_once_over_both_stay_below_the_ceiling,
    the_same_digits_asked_for_at_once_over_both_are_given_once,
    whatever_happens_at_once_nobody_is_in_anothers_way,
);
