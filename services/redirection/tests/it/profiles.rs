//! Profiles: made, read, replaced, deleted, and every way in which they are refused.

use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{Profile, Proof};
use vocabulary::{ErrorKind, ProfileId, Randomness};

use storage::on_each_database;
use storage::testing::Kind;

use crate::support::{RULE, START, World, because, mac, parameter, refused, rule};

async fn a_profile_is_given_back_as_it_was_made(kind: Kind) {
    let world = World::new(kind, 1).await;
    let acme = world.provider();
    let parameters = vec![
        parameter("Upgrade_Enable", "Yes", "na"),
        rule("[--key \"a secret\" --srv] https://nps.example/$PSN/$MA.xml"),
        parameter("Upgrade_Rule", "https://nps.example/firmware.loads", "na"),
        parameter("Custom_CA_Rule", "http://nps.example/ca.pem", "ro"),
        parameter("Report_Rule", "[--delta] https://nps.example/report", "na"),
        parameter("Text_Logo", "Zoë & Co. <\"'>", "rw"),
    ];
    let made = acme.create_proven(Proof::Serial, " Main office ", parameters.clone()).await.expect("a profile");
    assert_eq!((made.name.as_str(), made.version, made.created_at, made.changed_at), ("Main office", 1, START, START));
    assert_eq!(made.parameters, parameters);
    assert_eq!(made.provider_id, acme.id);
    assert_eq!(acme.get_profile(&made.id).await.expect("the profile"), made);
}

async fn a_replaced_profile_reaches_its_phones_and_counts_up(kind: Kind) {
    let world = World::new(kind, 2).await;
    let acme = world.provider();
    let made = acme.profile("Main").await;
    acme.put_device(mac(1), "Main").await.expect("a phone");
    world.advance();

    let wanted = Profile { name: "Branch".into(), parameters: vec![rule("https://b.example/$MA.xml")], ..made.clone() };
    let replaced = acme.replace_profile(&wanted, 1).await.expect("the profile");
    assert_eq!((replaced.version, replaced.created_at, replaced.changed_at), (2, START, START + 1_000_000));
    assert_eq!(acme.get_profile(&made.id).await.expect("the profile"), replaced);
    let Answer::Redirect(redirect) = world.resolve(mac(1), "").await else { panic!("a redirect") };
    assert_eq!((redirect.profile_version, &redirect.parameters), (2, &wanted.parameters));

    assert_eq!(refused(acme.replace_profile(&wanted, 1).await), because(ErrorKind::Changed, "profile_changed"));
    assert_eq!(refused(acme.replace_profile(&wanted, u64::MAX).await).1, "profile_changed");
    assert_eq!(acme.replace_profile(&wanted, 0).await.expect("any version").version, 3);
}

async fn names_are_taken_once_for_each_provider_whatever_their_case(kind: Kind) {
    let world = World::new(kind, 3).await;
    let (acme, other) = (world.provider(), world.provider());
    let first = acme.profile("Büro").await;
    let second = acme.profile("Second").await;
    let taken = because(ErrorKind::Conflict, "profile_name_taken");
    assert_eq!(refused(acme.create_profile(" BÜRO", vec![rule(RULE)]).await), taken);
    let renamed = Profile { name: "bÜro".into(), ..second };
    assert_eq!(refused(acme.replace_profile(&renamed, 0).await), taken);
    let respelled = Profile { name: "BÜRO".into(), ..first };
    assert_eq!(acme.replace_profile(&respelled, 0).await.expect("its own name").name, "BÜRO");
    other.profile("Büro").await;
}

async fn a_profile_with_phones_is_not_deleted(kind: Kind) {
    let world = World::new(kind, 4).await;
    let acme = world.provider();
    let (main, spare) = (acme.profile("Main").await, acme.profile("Spare").await);
    for number in 1..=3 {
        acme.put_device(mac(number), "main").await.expect("a phone");
    }
    let failure = acme.delete_profile(&main.id).await.expect_err("phones go there");
    assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Conflict, "profile_in_use"));
    assert_eq!(failure.message, "3 phones go to this profile; send them to another first");

    for number in 1..=3 {
        acme.put_device(mac(number), &spare.id).await.expect("a phone");
    }
    acme.delete_profile(&main.id).await.expect("nobody goes there");
    let unknown = because(ErrorKind::NotFound, "unknown_profile");
    assert_eq!(refused(acme.delete_profile(&main.id).await), unknown);
    assert_eq!(refused(acme.get_profile(&main.id).await), unknown);
    acme.profile("Main").await;
}

async fn anothers_profile_is_as_unknown_as_none(kind: Kind) {
    let world = World::new(kind, 5).await;
    let (acme, stranger) = (world.provider(), world.provider());
    let made = acme.profile("Main").await;
    let nobodys = ProfileId::draw(&Randomness::seeded(99)).to_string();
    for id in [made.id.as_str(), nobodys.as_str(), "prf_x", ""] {
        let wanted = Profile { id: id.to_owned(), ..made.clone() };
        let failures = [
            stranger.get_profile(id).await.expect_err("unknown"),
            stranger.replace_profile(&wanted, 0).await.expect_err("unknown"),
            stranger.delete_profile(id).await.expect_err("unknown"),
        ];
        for failure in failures {
            assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::NotFound, "unknown_profile"), "{id}");
            assert_eq!(failure.message, "you have no such profile; list yours at /v1/profiles");
        }
    }
    assert_eq!(acme.get_profile(&made.id).await.expect("untouched"), made);
}

async fn what_no_phone_understands_is_refused_with_its_reason(kind: Kind) {
    let world = World::new(kind, 6).await;
    let acme = world.provider();
    let cases = [
        ("", vec![rule(RULE)], "invalid_profile_name"),
        ("a\u{200b}b", vec![rule(RULE)], "invalid_profile_name"),
        ("Main", vec![], "profile_rule_missing"),
        ("Main", vec![rule("[--key hunter2] ftp://nps.example/")], "invalid_rule"),
        ("Main", vec![rule(RULE), parameter("Upgrade_Rule", "/hunter2", "na")], "invalid_rule"),
        (
            "Main",
            vec![rule(RULE), parameter("Report_Rule", "https://hunter2/ https://b.example/", "na")],
            "invalid_rule",
        ),
        ("Main", vec![rule(RULE), rule("hunter2/")], "invalid_parameter"),
        ("Main", vec![rule(RULE), parameter("hunter2 is no name", "", "na")], "invalid_parameter"),
        ("Main", vec![rule(RULE), parameter("GPP_A", "hunter2\n", "na")], "invalid_parameter"),
        ("Main", vec![rule(RULE), parameter("GPP_A", "hunter2", "RW")], "invalid_parameter"),
        ("Main", vec![rule(RULE), parameter("GPP_A", &"hunter2".repeat(600), "rw")], "invalid_parameter"),
        ("Main", vec![rule(RULE); 201], "profile_too_large"),
    ];
    for (name, parameters, reason) in cases {
        let failure = acme.create_profile(name, parameters).await.expect_err(reason);
        assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Malformed, reason), "{}", failure.message);
        assert!(!failure.message.contains("hunter2"), "{}", failure.message);
    }
    let failure = acme.create_profile("Main", vec![rule("ftp://a/")]).await.expect_err("no rule");
    assert!(failure.message.starts_with("Profile_Rule: the scheme must be tftp"), "{}", failure.message);
    let nobody = crate::support::Provider { id: "acme".into(), ..acme };
    let invalid = because(ErrorKind::Malformed, "invalid_provider_id");
    assert_eq!(refused(nobody.create_profile("Main", vec![rule(RULE)]).await), invalid);
    assert_eq!(refused(nobody.get_profile("prf_x").await), invalid);
}

on_each_database!(
    a_profile_is_given_back_as_it_was_made,
    a_replaced_profile_reaches_its_phones_and_counts_up,
    names_are_taken_once_for_each_provider_whatever_their_case,
    a_profile_with_phones_is_not_deleted,
    anothers_profile_is_as_unknown_as_none,
    what_no_phone_understands_is_refused_with_its_reason,
);
