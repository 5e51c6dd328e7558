//! Wrong guesses are charged, right ones of known phones pass, and whoever waits may try again.

use std::time::Duration;

use contracts::onboarding::{Code, CreatePersonalCodesRequest, Limits, RedeemRequest};
use onboarding::Policy;
use storage::on_each_database;
use storage::testing::Kind;

use crate::support::*;

fn from(code: &str, phone: u64, source: &str) -> RedeemRequest {
    RedeemRequest { source: source.to_owned(), ..request(code, phone) }
}

/// `count` wrong guesses at codes of six digits.
async fn guess(world: &World, count: u64, of: impl Fn(u64) -> (u64, String)) {
    for number in 0..count {
        let (phone, source) = of(number);
        assert_refused(world.redeem(from(&format!("#9{number:05}"), phone, &source)).await);
    }
}

/// Throttled guesses are noted beside their answers: all of them are when the service is closed.
async fn noted(world: World, provider: &mut Provider) -> World {
    let world = world.reopened().await;
    provider.codes = onboarding(&world.service);
    world
}

async fn a_phone_that_guesses_wrong_is_slowed_and_not_banned(kind: Kind) {
    let world = World::new(kind).await;
    let mut acme = world.provider().await;
    acme.directory("123456", Limits::default()).await;
    guess(&world, 4, |_| (1, HOME.to_owned())).await;
    world.typed("#123456", 1).await.expect("one guess is left, and it was right");
    let (_, digits) = acme.one().await;
    guess(&world, 5, |_| (2, HOME.to_owned())).await;
    for _ in 0..50 {
        assert_refused(world.typed(&digits, 2).await);
    }
    let world = noted(world, &mut acme).await;
    assert_eq!(acme.outcomes().await, ["throttled", "redeemed"]);
    // However often it tried meanwhile: a tenth of a day later it has one guess.
    world.clock.advance(Duration::from_mins(143));
    assert_refused(world.typed(&digits, 2).await);
    world.clock.advance(Duration::from_mins(1));
    world.typed(&digits, 2).await.expect("redeemed");
}

async fn a_network_that_guesses_wrong_is_slowed_while_its_known_phones_pass(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    acme.directory("123456", Limits::default()).await;
    acme.directory("1234567", Limits { macs: (500..600).map(mac).collect(), ..Limits::default() }).await;
    for phone in 200..300 {
        acme.register(phone).await;
    }
    guess(&world, 60, |number| (number + 1, format!("203.0.113.{number}"))).await;
    assert_refused(world.redeem(from("#123456", 100, "203.0.113.200")).await);
    world.redeem(from("#123456", 100, "203.0.114.1")).await.expect("another network");
    for phone in 200..300 {
        world.redeem(from("#123456", phone, "203.0.113.9")).await.expect("a registered phone");
    }
    for phone in 500..600 {
        world.redeem(from("#1234567", phone, "203.0.113.9")).await.expect("an expected phone");
    }
    // Known phones get through; what they guess wrong is still not free.
    assert_refused(world.redeem(from("#123499", 200, "203.0.113.9")).await);
    world.clock.advance(DAY / 200);
    world.redeem(from("#123456", 101, "203.0.113.200")).await.expect("one guess is left again");
}

async fn everybody_together_has_only_so_many_guesses_at_a_length(kind: Kind) {
    let world = World::new(kind).await;
    let mut acme = world.provider().await;
    acme.directory("123456", Limits::default()).await;
    let (_, personal) = acme.one().await;
    // A tenth of a day's thousand, each from a phone and a network of its own.
    guess(&world, 100, |number| (number + 1, format!("10.1.{number}.1"))).await;
    assert_refused(world.redeem(from("#123456", 900, "10.2.0.1")).await);
    let world = noted(world, &mut acme).await;
    assert_eq!(acme.outcomes().await, ["throttled"]);
    world.redeem(from(&personal, 901, "10.2.0.1")).await.expect("another length");
    world.clock.advance(DAY / 1_000);
    world.redeem(from("#123456", 900, "10.2.0.1")).await.expect("one guess is left again");
}

async fn budgets_survive_a_restart_and_count_whoever_serves(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let (_, digits) = acme.one().await;
    guess(&world, 5, |_| (1, HOME.to_owned())).await;
    let world = world.reopened().await;
    assert_refused(world.typed(&digits, 1).await);
    world.typed(&digits, 2).await.expect("another phone");
}

async fn an_honest_office_behind_one_address_gets_through(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let made = acme.personal(CreatePersonalCodesRequest { count: 100, ..Default::default() }).await.expect("codes");
    for (phone, code) in made.codes.iter().enumerate() {
        let phone = u64::try_from(phone).expect("a number") + 1;
        // One in three mistypes it first.
        if phone % 3 == 0 {
            assert_refused(world.typed("0000000000000000", phone).await);
        }
        world.typed(&code.digits, phone).await.expect("an honest phone");
    }
}

async fn misses_at_a_limited_code_are_counted_and_many_look_like_a_search(kind: Kind) {
    let world = World::lenient(kind).await;
    let acme = world.provider().await;
    let code = acme.directory("123456", Limits { registered_only: true, ..Limits::default() }).await;
    for phone in 0..19 {
        assert_refused(world.typed("#123456", phone % 5 + 1).await);
    }
    let told = acme.code(&code).await;
    assert_eq!((told.misses, told.looks_searched), (19, false));
    assert_refused(world.typed("#123456", 5).await);
    let told = acme.code(&code).await;
    assert_eq!((told.misses, told.looks_searched), (20, true));
    world.clock.advance(DAY);
    let told = acme.code(&code).await;
    assert_eq!((told.misses, told.looks_searched), (0, false));
}

/// The alerts that the provider sees, the newest first: phone, time and misses. The service looks for searches a last
/// time when it is closed.
async fn alerts(world: World, provider: &mut Provider, code: &Code) -> (World, Vec<(u64, i64, u64)>) {
    let world = noted(world, provider).await;
    let alerts = provider.attempts().await.into_iter().filter(|it| it.outcome == "search");
    let alerts = alerts.inspect(|it| assert_eq!(it.code_id, code.id)).map(|it| (it.mac, it.at, it.misses));
    let alerts = alerts.collect();
    (world, alerts)
}

async fn a_provider_is_alerted_once_when_a_search_begins_and_each_day_that_it_goes_on(kind: Kind) {
    let world = World::lenient(kind).await;
    let (mut acme, mut other) = (world.provider().await, world.provider().await);
    let code = acme.directory("123456", Limits { registered_only: true, ..Limits::default() }).await;
    for number in 0..40 {
        assert_refused(world.typed("123456", number % 4 + 1).await);
    }
    let (world, none) = alerts(world, &mut acme, &code).await;
    assert_eq!(none, [], "many misses of few phones");
    assert_refused(world.typed("123456", 5).await);
    let (world, first) = alerts(world, &mut acme, &code).await;
    let alert = (mac(5), world.now(), 41);
    assert_eq!(first, [alert]);
    for _ in 0..30 {
        assert_refused(world.typed("123456", 6).await);
    }
    let (world, same) = alerts(world, &mut acme, &code).await;
    assert_eq!(same, [alert], "it is one search");
    world.clock.advance(DAY);
    for phone in 1..20 {
        assert_refused(world.typed("123456", phone).await);
    }
    let (world, same) = alerts(world, &mut acme, &code).await;
    assert_eq!(same, [alert], "too few on this day");
    assert_refused(world.typed("123456", 20).await);
    let (world, second) = alerts(world, &mut acme, &code).await;
    assert_eq!(second, [(mac(20), world.now(), 20), alert]);
    assert_eq!(alerts(world, &mut other, &code).await.1, [], "it is its provider's only");
}

/// What the README promises: however guesses are spread, no more than the burst and the share of the time are tried.
async fn an_attack_from_everywhere_tries_no_more_than_the_stated_guesses(kind: Kind) {
    let mut policy = Policy::default();
    policy.budgets.length_per_day[3] = 240;
    let world = World::with(kind, policy).await;
    let acme = world.provider().await;
    // Each guess is right but for the limit, so that the provider's attempts count what was really tried.
    acme.directory("123456", Limits { registered_only: true, ..Limits::default() }).await;
    for hour in 0..12_u64 {
        for number in 0..30 {
            let phone = hour * 30 + number;
            assert_refused(world.redeem(from("#123456", phone + 1, &format!("10.{hour}.{number}.1"))).await);
        }
        world.clock.advance(Duration::from_hours(1));
    }
    let tried = acme.outcomes().await.iter().filter(|outcome| *outcome == "not_registered").count();
    assert_eq!(tried, 24 + 11 * 10);
}

on_each_database!(
    a_phone_that_guesses_wrong_is_slowed_and_not_banned,
    a_network_that_guesses_wrong_is_slowed_while_its_known_phones_pass,
    everybody_together_has_only_so_many_guesses_at_a_length,
    budgets_survive_a_restart_and_count_whoever_serves,
    an_honest_office_behind_one_address_gets_through,
    misses_at_a_limited_code_are_counted_and_many_look_like_a_search,
    a_provider_is_alerted_once_when_a_search_begins_and_each_day_that_it_goes_on,
    an_attack_from_everywhere_tries_no_more_than_the_stated_guesses,
);
