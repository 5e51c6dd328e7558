//! What survives when the power is cut.

use std::os::unix::fs::PermissionsExt;

use phone::{Memory, MemoryError, Outcome, PhoneConfig, State};

use crate::desk::{asking, fresh, profile, sending_to, switched_off, walk};
use crate::stub::{Stub, ok, status};

#[tokio::test]
async fn an_acquired_phone_only_resyncs_until_it_is_reset() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nvram.json");
    let nps = Stub::start(|_| ok(profile(&[]))).await;
    let rc = sending_to(&nps.url("/$MA.xml?$ISCUST")).await;
    let kept = || async { Memory::kept_in(&file).await.expect("a memory") };
    assert_eq!(walk(PhoneConfig { memory: kept().await, ..asking(&rc) }).await.outcome(), Outcome::Acquired);
    let mode = std::fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the parameters hold passwords");
    assert_eq!(kept().await.state(), State::Acquired);

    // Another process, without a server to ask.
    let again = walk(PhoneConfig { memory: kept().await, ..fresh() }).await;
    assert_eq!((again.outcome(), again.states()), (Outcome::Resynced, vec!["Acquired"]));
    assert_eq!(nps.targets(), ["GET /00562b043615.xml?0", "GET /00562b043615.xml?1"]);

    let mut phone = switched_off(PhoneConfig { memory: kept().await, ..fresh() });
    phone.factory_reset(&mut |_| {}).await.expect("the file is ours");
    assert_eq!(kept().await.state(), State::Open);
    assert!(!std::fs::read_to_string(&file).expect("a file").contains("Profile_Rule"));
}

#[tokio::test]
async fn a_phone_that_failed_asks_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nvram.json");
    let nps = Stub::start(|_| status(404)).await;
    let rc = sending_to(&nps.url("/$MA.xml")).await;
    let config = || async { PhoneConfig { memory: Memory::kept_in(&file).await.expect("a memory"), ..asking(&rc) } };
    assert_eq!(walk(config().await).await.states(), ["Open", "Pending", "Custom Pending"]);
    assert_eq!(walk(config().await).await.states(), ["Custom Pending", "Pending", "Custom Pending"]);
}

#[tokio::test]
async fn a_file_that_is_no_memory_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("notes.txt");
    for text in [
        "buy milk",
        "{\"state\":\"Open\"}",
        "{\"state\":\"Ope\",\"parameters\":{}}",
        "{\"state\":\"Open\",\"parameters\":{},\"x\":1}",
    ] {
        std::fs::write(&file, text).expect("a file");
        let refusal = Memory::kept_in(&file).await.expect_err("not a memory");
        assert!(matches!(refusal, MemoryError::Foreign { .. }), "{refusal}");
        assert_eq!(std::fs::read_to_string(&file).expect("a file"), text);
    }
    let unreadable = Memory::kept_in(folder.path()).await.expect_err("a folder");
    assert!(matches!(unreadable, MemoryError::Unreadable { .. }), "{unreadable}");
    let nowhere = Memory::kept_in(&folder.path().join("no/such/file")).await.expect("as good as fresh");
    let mut phone = switched_off(PhoneConfig { memory: nowhere, ..fresh() });
    assert!(phone.factory_reset(&mut |_| {}).await.is_err());
}
