//! The branches that end in Aborted: DHCP first, or a user before the phone is Acquired.

use nps::{Content, DEMONSTRATION};
use phone::{Class, HandProvision, Memory, Outcome, PhoneConfig};

use crate::desk::{asking, fresh, profile, provider, sending_to, switched_off, walk, walk_on};
use crate::stub::{Stub, ok, status};

#[tokio::test]
async fn a_profile_from_dhcp_ends_the_journey_before_anybody_is_asked() {
    let nps = provider(Content::Template(DEMONSTRATION.to_owned())).await;
    let rc = sending_to("http://127.0.0.1:1/never").await;
    let dhcp_profile = Some(format!("http://{}/$MA.cfg", nps.address()));
    let mut phone = switched_off(PhoneConfig { dhcp_profile, ..asking(&rc) });
    let first = walk_on(&mut phone).await;
    assert_eq!((first.outcome(), first.states()), (Outcome::ProvisionedByDhcp, vec!["Open", "Aborted"]));
    let again = walk_on(&mut phone).await;
    assert_eq!((again.outcome(), again.states()), (Outcome::Resynced, vec!["Aborted"]));
    assert!(rc.seen().is_empty());
    nps.stop().await;
}

#[tokio::test]
async fn a_dhcp_profile_that_names_a_place_for_reports_is_reported() {
    let rc = Stub::start(|seen| match seen.method.as_str() {
        "POST" => status(200),
        _ => ok(profile(&[("Report_Rule", &format!("http://{}/r", seen.header("host").expect("a host")))])),
    })
    .await;
    let config = PhoneConfig { dhcp_profile: Some(rc.url("/dhcp.cfg")), ..fresh() };
    assert_eq!(walk(config).await.outcome(), Outcome::ProvisionedByDhcp);
    assert_eq!(rc.posted(), [r#"{"event":"provisioned_by_dhcp"}"#]);
}

#[tokio::test]
async fn a_dhcp_profile_that_does_not_download_changes_nothing() {
    let nps = provider(Content::Template(DEMONSTRATION.to_owned())).await;
    let rc = sending_to(&format!("http://{}/$MA.xml", nps.address())).await;
    let corrupt = Stub::start(|_| ok("oops")).await;
    for (rule, class) in [(corrupt.url("/a"), Class::B), (rc.url("/missing").replace("http", "ftp"), Class::C)] {
        let walk = walk(PhoneConfig { dhcp_profile: Some(rule), ..asking(&rc) }).await;
        assert_eq!(walk.states(), ["Open", "Pending", "Custom Pending", "Acquired"]);
        assert_eq!(walk.failures().len(), 1);
        assert_eq!(walk.failures()[0].0, class);
    }
    nps.stop().await;
}

#[tokio::test]
async fn a_dhcp_rule_that_failed_is_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nvram.json");
    let nobody = Stub::start(|_| status(200)).await;
    let memory = Memory::kept_in(&file).await.expect("a memory");
    let dhcp_profile = Some("http://127.0.0.1:1/from-dhcp".to_owned());
    let walk = walk(PhoneConfig { dhcp_profile, memory, ..asking(&nobody) }).await;
    assert_eq!(walk.outcome(), Outcome::Unavailable);
    assert!(!std::fs::read_to_string(&file).expect("a file").contains("from-dhcp"));
}

#[tokio::test]
async fn a_rule_typed_in_before_the_resync_takes_its_place() {
    let never = Stub::start(|_| ok(profile(&[]))).await;
    let own = Stub::start(|_| ok(profile(&[("Station_Name", "Mine")]))).await;
    let rc = sending_to(&never.url("/provider.xml")).await;
    let hand_provision = Some(HandProvision::ProfileRule(own.url("/mine.xml?$PRVST")));
    let walk = walk(PhoneConfig { hand_provision, ..asking(&rc) }).await;
    assert_eq!(walk.outcome(), Outcome::ProvisionedByHand);
    assert_eq!(walk.states(), ["Open", "Pending", "Custom Pending", "Aborted"]);
    assert_eq!(own.targets(), ["GET /mine.xml?-1"]);
    assert!(never.seen().is_empty());
    assert_eq!(rc.posted(), [r#"{"event":"provisioned_by_hand","where":"lcd"}"#]);
}

#[tokio::test]
async fn a_typed_rule_that_fails_leaves_the_phone_custom_pending() {
    let own = Stub::start(|_| status(404)).await;
    let rc = sending_to("http://127.0.0.1:1/provider.xml").await;
    let hand_provision = Some(HandProvision::ProfileRule(own.url("/mine.xml")));
    let walk = walk(PhoneConfig { hand_provision, ..asking(&rc) }).await;
    assert_eq!((walk.outcome(), walk.state.name()), (Outcome::ResyncFailed, "Custom Pending"));
    assert!(rc.posted()[0].contains("resync_failed"));
}

#[tokio::test]
async fn settings_typed_in_need_no_download_and_no_answer() {
    let rc = sending_to("http://127.0.0.1:1/provider.xml").await;
    let by_hand = |config| PhoneConfig { hand_provision: Some(HandProvision::Settings), ..config };
    let answered = walk(by_hand(asking(&rc))).await;
    assert_eq!(answered.states(), ["Open", "Pending", "Custom Pending", "Aborted"]);
    assert_eq!(rc.posted(), [r#"{"event":"provisioned_by_hand","where":"lcd"}"#]);
    let nobody = Stub::start(|_| status(200)).await;
    assert_eq!(walk(by_hand(asking(&nobody))).await.states(), ["Open", "Pending", "Unavailable", "Aborted"]);
    assert!(nobody.posted().is_empty(), "it holds no Report_Rule");
    let away = Stub::start(|_| status(503)).await;
    assert_eq!(walk(by_hand(asking(&away))).await.states(), ["Open", "Pending", "Aborted"]);
    assert_eq!(walk(by_hand(fresh())).await.states(), ["Open", "Aborted"]);
}
