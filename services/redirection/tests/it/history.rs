//! Who has had a phone: who may read it, and that whatever is done it stays whole.

use std::collections::HashMap;

use contracts::redirection::TransferDecision;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use storage::testing::Kind;
use storage::{Db, on, on_each_database};
use vocabulary::ErrorKind;

use crate::support::{Provider, World, because, mac, refused};
use crate::wishes::row;

async fn the_present_owner_reads_it_all_and_learns_no_names(kind: Kind) {
    let world = World::new(kind, 1).await;
    let (first, second) = (world.provider_with_profile().await, world.provider_with_profile().await);
    first.put_device(mac(1), "Main").await.expect("a phone");
    world.advance();
    first.delete_device(mac(1)).await.expect("released");
    world.advance();
    second.put_device(mac(1), "Main").await.expect("a phone");
    let history = second.ownership(mac(1)).await.expect("its own");
    let told: Vec<_> =
        history.iter().map(|row| (row.number, row.provider_id.as_str(), row.ended_by.as_str())).collect();
    assert_eq!(told, [(2, second.id.as_str(), ""), (1, "", "released")]);
    assert!(history[1].from < history[1].until && history[1].until < history[0].from && history[0].until == 0);
    assert_eq!(refused(first.ownership(mac(1)).await), because(ErrorKind::NotFound, "unknown_device"));
    assert_eq!(world.history(mac(1)).await, [row(&first, "claimed", "released"), row(&second, "claimed", "")]);
    // Back with the first, it is told of its own time and not of the other's.
    second.delete_device(mac(1)).await.expect("released");
    first.put_device(mac(1), "Main").await.expect("a phone");
    let names: Vec<_> =
        first.ownership(mac(1)).await.expect("its own").into_iter().map(|row| row.provider_id).collect();
    assert_eq!(names, [first.id.clone(), String::new(), first.id]);
    assert!(world.operator().ownership(mac(2)).await.expect("no history").is_empty());
}

async fn the_database_lets_nobody_rewrite_it(kind: Kind) {
    let world = World::new(kind, 2).await;
    let acme = world.provider_with_profile().await;
    acme.put_device(mac(1), "Main").await.expect("a phone");
    acme.delete_device(mac(1)).await.expect("released");
    world.service.close().await;
    let db = Db::open_as_it_is(world.database.place()).await.expect("the database");
    for statement in [
        "UPDATE ownership SET provider_id = 'prv_00000000000000000000'",
        "UPDATE ownership SET until_at = until_at + 1",
        "UPDATE ownership SET ended_by = NULL, until_at = NULL",
        "DELETE FROM ownership",
    ] {
        let mut tx = db.write().await.expect("a transaction");
        let error = on!(tx, conn => sqlx::query(statement).execute(conn).await.map(drop)).expect_err(statement);
        assert!(error.to_string().contains("who has had a phone cannot be"), "{error}");
    }
}

/// What somebody does with one of a few phones.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Claim,
    Release,
    AskAndAgree,
    Ask,
    Move,
}

type Step = (Deed, usize, usize, u64);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let deed = prop::sample::select(vec![Deed::Claim, Deed::Release, Deed::AskAndAgree, Deed::Ask, Deed::Move]);
    prop::collection::vec((deed, 0..3_usize, 0..3_usize, 1..4_u64), 1..40)
}

/// Does it, and tells the naive model what came of it: who has which phone.
async fn take(providers: &[Provider], owners: &mut HashMap<u64, usize>, (deed, one, other, number): Step) {
    let (mac, owner) = (mac(number), owners.get(&number).copied());
    let serial = format!("FCH{number}");
    match deed {
        Deed::Claim => {
            let is_free = owner.is_none_or(|owner| owner == one);
            assert_eq!(providers[one].put_serial(mac, &serial).await.is_ok(), is_free);
            owners.entry(number).or_insert(one);
        }
        Deed::Release => {
            let heir = providers[one].delete_device(mac).await;
            assert_eq!(heir.is_ok(), owner == Some(one));
            if heir.is_ok() {
                owners.remove(&number);
                for (place, provider) in providers.iter().enumerate() {
                    if provider.get_device(mac).await.is_ok() {
                        owners.insert(number, place);
                    }
                }
            }
        }
        Deed::Ask => {
            let asked = providers[one].ask_for(mac, &serial).await;
            assert_eq!(asked.is_ok(), owner.is_some_and(|owner| owner != one));
        }
        Deed::AskAndAgree => {
            let Ok(asked) = providers[one].ask_for(mac, &serial).await else { return };
            let owner = owner.expect("somebody's");
            providers[owner].decide(&asked.id, TransferDecision::Agree).await.expect("agreed");
            owners.insert(number, one);
        }
        Deed::Move if one != other => {
            let moved = providers[one].move_to(&providers[other], &[mac]).await;
            assert_eq!(moved.is_ok(), owner == Some(one) || owner == Some(other));
            if owner == Some(one) {
                owners.insert(number, other);
            }
        }
        Deed::Move => {}
    }
}

async fn whatever_is_done_each_phone_has_one_owner_at_a_time(kind: Kind) {
    let world = World::new(kind, 3).await;
    let mut runner = TestRunner::new(Config::default());
    let providers =
        [world.provider_with_profile().await, world.provider_with_profile().await, world.provider_with_profile().await];
    let mut owners = HashMap::new();
    for _ in 0..12 {
        let steps = steps().new_tree(&mut runner).expect("steps").current();
        for step in &steps {
            world.advance();
            take(&providers, &mut owners, *step).await;
        }
        for number in 1..4 {
            let last = world.history(mac(number)).await.pop();
            let present = last.filter(|row| row.2.is_empty()).map(|row| row.0);
            let owner = owners.get(&number).map(|place| providers[*place].id.clone());
            assert_eq!(present, owner, "{number} after {steps:?}");
        }
    }
}

on_each_database!(
    the_present_owner_reads_it_all_and_learns_no_names,
    the_database_lets_nobody_rewrite_it,
    whatever_is_done_each_phone_has_one_owner_at_a_time,
);
