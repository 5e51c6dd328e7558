//! Who is let in, what a caller learns when nobody answers, and that certificates can be exchanged.

use rpc::{Failure, Peer, name_of};
use tonic::{Code, Status};
use vocabulary::ErrorKind;

use crate::authority::Authority;
use crate::process::{Process, RESOLVE as PATH, call, caller, road as to};

fn kind_of(code: Code) -> ErrorKind {
    Failure::from(Status::new(code, "")).kind
}

#[tokio::test]
async fn a_listed_caller_is_served_and_others_are_told_that_they_may_not() {
    let authority = Authority::new("mesh");
    let process = Process::start(&authority, &[&authority]).await;
    let road = |name: &str| {
        let credentials = caller(&authority, &[&authority], name);
        to(Peer::Redirection, &[process.place()], &credentials)
    };
    let served = call(&road(&name_of(Peer::Gateway)), PATH).await;
    assert_eq!((served.kind, served.message.as_str()), (ErrorKind::NotFound, "served"));
    assert_eq!(call(&road(&name_of(Peer::Onboarding)), PATH).await.kind, ErrorKind::NotFound);
    // A peer that is not on the list of this service, and names that are no peers.
    for name in [&name_of(Peer::Accounts), "gateway", "gateway.dialtone.example", "x.gateway.dialtone.internal"] {
        assert_eq!(call(&road(name), PATH).await.kind, kind_of(Code::PermissionDenied), "{name}");
    }
    let unlisted = call(&road(&name_of(Peer::Gateway)), "/dialtone.accounts.v1.AccountsService/LogIn").await;
    assert_eq!(unlisted.kind, kind_of(Code::Unimplemented));
    assert_eq!(process.calls(), 2, "nobody else reached the service");
    process.end().await;
}

#[tokio::test]
async fn whoever_cannot_be_verified_finds_the_service_unavailable() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let process = Process::start(&ours, &[&ours]).await;
    let gateway = name_of(Peer::Gateway);
    let places = [process.place()];
    // A certificate of a foreign authority; a server of a foreign authority; a server of another name.
    let cases = [
        (Peer::Redirection, caller(&theirs, &[&ours], &gateway)),
        (Peer::Redirection, caller(&ours, &[&theirs], &gateway)),
        (Peer::Accounts, caller(&ours, &[&ours], &gateway)),
    ];
    for (number, (peer, credentials)) in cases.into_iter().enumerate() {
        let road = to(peer, &places, &credentials);
        assert_eq!(call(&road, PATH).await.kind, ErrorKind::Unavailable, "case {number}");
    }
    assert_eq!(process.calls(), 0);
    process.end().await;
}

#[tokio::test]
async fn the_next_of_several_is_called_and_one_that_is_away_is_passed_over() {
    let authority = Authority::new("mesh");
    let (one, other) =
        (Process::start(&authority, &[&authority]).await, Process::start(&authority, &[&authority]).await);
    let credentials = caller(&authority, &[&authority], &name_of(Peer::Gateway));
    let road = to(Peer::Redirection, &[one.place(), other.place()], &credentials);
    for _ in 0..10 {
        assert_eq!(call(&road, PATH).await.kind, ErrorKind::NotFound);
    }
    let counts = [&one, &other].map(Process::calls);
    assert_eq!(counts, [5, 5]);
    let place = one.place();
    one.end().await;
    for _ in 0..10 {
        assert_eq!(call(&road, PATH).await.kind, ErrorKind::NotFound, "{place} is gone");
    }
    assert_eq!(other.calls(), 15);
    other.end().await;
    assert_eq!(call(&road, PATH).await.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn certificates_are_exchanged_while_everything_runs() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let process = Process::start(&old, &[&old]).await;
    let road = |authority, believed: &[&Authority]| {
        let credentials = caller(authority, believed, &name_of(Peer::Gateway));
        to(Peer::Redirection, &[process.place()], &credentials)
    };
    let open = road(&old, &[&old]);
    assert_eq!(call(&open, PATH).await.kind, ErrorKind::NotFound);
    assert_eq!(call(&road(&new, &[&old, &new]), PATH).await.kind, ErrorKind::Unavailable);
    assert!(!process.credentials.reload().expect("the same files"), "nothing has changed");

    // Half-written files leave everything as it was.
    let certificate = process.folder.path().join("certificate.pem");
    let whole = std::fs::read(&certificate).expect("a file");
    std::fs::write(&certificate, &whole[..whole.len() / 2]).expect("a file");
    assert!(process.credentials.reload().is_err());
    assert_eq!(call(&road(&old, &[&old]), PATH).await.kind, ErrorKind::NotFound);

    new.write(process.folder.path(), &name_of(Peer::Redirection), &[&old, &new]);
    assert!(process.credentials.reload().expect("new files"));
    for (number, road) in [road(&new, &[&old, &new]), road(&old, &[&old, &new])].iter().enumerate() {
        assert_eq!(call(road, PATH).await.kind, ErrorKind::NotFound, "road {number}");
    }
    assert_eq!(
        call(&road(&old, &[&old]), PATH).await.kind,
        ErrorKind::Unavailable,
        "it does not believe the new authority"
    );
    assert_eq!(call(&open, PATH).await.kind, ErrorKind::NotFound, "an open connection stays");
    process.end().await;
}
