//! What the audit log keeps of each change: who, what, to what; and no secret.

use std::time::Duration;

use contracts::redirection::{
    ChangeRangeRequest, CreateProfileRequest, DeleteRangeRequest, Profile, Proof, SealFormat, SetProviderPolicyRequest,
};
use rpc::{Actor, within_as};
use storage::testing::Kind;
use storage::{Db, on, on_each_database};

use crate::support::{RULE, World, mac, rule};

/// Every act: verb, target, subject, and the detail.
async fn acts(world: &World) -> Vec<(String, String, String, String)> {
    let db = Db::open_as_it_is(world.database.place()).await.expect("the database");
    let rows = "SELECT verb, target, subject, detail FROM act ORDER BY number";
    let acts =
        on!(db.read().await.expect("a reader"), conn => sqlx::query_as(rows).fetch_all(conn).await).expect("the acts");
    audit::verify(&db, None).await.expect("an unbroken chain");
    acts
}

async fn every_change_is_kept_with_who_made_it(kind: Kind) {
    let world = World::new(kind, 1).await;
    let acme = world.provider();
    let actor = Actor {
        subject: "cli_someone".to_owned(),
        tenant: acme.id.clone(),
        source: "192.0.2.7".to_owned(),
        request_id: "r-1".to_owned(),
    };
    let request = CreateProfileRequest {
        provider_id: acme.id.clone(),
        name: "Main".into(),
        parameters: vec![rule("[--key Zebra] https://nps.example/")],
        proof: Proof::Serial.into(),
    };
    let made = acme.client.clone().create_profile(within_as(&actor, Duration::from_secs(10), request)).await;
    let made: Profile = made.expect("a profile").into_inner().profile.expect("a profile");
    acme.replace_profile(&made, 0).await.expect("the profile");
    let spare = acme.create_profile("Spare", vec![rule(RULE)]).await.expect("a profile");
    acme.delete_profile(&spare.id).await.expect("deleted");
    let range = acme.create_range("Main", (mac(100), mac(199))).await.expect("a block");
    let (provider_id, range_id) = (acme.id.clone(), range.id.clone());
    let change = ChangeRangeRequest { provider_id: provider_id.clone(), range_id, profile: "Main".into() };
    acme.client.clone().change_range(change).await.expect("the block");
    let delete = DeleteRangeRequest { provider_id: provider_id.clone(), range_id: range.id.clone() };
    acme.client.clone().delete_range(delete).await.expect("deleted");
    let policy = SetProviderPolicyRequest { provider_id, policy: None };
    acme.client.clone().set_provider_policy(policy).await.expect("a policy");
    for frozen in [true, true, false, false] {
        acme.set_frozen(frozen).await.expect("frozen or not");
    }
    acme.put_device(mac(1), "Main").await.expect("a phone");
    acme.set_key(mac(1), SealFormat::Aes256cbc, b"Zebra of the phone's").await.expect("a key");

    let acts = acts(&world).await;
    assert_eq!((acts[0].2.as_str(), acts[1].2.as_str()), ("cli_someone", "service:gateway"));
    assert!(acts[0].3.contains("Profile_Rule") && acts[0].3.contains("serial"), "{}", acts[0].3);
    assert!(acts.iter().all(|act| !act.3.contains("Zebra")));
    let phone = format!("{:012x}", mac(1));
    let expected = [
        ("profile.create", made.id.as_str()),
        ("profile.replace", &made.id),
        ("profile.create", &spare.id),
        ("profile.delete", &spare.id),
        ("range.create", &range.id),
        ("range.change", &range.id),
        ("range.delete", &range.id),
        ("provider.policy", &acme.id),
        ("provider.freeze", &acme.id),
        ("provider.thaw", &acme.id),
        ("device.key", &phone),
    ];
    let kept: Vec<_> = acts.iter().map(|act| (act.0.as_str(), act.1.as_str())).collect();
    let kept: Vec<_> = kept.into_iter().filter(|(verb, _)| *verb != "device.put").collect();
    assert_eq!(kept, expected);
}

async fn what_is_refused_leaves_no_act(kind: Kind) {
    let world = World::new(kind, 2).await;
    let acme = world.provider();
    acme.profile("Main").await;
    acme.create_profile("Main", vec![rule(RULE)]).await.expect_err("the name is taken");
    acme.delete_profile("prf_00000000000000000000").await.expect_err("there is none");
    acme.create_range("None", (mac(1), mac(2))).await.expect_err("no profile");
    assert_eq!(acts(&world).await.len(), 1);
}

on_each_database!(every_change_is_kept_with_who_made_it, what_is_refused_leaves_no_act,);
