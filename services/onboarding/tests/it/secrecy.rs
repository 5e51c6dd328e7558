//! No code in anything that is written about it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use contracts::onboarding::{CreatePersonalCodesRequest, Limits};
use tracing_subscriber::fmt::format::FmtSpan;

use crate::support::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_code_is_ever_logged_and_a_search_is() {
    let log = Log::default();
    let kept = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || kept.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let world = World::lenient().await;
    let acme = world.provider().await;
    let code = acme.directory("918273", Limits { registered_only: true, ..Limits::default() }).await;
    let made = acme.personal(CreatePersonalCodesRequest { count: 3, ..Default::default() }).await.expect("codes");
    for phone in 1..=30 {
        assert_refused(world.typed("#918273", phone).await);
    }
    for code in &made.codes {
        world.typed(&code.digits, 40).await.expect("redeemed");
        assert_refused(world.typed(&code.digits, 41).await);
    }
    assert_refused(world.typed("5414011256173816", 42).await);
    world.typed("5414011256173816x", 42).await.expect_err("malformed");

    // By then searches have been looked for.
    world.service.close().await;
    let log = String::from_utf8(log.0.lock().expect("the log").clone()).expect("text");
    // Statements are logged with their text; so the log is not empty where something could have leaked.
    assert!(log.contains("onboarding.redeem") && log.contains("db.attempt.note"), "{log}");
    for secret in made.codes.iter().map(|code| code.digits.as_str()).chain(["918273", "5414011256173816"]) {
        assert!(!log.contains(secret), "{secret} was logged");
    }
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("look like a search")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings.iter().all(|line| line.contains(&code.id) && line.contains("WARN")));
}
