//! The activation code screen.

use phone::{Outcome, PhoneConfig, Retries, Step};
use vocabulary::Secret;

use crate::desk::{MAC, asking, profile, provider, switched_off, walk_on};
use crate::stub::{Reply, Seen, Stub, ok, status};

const CODE: &str = "5414-0112-5617-3816";

/// Remote customization that says `first` to the question, and `then` to the code.
async fn answering(first: Reply, then: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Stub {
    Stub::start(move |seen| match seen.target.as_str() {
        "/activate" => then(seen),
        _ if seen.method == "GET" => first.clone(),
        _ => status(200),
    })
    .await
}

/// Switches the phone on, types the code, and gives outcome, states and everything printed.
async fn typing(config: PhoneConfig) -> (Outcome, Vec<&'static str>, String) {
    let mut phone = switched_off(config);
    let mut walk = walk_on(&mut phone).await;
    let steps = &mut walk.steps;
    let outcome = phone.type_code(&Secret::new(CODE.to_owned()), &mut |step| steps.push(step)).await;
    (outcome.expect("an outcome"), walk.states(), walk.printed())
}

#[tokio::test]
async fn a_code_leads_a_phone_without_a_provider_to_it() {
    let nps = provider(nps::Content::Template(nps::DEMONSTRATION.to_owned())).await;
    let rule = format!("http://{}/$MA.xml", nps.address());
    let rc = answering(status(200), move |_| ok(profile(&[("Profile_Rule", &rule)]))).await;
    let (outcome, states, printed) = typing(asking(&rc)).await;
    assert_eq!(outcome, Outcome::Acquired);
    assert_eq!(states, ["Open", "Pending", "Unavailable", "Custom Pending", "Acquired"]);
    let sent = format!(
        r#"{{"code":"{CODE}","mac":"{MAC}","model":"CP-7832-3PCC","serial":"FCH2034D0PL","firmware":"11.0.1"}}"#
    );
    assert_eq!(rc.posted()[0], sent);
    assert!(printed.contains("the user types an activation code") && !printed.contains("5414"), "{printed}");
    nps.stop().await;
}

#[tokio::test]
async fn the_code_screen_is_left_for_the_provider_and_its_reports() {
    let nps = provider(nps::Content::Template(nps::DEMONSTRATION.to_owned())).await;
    let rule = format!("http://{}/$MA.xml", nps.address());
    let rc = answering(ok(profile(&[("Profile_Rule", "gds://")])), move |seen| {
        let report = format!("[--status] http://{}/report/x", seen.header("host").expect("a host"));
        ok(profile(&[("Profile_Rule", &rule), ("Report_Rule", &report)]))
    })
    .await;
    let (outcome, states, _) = typing(asking(&rc)).await;
    assert_eq!((outcome, states), (Outcome::Acquired, vec!["Open", "Pending", "Custom Pending", "Acquired"]));
    assert_eq!(rc.targets()[1..], ["POST /activate", "POST /report/x"]);
    nps.stop().await;
}

#[tokio::test]
async fn a_refused_code_is_shown_as_the_real_phone_does() {
    for (reply, shows) in [
        ((403, Vec::new(), "whatever\n".to_owned()), "Invalid activation code"),
        ((400, Vec::new(), "not an activation code\nx".to_owned()), "not an activation code"),
    ] {
        let rc = answering(status(200), move |_| reply.clone()).await;
        let mut phone = switched_off(asking(&rc));
        let mut steps = walk_on(&mut phone).await.steps;
        let code = Secret::new(CODE.to_owned());
        let outcome = phone.type_code(&code, &mut |step| steps.push(step)).await.expect("an outcome");
        assert_eq!(outcome, Outcome::CodeRefused);
        assert!(steps.contains(&Step::CodeRefused { shows: shows.to_owned() }), "{steps:?}");
        assert_eq!(phone.state(), phone::State::Unavailable);
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let tried = std::sync::atomic::AtomicU32::new(0);
    let rc = answering(status(200), move |_| match tried.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => status(503),
        _ => status(200),
    })
    .await;
    let config = PhoneConfig { retries: Retries { count: 1, scale: 0.0 }, ..asking(&rc) };
    let (outcome, _, _) = typing(config).await;
    assert_eq!(outcome, Outcome::Unavailable);
    assert_eq!(rc.posted().len(), 2);
}
