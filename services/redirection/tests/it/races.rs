//! Wishes that cross each other.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use contracts::redirection::resolve_response::Answer;
use rpc::Failure;
use tokio::task::JoinSet;
use vocabulary::ErrorKind;

use storage::on_each_database;
use storage::testing::Kind;

use crate::support::{World, mac};

async fn of_sixteen_providers_one_gets_the_phone(kind: Kind) {
    let world = World::new(kind, 1).await;
    // Two services on one database: the claim must be decided there, not by whose turn it is in one of them.
    let second = world.opened_again().await;
    for number in 1..=10 {
        let mut claims = JoinSet::new();
        for place in 0..16 {
            let provider = world.provider();
            provider.profile("Main").await;
            let provider = if place % 2 == 0 { provider } else { provider.at(&second) };
            claims.spawn(async move { provider.put_device(mac(number), "Main").await.map(|_| provider) });
        }
        let answers: Vec<Result<_, Failure>> = claims.join_all().await;
        let winners: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
        assert_eq!(winners.len(), 1);
        winners[0].get_device(mac(number)).await.expect("the winner's");
        for failure in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Conflict, "device_owned_by_other"));
        }
    }
}

async fn a_profile_is_not_deleted_under_a_phone(kind: Kind) {
    let world = World::new(kind, 2).await;
    let acme = world.provider();
    for number in 1..=60 {
        let name = format!("Profile {number}");
        let profile = acme.profile(&name).await;
        let (one, two, three, changed) = (acme.clone(), acme.clone(), acme.clone(), profile.clone());
        let id = profile.id.clone();
        let put = tokio::spawn(async move { one.put_device(mac(number), &name).await });
        let replaced = tokio::spawn(async move { two.replace_profile(&changed, 1).await });
        let deleted = tokio::spawn(async move { three.delete_profile(&id).await });
        let (put, replaced) = (put.await.expect("it ended"), replaced.await.expect("it ended"));
        let deleted = deleted.await.expect("it ended");
        match deleted {
            Ok(()) => {
                assert_eq!(put.expect_err("it was gone").reason, "unknown_profile");
                assert!(replaced.is_ok_and(|new| new.version == 2) || acme.get_profile(&profile.id).await.is_err());
                assert!(matches!(world.resolve(mac(number), "").await, Answer::Refusal(_)));
            }
            Err(failure) => {
                assert_eq!(failure.reason, "profile_in_use");
                put.expect("the phone was first");
                assert_eq!(replaced.expect("it is there").version, 2);
                let Answer::Redirect(redirect) = world.resolve(mac(number), "").await else { panic!("a redirect") };
                assert_eq!((redirect.profile_id, redirect.profile_version), (profile.id, 2));
            }
        }
    }
}

async fn of_two_replacements_of_one_version_one_is_made(kind: Kind) {
    let world = World::new(kind, 3).await;
    let acme = world.provider();
    let profile = acme.profile("Main").await;
    for version in 1..=20 {
        let (one, two) = tokio::join!(acme.replace_profile(&profile, version), acme.replace_profile(&profile, version));
        let reasons: Vec<_> = [one, two].into_iter().filter_map(Result::err).map(|failure| failure.reason).collect();
        assert_eq!(reasons, ["profile_changed"]);
    }
    assert_eq!(acme.get_profile(&profile.id).await.expect("the profile").version, 21);
}

/// Lets `future` wait `times` times, then gives it up, as a caller does whose time has passed.
async fn given_up_after<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let (mut future, mut left) = (pin!(future), times);
    poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

async fn a_caller_that_gives_up_leaves_memory_and_database_alike(kind: Kind) {
    let world = World::new(kind, 4).await;
    let acme = world.provider();
    acme.profile("Main").await;
    let mut given_up = 0;
    for number in 0..40 {
        let answer = given_up_after(usize::try_from(number % 20).expect("small"), acme.put_device(mac(number), "Main"));
        given_up += u32::from(answer.await.is_none());
        // The next change has its turn only when the one before has ended.
        acme.put_device(mac(1_000), "Main").await.expect("a phone");
        let is_stored = acme.get_device(mac(number)).await.is_ok();
        let is_answered = matches!(world.resolve(mac(number), "").await, Answer::Redirect(_));
        assert_eq!(is_stored, is_answered, "given up after waiting {} times", number % 20);
    }
    assert!(given_up > 0);
}

on_each_database!(
    threads 4;
    of_sixteen_providers_one_gets_the_phone,
    a_profile_is_not_deleted_under_a_phone,
    of_two_replacements_of_one_version_one_is_made,
    a_caller_that_gives_up_leaves_memory_and_database_alike,
);
