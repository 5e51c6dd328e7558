//! Where reports go, and what becomes of the phone when they do not arrive.

use phone::{Outcome, PhoneConfig, Step};

use crate::desk::{asking, profile, sending_to, switched_off, walk, walk_on};
use crate::stub::{Stub, ok, status};

fn reported(steps: &[Step]) -> Vec<(&'static str, u16)> {
    let report = |step: &Step| {
        let Step::Reported { event, status, .. } = step else { return None };
        Some((*event, *status))
    };
    steps.iter().filter_map(report).collect()
}

#[tokio::test]
async fn success_goes_to_the_place_that_sent_the_phone_and_the_next_one_to_the_new_place() {
    let nps = Stub::start(|seen| match seen.method.as_str() {
        "POST" => status(200),
        _ => ok(profile(&[("Report_Rule", &format!("http://{}/own", seen.header("host").expect("a host")))])),
    })
    .await;
    let rc = sending_to(&nps.url("/$MA.xml")).await;
    let mut phone = switched_off(asking(&rc));
    assert_eq!(walk_on(&mut phone).await.outcome(), Outcome::Acquired);
    assert_eq!((rc.posted().len(), nps.posted().len()), (1, 0));
    assert_eq!(walk_on(&mut phone).await.outcome(), Outcome::Resynced);
    assert_eq!((rc.posted().len(), nps.posted().len()), (1, 1));
}

#[tokio::test]
async fn a_refused_or_lost_report_does_not_stop_the_phone() {
    let nps = Stub::start(|_| ok(profile(&[]))).await;
    let rule = nps.url("/a");
    let refusing = Stub::start(move |seen| {
        if seen.method == "POST" {
            return status(401);
        }
        let here = format!("http://{}/r/hush", seen.header("host").expect("a host"));
        ok(profile(&[("Profile_Rule", &rule), ("Report_Rule", &here)]))
    })
    .await;
    let refused = walk(asking(&refusing)).await;
    assert_eq!(refused.outcome(), Outcome::Acquired);
    assert_eq!(reported(&refused.steps), [("resync_succeeded", 401)]);
    let rule = nps.url("/a");
    let lost = Stub::start(move |_| {
        ok(profile(&[("Profile_Rule", &rule), ("Report_Rule", "[--status]http://127.0.0.1:1/r/hush")]))
    })
    .await;
    let lost = walk(asking(&lost)).await;
    assert_eq!(lost.outcome(), Outcome::Acquired);
    assert!(lost.steps.iter().any(|step| matches!(step, Step::NotReported { event: "resync_succeeded", .. })));
    assert!(!lost.printed().contains("hush"));
}

#[tokio::test]
async fn a_factory_reset_is_reported_to_whom_the_phone_knew_and_then_everything_is_forgotten() {
    let nps = Stub::start(|_| ok(profile(&[]))).await;
    let rc = sending_to(&nps.url("/a")).await;
    let mut phone = switched_off(asking(&rc));
    walk_on(&mut phone).await;
    let mut steps = Vec::new();
    phone.factory_reset(&mut |step| steps.push(step)).await.expect("no file to fail");
    assert_eq!(rc.posted()[1], r#"{"event":"factory_reset"}"#);
    assert_eq!(reported(&steps), [("factory_reset", 200)]);
    assert_eq!(walk_on(&mut phone).await.states(), ["Open", "Pending", "Custom Pending", "Acquired"]);
    let mut blank = switched_off(PhoneConfig { ..asking(&rc) });
    let before = rc.seen().len();
    blank.factory_reset(&mut |_| {}).await.expect("no file to fail");
    assert_eq!(rc.seen().len(), before, "a fresh phone knows nobody to tell");
}
