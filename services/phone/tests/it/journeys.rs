//! From Open to Acquired or Unavailable, as remote customization answers.

use nps::{Content, DEMONSTRATION};
use phone::{Outcome, PhoneConfig, Retries, Step};

use crate::desk::{MAC, asking, fresh, profile, provider, sending_to, sending_with, switched_off, walk, walk_on};
use crate::stub::{Stub, ok, status};

#[tokio::test]
async fn a_phone_with_a_provider_is_acquired() {
    let nps = provider(Content::Template(DEMONSTRATION.to_owned())).await;
    let rc = sending_to(&format!("http://{}/$MA.xml", nps.address())).await;
    let walk = walk(asking(&rc)).await;
    assert_eq!(walk.outcome(), Outcome::Acquired);
    assert_eq!(walk.states(), ["Open", "Pending", "Custom Pending", "Acquired"]);
    let seen = rc.seen();
    assert_eq!(seen[0].target, "/software/edos/callhome/rc?id=00562B043615:FCH2034D0PL:CP-7832-3PCC&sw=11.0.1");
    assert_eq!(seen[0].header("user-agent"), Some("Cisco-CP-7832-3PCC/11.0.1 (00562b043615)"));
    let line = walk.printed();
    assert!(line.contains("User_ID_1_ = 00562b043615"), "{line}");
    assert_eq!(rc.posted(), [r#"{"event":"resync_succeeded","firmware":"11.0.1"}"#]);
    assert_eq!(seen[1].header("content-type"), Some("application/json"));
    nps.stop().await;
}

#[tokio::test]
async fn nothing_secret_is_printed() {
    let body =
        profile(&[("Password_1_", "hush"), ("Upgrade_Rule", "http://h/x?hush"), ("GPP_A", "hush"), ("A", "seen")]);
    let nps = Stub::start(move |_| ok(body.clone())).await;
    let rule = format!("[--key hush --uid hush --pwd hush] {}?token=hush", nps.url("/$MA.cfg"));
    let rc = sending_with(&rule, &[("User_Password", "hush")]).await;
    let walk = walk(asking(&rc)).await;
    assert_eq!(walk.outcome(), Outcome::Acquired);
    let printed = walk.printed();
    assert!(!printed.contains("hush"), "{printed}");
    assert!(printed.contains("A = seen") && printed.contains("Password_1_ = ****"), "{printed}");
    assert_eq!(nps.targets(), [format!("GET /{MAC}.cfg?token=hush")]);
    assert!(rc.targets()[1].ends_with("/report/hush"));
}

#[tokio::test]
async fn an_empty_answer_is_unavailable_and_the_phone_asks_again_when_switched_on_again() {
    let nps = provider(Content::Template(DEMONSTRATION.to_owned())).await;
    let rule = format!("http://{}/$MA.xml", nps.address());
    let asked = std::sync::atomic::AtomicU32::new(0);
    let rc = Stub::start(move |_| match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => status(200),
        _ => ok(profile(&[("Profile_Rule", &rule)])),
    })
    .await;
    let mut phone = switched_off(asking(&rc));
    let first = walk_on(&mut phone).await;
    assert_eq!((first.outcome(), first.states()), (Outcome::Unavailable, vec!["Open", "Pending", "Unavailable"]));
    let second = walk_on(&mut phone).await;
    assert_eq!(second.states(), ["Unavailable", "Pending", "Custom Pending", "Acquired"]);
    let third = walk_on(&mut phone).await;
    assert_eq!((third.outcome(), third.states()), (Outcome::Resynced, vec!["Acquired"]));
    assert_eq!(rc.seen().len(), 2, "an Acquired phone does not ask");
    nps.stop().await;
}

#[tokio::test]
async fn the_last_of_two_parameters_counts_and_entities_are_decoded() {
    let nps = Stub::start(|_| ok(profile(&[]))).await;
    let body = format!(
        "<!-- c --><flat-profile><Profile_Rule>http://127.0.0.1:1/wrong</Profile_Rule>\
         <Profile_Rule ua=\"rw\">\n {}?a=1&amp;m=$MA </Profile_Rule></flat-profile>",
        nps.url("/$(PN:3).xml")
    );
    let rc = Stub::start(move |_| ok(body.clone())).await;
    assert_eq!(walk(asking(&rc)).await.outcome(), Outcome::Acquired);
    assert_eq!(nps.targets(), [format!("GET /7832-3PCC.xml?a=1&m={MAC}")]);
}

#[tokio::test]
async fn a_whole_address_with_macros_is_asked_as_it_is() {
    let rc = Stub::start(|_| status(200)).await;
    let activate = Some(rc.url("/Cisco/$MA.cfg?serial=$SN"));
    let mut config = fresh();
    config.identity.serial = Some("A&B".to_owned());
    assert_eq!(walk(PhoneConfig { activate, ..config }).await.outcome(), Outcome::Unavailable);
    assert_eq!(rc.targets(), [format!("GET /Cisco/{MAC}.cfg?serial=A%26B")]);
}

#[tokio::test]
async fn no_usable_answer_is_trouble_and_the_phone_stays_pending() {
    let taken_back = profile(&[("Profile_Rule", "http://127.0.0.1:1/a"), ("Profile_Rule", "")]);
    let without_rule = profile(&[("Upgrade_Enable", "Yes")]);
    for reply in [status(503), status(404), ok("oops"), ok(without_rule), ok(taken_back), ok(" ")] {
        let rc = Stub::start(move |_| reply.clone()).await;
        let walk = walk(PhoneConfig { retries: Retries { count: 2, scale: 0.0 }, ..asking(&rc) }).await;
        assert!(walk.outcome.is_err());
        assert_eq!(walk.states(), ["Open", "Pending"]);
        let delays: Vec<_> = walk.failures().into_iter().map(|(_, _, delay)| delay).collect();
        assert_eq!(delays, [Some(60), Some(120), Some(240)]);
        assert_eq!(rc.seen().len(), 3);
    }
}

#[tokio::test]
async fn without_a_server_to_ask_there_is_trouble() {
    for (activate, hint) in [(None, "--activate"), (Some("localhost:8443"), "https://")] {
        let config = PhoneConfig { activate: activate.map(str::to_owned), ..fresh() };
        let trouble = walk(config).await.outcome.expect_err("trouble").to_string();
        assert!(trouble.contains(hint), "{trouble}");
    }
}

#[tokio::test]
async fn a_gds_rule_ends_at_the_code_screen() {
    let rc = sending_to("gds://").await;
    let walk = walk(asking(&rc)).await;
    assert_eq!((walk.outcome(), walk.states()), (Outcome::CodeScreen, vec!["Open", "Pending", "Custom Pending"]));
    assert!(walk.printed().contains("shows its activation code screen"));
    assert!(rc.posted().is_empty(), "neither success nor failure");
}

#[tokio::test]
async fn conditions_choose_the_address_and_assignments_are_made() {
    let nps = Stub::start(|_| ok(profile(&[]))).await;
    let rule = format!(
        "(\"$SWVER\" eq \"12.0.1\")? {} | ($SWVER lt 12.0 and \"$PN\" ne \"\")? (GPP_B = \"b-$MA\";)! [--post b] {} | {}",
        nps.url("/equal"),
        nps.url("/older"),
        nps.url("/else")
    );
    let rc = sending_to(&rule).await;
    assert_eq!(walk(asking(&rc)).await.outcome(), Outcome::Acquired);
    assert_eq!(nps.targets(), ["POST /older"]);
    assert_eq!(nps.posted(), [format!("b-{MAC}")]);
}

#[tokio::test]
async fn further_profile_rules_are_followed_in_order_and_the_first_failure_ends_the_resync() {
    let nps = Stub::start(|seen| match seen.target.as_str() {
        "/a" => ok(profile(&[("Learned", "yes")])),
        "/b" => status(404),
        _ => ok(profile(&[])),
    })
    .await;
    let (rule_b, rule_c) = (nps.url("/b"), nps.url("/c"));
    let rc = sending_with(&nps.url("/a"), &[("Profile_Rule_B", &rule_b), ("Profile_Rule_C", &rule_c)]).await;
    let walk = walk(asking(&rc)).await;
    assert_eq!(walk.outcome(), Outcome::ResyncFailed);
    assert_eq!(nps.targets(), ["GET /a", "GET /b"]);
    let downloads = walk.steps.iter().filter(|step| matches!(step, Step::Downloaded { .. })).count();
    assert_eq!(downloads, 1);
}
