//! The chapter's Table 2: what the phone does for each HTTP status, and when it tries again.

use http::{HeaderValue, StatusCode, header};
use nps::{Answer, Content, DEMONSTRATION};
use phone::{Class, Credentials, Outcome, PhoneConfig, Retries};
use vocabulary::Secret;

use crate::desk::{Walk, asking, guarded_provider, profile, provider, sending_to, sending_with, walk};
use crate::stub::{Reply, Stub, ok, status, with_header};

/// Walks a phone whose provider's server answers so.
async fn against(script: impl Fn(&crate::stub::Seen) -> Reply + Send + Sync + 'static) -> (Walk, Stub, Stub) {
    let nps = Stub::start(script).await;
    let rc = sending_to(&nps.url("/$MA.xml")).await;
    (walk(asking(&rc)).await, nps, rc)
}

#[tokio::test]
async fn every_other_status_is_a_failure_of_its_class() {
    let codes = [204, 300, 303, 304, 307, 308, 400, 403, 404, 410, 418, 429, 500, 501, 502, 503, 504, 599];
    for code in codes {
        // Where it may not be followed, a Location leads to a profile that must not be downloaded.
        let answer = Answer::status(StatusCode::from_u16(code).expect("a status"))
            .with_header(header::LOCATION, HeaderValue::from_static("/elsewhere"));
        let nps = provider(Content::Script(vec![answer, Answer::profile(profile(&[]))])).await;
        let rc = sending_to(&format!("http://{}/$MA.xml", nps.address())).await;
        let walk = walk(asking(&rc)).await;
        let class = if code == 404 { Class::B } else { Class::C };
        assert_eq!(walk.failures(), [(class, Some(code), Some(60))]);
        assert_eq!((walk.outcome(), walk.state.name()), (Outcome::ResyncFailed, "Custom Pending"));
        let letter = if code == 404 { "B" } else { "C" };
        let report = format!(
            r#"{{"event":"resync_failed","class":"{letter}","status":{code},"retry_in_seconds":60,"firmware":"11.0.1"}}"#
        );
        assert_eq!(rc.posted(), [report]);
        nps.stop().await;
    }
}

#[tokio::test]
async fn a_corrupt_profile_is_class_b() {
    for body in [
        "",
        "oops",
        "<html></html>",
        "<flat-profile>",
        "Salted__12345678",
        "<flat-profile><A>&oops;</A></flat-profile>",
    ] {
        let (walk, ..) = against(move |_| ok(body)).await;
        assert_eq!(walk.failures(), [(Class::B, Some(200), Some(60))], "{body}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_class_c() {
    let gone = provider(Content::Script(Vec::new())).await;
    let address = gone.address();
    gone.stop().await;
    let garbage = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let garbage_at = garbage.local_addr().expect("an address");
    let hanging_up = tokio::spawn(async move { while garbage.accept().await.is_ok() {} });
    for rule in [
        format!("http://{address}/a"),
        format!("http://{garbage_at}/a"),
        "/7832.xml".to_owned(),
        "ftp://h/a".to_owned(),
    ] {
        let rc = sending_to(&rule).await;
        let walk = walk(asking(&rc)).await;
        assert_eq!(walk.failures(), [(Class::C, None, Some(60))], "{rule}");
        assert!(rc.posted()[0].contains(r#""class":"C","status":null"#));
    }
    hanging_up.abort();
}

#[tokio::test]
async fn a_rule_that_cannot_be_read_or_does_not_apply_is_class_c() {
    for rule in
        ["[--key hush http://h/a", "(\"a\" eq \"b\")? http://127.0.0.1:1/a", "[--srv] https://example.com/$PSN.xml"]
    {
        let rc = sending_to(rule).await;
        let walk = walk(asking(&rc)).await;
        assert_eq!(walk.failures(), [(Class::C, None, Some(60))], "{rule}");
        assert!(!walk.printed().contains("hush"));
    }
}

#[tokio::test]
async fn redirects_are_followed_at_once() {
    let (walk, nps, _rc) = against(|seen| match seen.target.as_str() {
        "/00562b043615.xml" => with_header(301, "location", "/there/first.xml"),
        "/there/first.xml" => with_header(302, "location", "second.xml?x=1"),
        "/there/second.xml?x=1" => ok(profile(&[])),
        _ => status(404),
    })
    .await;
    assert_eq!(walk.outcome(), Outcome::Acquired);
    assert_eq!(nps.seen().len(), 3);
    assert!(walk.failures().is_empty());
}

#[tokio::test]
async fn ten_redirects_are_followed_and_an_eleventh_is_class_c() {
    for (redirects, arrives) in [(10, true), (11, false)] {
        let (walk, nps, _rc) = against(move |seen| {
            let count: u32 = seen.target.strip_prefix("/r").and_then(|count| count.parse().ok()).unwrap_or(0);
            if count < redirects { with_header(302, "location", format!("/r{}", count + 1)) } else { ok(profile(&[])) }
        })
        .await;
        assert_eq!(walk.outcome() == Outcome::Acquired, arrives);
        assert_eq!(nps.seen().len(), 11);
    }
    let (walk, nps, _rc) = against(|seen| with_header(301, "location", seen.target.clone())).await;
    assert_eq!((walk.failures(), nps.seen().len()), (vec![(Class::C, Some(301), Some(60))], 11));
    let (walk, ..) = against(|_| status(302)).await;
    assert_eq!(walk.failures(), [(Class::C, Some(302), Some(60))]);
}

#[tokio::test]
async fn the_rules_own_user_and_password_open_the_door() {
    let login = Some(("00562b043615".to_owned(), "open sesame".to_owned()));
    let nps = guarded_provider(Content::Template(DEMONSTRATION.to_owned()), login).await;
    let rule = format!("[--uid $MA --pwd $SA] http://{}/$MA.xml", nps.address());
    let rc = sending_with(&rule, &[("GPP_SA", "open sesame")]).await;
    let walk = walk(asking(&rc)).await;
    assert_eq!(walk.outcome(), Outcome::Acquired);
    assert!(!walk.printed().contains("sesame"));
    nps.stop().await;
}

#[tokio::test]
async fn credentials_are_shown_twice_and_then_it_is_class_c() {
    for (code, challenge, header) in
        [(401, "www-authenticate", "authorization"), (407, "proxy-authenticate", "proxy-authorization")]
    {
        let nps = Stub::start(move |_| with_header(code, challenge, "Digest realm=\"x\", Basic realm=\"y\"")).await;
        let rc = sending_to(&nps.url("/a")).await;
        let credentials =
            Some(Credentials { user: "Aladdin".to_owned(), password: Secret::new("open sesame".to_owned()) });
        let walk = walk(PhoneConfig { credentials, ..asking(&rc) }).await;
        assert_eq!(walk.failures(), [(Class::C, Some(code), Some(60))]);
        let shown: Vec<_> = nps.seen().iter().map(|seen| seen.header(header).map(str::to_owned)).collect();
        // RFC 7617, section 2: the credentials of its example.
        let basic = Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned());
        assert_eq!(shown, [None, basic.clone(), basic]);
    }
}

#[tokio::test]
async fn without_credentials_or_basic_the_phone_does_not_try_again() {
    let (walk, nps, _rc) = against(|_| with_header(401, "www-authenticate", "Basic realm=\"x\"")).await;
    assert_eq!((walk.failures(), nps.seen().len()), (vec![(Class::C, Some(401), Some(60))], 1));
    let nps = Stub::start(|_| with_header(401, "www-authenticate", "Digest realm=\"basic\", qop=\"auth\"")).await;
    let rc = sending_to(&format!("[--uid u --pwd p] {}", nps.url("/a"))).await;
    let walk = walk_once(&rc).await;
    assert_eq!((walk.failures(), nps.seen().len()), (vec![(Class::C, Some(401), Some(60))], 1));
    assert!(walk.printed().contains("no Basic authentication"));
}

async fn walk_once(rc: &Stub) -> Walk {
    walk(asking(rc)).await
}

#[tokio::test]
async fn a_password_is_not_carried_to_another_server() {
    let stranger = Stub::start(|_| with_header(401, "www-authenticate", "Basic realm=\"give\"")).await;
    let elsewhere = stranger.url("/a");
    let nps = Stub::start(move |seen| match seen.header("authorization") {
        None => with_header(401, "www-authenticate", "Basic realm=\"x\""),
        Some(_) => with_header(302, "location", elsewhere.clone()),
    })
    .await;
    let rc = sending_to(&format!("[--uid u --pwd hush] {}", nps.url("/a"))).await;
    let walk = walk(asking(&rc)).await;
    assert_eq!(walk.failures(), [(Class::C, Some(401), Some(60))]);
    assert_eq!(stranger.seen().len(), 1);
    assert_eq!(stranger.seen()[0].header("authorization"), None);
}

#[tokio::test]
async fn retries_follow_the_profiles_delays_and_success_ends_them() {
    let nps = provider(Content::Script(vec![
        Answer::status(StatusCode::NOT_FOUND),
        Answer::status(StatusCode::SERVICE_UNAVAILABLE),
        Answer::profile(profile(&[])),
    ]))
    .await;
    let rule = format!("http://{}/a?$PRVST", nps.address());
    let rc = sending_with(&rule, &[("Resync_Error_Retry_Delay", "5,7+0")]).await;
    let walk = walk(PhoneConfig { retries: Retries { count: 9, scale: 0.0 }, ..asking(&rc) }).await;
    assert_eq!(walk.outcome(), Outcome::Acquired);
    assert_eq!(walk.failures(), [(Class::B, Some(404), Some(5)), (Class::C, Some(503), Some(7))]);
    let events: Vec<bool> = rc.posted().iter().map(|body| body.contains("resync_succeeded")).collect();
    assert_eq!(events, [false, false, true]);
    assert_eq!(rc.targets().iter().filter(|target| target.starts_with("GET")).count(), 1, "RC is asked once");
    nps.stop().await;
}

#[tokio::test]
async fn a_delay_of_zero_ends_the_retries() {
    let nps = Stub::start(|_| status(404)).await;
    let rc = sending_with(&nps.url("/a?$PRVST"), &[("Resync_Error_Retry_Delay", "1,0")]).await;
    let walk = walk(PhoneConfig { retries: Retries { count: 9, scale: 0.0 }, ..asking(&rc) }).await;
    assert_eq!(walk.failures(), [(Class::B, Some(404), Some(1)), (Class::B, Some(404), None)]);
    assert_eq!(nps.targets(), ["GET /a?0", "GET /a?2"]);
    assert!(rc.posted()[1].contains(r#""retry_in_seconds":null"#));
}

#[tokio::test]
async fn a_profile_by_tftp_is_a_profile() {
    let server = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let rc = sending_to(&format!("{}/$MA.cfg", server.local_addr().expect("an address"))).await;
    let answering = async {
        let mut buffer = [0; 600];
        let (length, phone) = server.recv_from(&mut buffer).await.expect("a request");
        assert_eq!(&buffer[..length], b"\0\x01/00562b043615.cfg\0octet\0");
        let data = [&[0, 3, 0, 1], profile(&[("A", "by tftp")]).as_bytes()].concat();
        server.send_to(&data, phone).await.expect("sent");
    };
    let (walk, ()) = tokio::join!(walk(asking(&rc)), answering);
    assert_eq!(walk.outcome(), Outcome::Acquired);
    assert!(walk.printed().contains("A = by tftp"));
}
