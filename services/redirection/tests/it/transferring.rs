//! A phone asked for, given, refused, taken back; and what happens when its owner says nothing.

use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{ClaimProof, TransferDecision, TransferState};
use storage::testing::Kind;
use storage::{Db, on, on_each_database};
use vocabulary::ErrorKind;

use crate::support::{START, World, because, mac, refused};
use crate::wishes::{DAY, row};

const SERIAL: &str = "FCH2034D0PL";
const AGREE: TransferDecision = TransferDecision::Agree;
const REFUSE: TransferDecision = TransferDecision::Refuse;
const CANCEL: TransferDecision = TransferDecision::Cancel;

async fn the_owner_agrees_and_the_phone_is_the_claimants(kind: Kind) {
    let world = World::new(kind, 1).await;
    let (owner, claimant) = (world.provider_with_profile().await, world.provider_with_profile().await);
    let late = world.provider_with_profile().await;
    owner.put_serial(mac(1), SERIAL).await.expect("a phone");
    let asked = claimant.ask_for(mac(1), SERIAL).await.expect("a request");
    assert!(asked.id.starts_with("trf_") && asked.owner_id.is_empty() && asked.proof.is_empty(), "{asked:?}");
    assert_eq!((asked.state(), asked.answer_by), (TransferState::Requested, START + 14 * DAY));
    assert_eq!(claimant.ask_for(mac(1), "").await.expect("the same"), asked);
    let other = late.ask_for(mac(1), "").await.expect("a request");

    let seen = owner.transfers().await;
    let seen = seen.iter().find(|transfer| transfer.id == asked.id).expect("its owner sees it");
    assert_eq!((seen.claimant_id.as_str(), seen.owner_id.as_str()), (claimant.id.as_str(), owner.id.as_str()));
    assert_eq!((seen.proof.as_str(), seen.statement.as_str()), ("serial", "bought second-hand"));

    world.advance();
    let done = owner.decide(&asked.id, AGREE).await.expect("agreed");
    assert_eq!((done.state(), done.decided_by.as_str()), (TransferState::Done, "owner"));
    assert_eq!(owner.decide(&asked.id, AGREE).await.expect("the same again"), done);
    assert_eq!(refused(owner.decide(&asked.id, REFUSE).await), because(ErrorKind::Conflict, "transfer_closed"));
    let device = claimant.get_device(mac(1)).await.expect("its own");
    assert_eq!((device.serial.as_str(), device.note.as_str()), (SERIAL, ""));
    let Answer::Redirect(redirect) = world.resolve(mac(1), "").await else { panic!("a redirect") };
    assert_eq!(redirect.provider_id, claimant.id);
    assert_eq!(late.state_of(&other.id).await, TransferState::Overtaken);
    assert_eq!(refused(owner.get_device(mac(1)).await).1, "unknown_device");
    assert_eq!(world.history(mac(1)).await, [row(&owner, "claimed", "transferred"), row(&claimant, "transfer", "")]);
}

async fn who_may_not_decide_is_told_so_and_a_stranger_nothing(kind: Kind) {
    let world = World::new(kind, 2).await;
    let (owner, claimant) = (world.provider_with_profile().await, world.provider_with_profile().await);
    let stranger = world.provider_with_profile().await;
    owner.put_device(mac(1), "Main").await.expect("a phone");
    let asked = claimant.ask_for(mac(1), "").await.expect("a request");
    assert_eq!(refused(claimant.decide(&asked.id, AGREE).await).1, "not_the_owner");
    assert_eq!(refused(owner.decide(&asked.id, CANCEL).await).1, "not_the_claimant");
    let unknown = because(ErrorKind::NotFound, "unknown_transfer");
    assert_eq!(refused(stranger.decide(&asked.id, AGREE).await), unknown);
    assert_eq!(refused(owner.decide("trf_x", AGREE).await), unknown);
    assert_eq!(refused(owner.decide(&asked.id, TransferDecision::Unspecified).await).1, "invalid_decision");
    assert!(stranger.transfers().await.is_empty());

    assert_eq!(claimant.decide(&asked.id, CANCEL).await.expect("taken back").state(), TransferState::Cancelled);
    let again = claimant.ask_for(mac(1), "").await.expect("another request");
    assert_ne!(again.id, asked.id);
    let no = owner.decide(&again.id, REFUSE).await.expect("refused");
    assert_eq!((no.state(), no.reason.as_str()), (TransferState::Refused, "because"));
    assert_eq!(claimant.state_of(&again.id).await, TransferState::Refused);
    owner.get_device(mac(1)).await.expect("still its own");

    assert_eq!(refused(claimant.ask_for(mac(2), "").await), because(ErrorKind::Conflict, "not_owned"));
    assert_eq!(refused(owner.ask_for(mac(1), "").await), because(ErrorKind::Conflict, "already_yours"));
    assert_eq!(refused(world.provider().ask_for(mac(1), "").await).1, "unknown_profile");
}

async fn without_an_answer_the_operator_decides(kind: Kind) {
    let world = World::new(kind, 3).await;
    let (owner, claimant) = (world.provider_with_profile().await, world.provider_with_profile().await);
    let operator = world.operator();
    owner.put_device(mac(1), "Main").await.expect("a phone");
    let asked = claimant.ask_for(mac(1), "").await.expect("a request");
    assert!(operator.transfers().await.is_empty());
    assert_eq!(
        refused(operator.decide(&asked.id, AGREE).await),
        because(ErrorKind::Conflict, "transfer_not_escalated")
    );

    world.wait_until_day(14);
    assert_eq!(claimant.state_of(&asked.id).await, TransferState::Escalated);
    let waiting = operator.transfers().await;
    assert_eq!((waiting.len(), waiting[0].owner_id.as_str()), (1, owner.id.as_str()));
    assert_eq!(refused(owner.decide(&asked.id, AGREE).await), because(ErrorKind::Conflict, "transfer_escalated"));
    let done = operator.decide(&asked.id, AGREE).await.expect("agreed");
    assert_eq!((done.state(), done.decided_by.as_str()), (TransferState::Done, "operator"));
    claimant.get_device(mac(1)).await.expect("its own");
    assert!(operator.transfers().await.is_empty());
}

async fn a_released_phone_goes_to_the_first_that_proved_its_claim(kind: Kind) {
    let world = World::new(kind, 4).await;
    let owner = world.provider_with_profile().await;
    let [guesser, frozen, first, second] = [
        world.provider_with_profile().await,
        world.provider_with_profile().await,
        world.provider_with_profile().await,
        world.provider_with_profile().await,
    ];
    owner.put_serial(mac(1), SERIAL).await.expect("a phone");
    for (provider, serial) in [(&guesser, "FCH0"), (&frozen, SERIAL), (&first, SERIAL), (&second, SERIAL)] {
        provider.ask_for(mac(1), serial).await.expect("a request");
        world.advance();
    }
    frozen.set_frozen(true).await.expect("frozen");
    let request = contracts::redirection::DeleteDeviceRequest { provider_id: owner.id.clone(), mac: mac(1) };
    let now = owner.client.clone().delete_device(request).await.expect("released").into_inner();
    assert_eq!(now.provider_id, first.id);
    let Answer::Redirect(redirect) = world.resolve(mac(1), "").await else { panic!("a redirect") };
    assert_eq!((redirect.provider_id, redirect.profile_id), (now.provider_id, now.profile_id));
    assert_eq!(first.transfers().await[0].state(), TransferState::Done);
    for loser in [&guesser, &frozen, &second] {
        assert_eq!(loser.transfers().await[0].state(), TransferState::Overtaken);
    }
    assert_eq!(world.history(mac(1)).await, [row(&owner, "claimed", "released"), row(&first, "transfer", "")]);

    // Where nobody has proved anything it is nobody's, and those who asked are told.
    guesser.ask_for(mac(1), "FCH0").await.expect("a request");
    first.delete_device(mac(1)).await.expect("released");
    assert!(matches!(world.resolve(mac(1), "").await, Answer::Refusal(_)));
    assert!(guesser.transfers().await.iter().any(|transfer| transfer.reason.contains("claim it")));
    guesser.put_device(mac(1), "Main").await.expect("it is free");
}

async fn the_operators_policy_holds_for_requests_too(kind: Kind) {
    let world = World::new(kind, 5).await;
    let (owner, claimant) = (world.provider_with_profile().await, world.provider_with_profile().await);
    for number in 1..=4 {
        owner.put_serial(mac(number), SERIAL).await.expect("a phone");
    }
    world.claim_rule(mac(1), 48, ClaimProof::Serial).await;
    world.claim_rule(mac(2), 48, ClaimProof::Manifest).await;
    world.claim_rule(mac(3), 48, ClaimProof::Certificate).await;
    world.shipped(mac(1), SERIAL, "").await;
    world.shipped(mac(2), "", &claimant.id).await;
    assert_eq!(refused(claimant.ask_for(mac(1), "").await).1, "serial_required");
    assert_eq!(refused(claimant.ask_for(mac(1), "FCH0").await).1, "wrong_serial");
    claimant.ask_for(mac(1), SERIAL).await.expect("a request");
    claimant.ask_for(mac(2), "").await.expect("a request");
    claimant.ask_for(mac(3), SERIAL).await.expect("a request");
    let stranger = world.provider_with_profile().await;
    assert_eq!(refused(stranger.ask_for(mac(2), SERIAL).await).1, "not_in_manifest");
    let proofs: Vec<_> = owner.transfers().await.into_iter().map(|transfer| (transfer.mac, transfer.proof)).collect();
    for expected in [(mac(1), "serial"), (mac(2), "manifest"), (mac(3), "none")] {
        assert!(proofs.iter().any(|proof| (proof.0, proof.1.as_str()) == expected), "{proofs:?}");
    }
}

async fn a_held_phone_and_a_frozen_provider_stay_as_they_are(kind: Kind) {
    let world = World::new(kind, 6).await;
    let (owner, claimant) = (world.provider_with_profile().await, world.provider_with_profile().await);
    owner.put_device(mac(1), "Main").await.expect("a phone");
    owner.put_device(mac(2), "Main").await.expect("a phone");
    let asked = claimant.ask_for(mac(1), "").await.expect("a request");
    assert_eq!(world.hold(&[mac(1), mac(2), mac(3)], true).await, 3);
    assert_eq!(world.hold(&[mac(1)], true).await, 0);
    let held = because(ErrorKind::Conflict, "on_hold");
    assert_eq!(refused(claimant.ask_for(mac(2), "").await), held);
    assert_eq!(refused(owner.decide(&asked.id, AGREE).await), held);
    assert_eq!(refused(claimant.put_device(mac(3), "Main").await), held);
    world.hold(&[mac(1)], false).await;

    let frozen = because(ErrorKind::Forbidden, "provider_frozen");
    owner.set_frozen(true).await.expect("frozen");
    assert_eq!(refused(owner.decide(&asked.id, AGREE).await), frozen);
    owner.set_frozen(false).await.expect("free");
    claimant.set_frozen(true).await.expect("frozen");
    assert_eq!(refused(claimant.ask_for(mac(2), "").await), frozen);
    assert_eq!(refused(claimant.decide(&asked.id, CANCEL).await), frozen);
    assert_eq!(refused(owner.decide(&asked.id, AGREE).await), because(ErrorKind::Conflict, "claimant_away"));
    claimant.set_frozen(false).await.expect("free");
    owner.decide(&asked.id, AGREE).await.expect("agreed");
}

async fn a_claimant_without_its_profile_gets_nothing(kind: Kind) {
    let world = World::new(kind, 9).await;
    let (owner, claimant) = (world.provider_with_profile().await, world.provider());
    let profile = claimant.profile("Main").await;
    owner.put_serial(mac(1), SERIAL).await.expect("a phone");
    let asked = claimant.ask_for(mac(1), SERIAL).await.expect("a request");
    claimant.delete_profile(&profile.id).await.expect("deleted");
    assert_eq!(refused(owner.decide(&asked.id, AGREE).await), because(ErrorKind::Conflict, "claimant_away"));
    owner.delete_device(mac(1)).await.expect("released");
    assert_eq!(claimant.state_of(&asked.id).await, TransferState::Overtaken);
    assert!(matches!(world.resolve(mac(1), "").await, Answer::Refusal(_)));
}

async fn a_phone_of_a_block_is_its_blocks_owners_to_give(kind: Kind) {
    let world = World::new(kind, 7).await;
    let (owner, claimant) = (world.provider_with_profile().await, world.provider_with_profile().await);
    owner.create_range("Main", (mac(0), mac(99))).await.expect("a block");
    let asked = claimant.ask_for(mac(1), "").await.expect("a request");
    owner.decide(&asked.id, AGREE).await.expect("agreed");
    let Answer::Redirect(redirect) = world.resolve(mac(1), "").await else { panic!("a redirect") };
    assert_eq!(redirect.provider_id, claimant.id);
    assert_eq!(refused(owner.get_device(mac(1)).await).1, "unknown_device");
    // Given up, it falls back to the block.
    claimant.delete_device(mac(1)).await.expect("released");
    let Answer::Redirect(redirect) = world.resolve(mac(1), "").await else { panic!("a redirect") };
    assert_eq!(redirect.provider_id, owner.id);
    assert_eq!(world.history(mac(1)).await, [row(&claimant, "transfer", "released")]);
}

async fn both_find_it_in_their_log_and_neither_learns_who_the_other_is(kind: Kind) {
    let world = World::new(kind, 8).await;
    let (owner, claimant) = (world.provider_with_profile().await, world.provider_with_profile().await);
    owner.put_serial(mac(1), SERIAL).await.expect("a phone");
    let asked = claimant.ask_for(mac(1), SERIAL).await.expect("a request");
    owner.decide(&asked.id, AGREE).await.expect("agreed");
    let db = Db::open_as_it_is(world.database.place()).await.expect("the database");
    let rows = "SELECT concerns, verb, subject, subject_tenant, source, detail FROM act WHERE target = $1";
    let acts: Vec<(String, String, String, String, String, String)> =
        on!(db.read().await.expect("a reader"), conn => sqlx::query_as(rows).bind(&asked.id).fetch_all(conn).await)
            .expect("the acts");
    let told = |concerns: &str| -> Vec<(String, String)> {
        let mine = acts.iter().filter(|act| act.0 == concerns);
        mine.map(|act| (act.1.clone(), act.2.clone())).collect()
    };
    let text = |verb: &str, subject: &str| (verb.to_owned(), subject.to_owned());
    assert_eq!(told(&claimant.id), [text("transfer.request", "cli_it"), text("transfer.agree", "the owner")]);
    assert_eq!(told(&owner.id), [text("transfer.request", "the claimant"), text("transfer.agree", "cli_it")]);
    for act in acts.iter().filter(|act| act.0 == claimant.id) {
        assert!(![&act.2, &act.3, &act.5].iter().any(|text| text.contains(&owner.id)), "{act:?}");
        assert!(!act.5.contains("proof") && (act.2 == "cli_it" || act.4.is_empty()), "{act:?}");
    }
    audit::verify(&db, None).await.expect("an unbroken chain");
}

on_each_database!(
    the_owner_agrees_and_the_phone_is_the_claimants,
    who_may_not_decide_is_told_so_and_a_stranger_nothing,
    without_an_answer_the_operator_decides,
    a_released_phone_goes_to_the_first_that_proved_its_claim,
    the_operators_policy_holds_for_requests_too,
    a_held_phone_and_a_frozen_provider_stay_as_they_are,
    a_claimant_without_its_profile_gets_nothing,
    a_phone_of_a_block_is_its_blocks_owners_to_give,
    both_find_it_in_their_log_and_neither_learns_who_the_other_is,
);
