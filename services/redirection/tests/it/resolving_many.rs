//! Phones' questions in batches.

use contracts::redirection::short_answer::Answer;
use contracts::redirection::{
    RefusalReason, ResolveManyRequest, ResolveManyResponse, ResolveRequest, SealFormat, ShortAnswer,
};
use redirection::Redirection;
use rpc::{Peer, Stopping};
use storage::on_each_database;
use storage::testing::Kind;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status, Streaming};

use crate::support::{RULE, World, client, mac, parameter, rule};

/// One call that lasts.
struct Call {
    batches: mpsc::Sender<ResolveManyRequest>,
    answers: Streaming<ResolveManyResponse>,
    next: u64,
    stop: watch::Sender<bool>,
}

impl Call {
    async fn begin(service: &Redirection) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (batches, sent) = mpsc::channel(4);
        let mut call = Request::new(ReceiverStream::new(sent));
        call.extensions_mut().insert(Stopping::when(stopped));
        let answers = client(service, Peer::Gateway).resolve_many(call).await.expect("a stream");
        Self { batches, answers: answers.into_inner(), next: 0, stop }
    }

    async fn send(&mut self, macs: impl IntoIterator<Item = u64>) {
        let question = |mac| ResolveRequest { mac, ..ResolveRequest::default() };
        let questions = macs.into_iter().map(question).collect();
        self.next += 1;
        let batch = ResolveManyRequest { batch: self.next, questions, traced: Vec::new() };
        self.batches.send(batch).await.expect("it is taken");
    }

    async fn ask(&mut self, macs: impl IntoIterator<Item = u64>) -> Result<Vec<ShortAnswer>, Status> {
        self.send(macs).await;
        let answers = self.answers.message().await?.expect("answers");
        assert_eq!(answers.batch, self.next);
        Ok(answers.answers)
    }

    /// What each is told: the number and version of what it is taught, the number of what is known, or why not.
    async fn told(&mut self, macs: impl IntoIterator<Item = u64>) -> Vec<String> {
        let answers = self.ask(macs).await.expect("answers");
        let told = |answer: ShortAnswer| match answer.answer.expect("an answer") {
            Answer::Redirect(taught) => {
                format!("{} is version {}", taught.number, taught.redirect.expect("a redirect").profile_version)
            }
            Answer::KnownRedirect(number) => format!("{number}"),
            Answer::Refusal(refusal) => refusal.reason().as_str_name().to_owned(),
            Answer::Failed(code) => format!("{:?}", Code::from_i32(code)),
        };
        answers.into_iter().map(told).collect()
    }
}

async fn a_profile_is_told_once_and_again_when_it_was_replaced(kind: Kind) {
    let world = World::new(kind, 1).await;
    let acme = world.provider();
    let main = acme.profile("Main").await;
    acme.profile("Other").await;
    for (number, profile) in [(1, "Main"), (2, "Other"), (3, "Main")] {
        acme.put_device(mac(number), profile).await.expect("a phone");
    }
    let mut call = Call::begin(&world.service).await;
    let first = call.told([mac(1), mac(2), mac(3), mac(4), 0]).await;
    let nobody = RefusalReason::NoProvider.as_str_name();
    assert_eq!(first, ["0 is version 1", "1 is version 1", "0", nobody, "InvalidArgument"]);
    assert_eq!(call.told([mac(3), mac(2)]).await, ["0", "1"]);
    let new = contracts::redirection::Profile { parameters: vec![rule("https://new.example/$MA.xml")], ..main };
    acme.replace_profile(&new, 1).await.expect("it is replaced");
    assert_eq!(call.told([mac(1), mac(3), mac(2)]).await, ["2 is version 2", "2", "1"]);
    let mut other = Call::begin(&world.service).await;
    assert_eq!(other.told([mac(1), mac(2)]).await, ["0 is version 2", "1 is version 1"]);
    acme.set_frozen(true).await.expect("frozen");
    assert_eq!(other.told([mac(1)]).await, [RefusalReason::ProviderFrozen.as_str_name()]);
}

/// What one phone's answer is sealed with is no other's.
async fn a_key_is_told_with_each_answer_and_never_taught(kind: Kind) {
    let world = World::new(kind, 2).await;
    let acme = world.provider();
    acme.create_profile("Main", vec![parameter("GPP_A", "x", "rw"), rule(RULE)]).await.expect("a profile");
    for number in [1, 2] {
        acme.put_device(mac(number), "Main").await.expect("a phone");
    }
    acme.set_key(mac(1), SealFormat::Aes128gcm, &[7; 16]).await.expect("a key");
    let mut call = Call::begin(&world.service).await;
    let answers = call.ask([mac(1), mac(2), mac(1)]).await.expect("answers");
    let keys: Vec<_> = answers.iter().map(|answer| answer.seal.as_ref().map(|seal| seal.key.clone())).collect();
    assert_eq!(keys, [Some(vec![7; 16]), None, Some(vec![7; 16])]);
    let taught = answers.into_iter().find_map(|answer| match answer.answer {
        Some(Answer::Redirect(taught)) => taught.redirect,
        Some(Answer::KnownRedirect(_) | Answer::Refusal(_) | Answer::Failed(_)) | None => None,
    });
    assert_eq!(taught.expect("it is taught").seal, None);
}

async fn a_batch_is_not_longer_than_agreed(kind: Kind) {
    let world = World::new(kind, 3).await;
    let mut call = Call::begin(&world.service).await;
    assert_eq!(call.ask((0..256).map(mac)).await.expect("answers").len(), 256);
    let refused = call.ask((0..257).map(mac)).await.map_err(|status| status.code());
    assert_eq!(refused, Err(Code::InvalidArgument));
}

/// Otherwise the process would wait for its callers for ever.
async fn a_call_ends_when_the_process_stops_and_what_has_arrived_is_answered(kind: Kind) {
    let world = World::new(kind, 4).await;
    let mut call = Call::begin(&world.service).await;
    assert_eq!(call.ask([mac(1)]).await.expect("answers").len(), 1);
    for _ in 0..2 {
        call.send([mac(1), mac(2)]).await;
    }
    call.stop.send_replace(true);
    for _ in 0..2 {
        let answers = call.answers.message().await.expect("answers").expect("answers");
        assert_eq!(answers.answers.len(), 2);
    }
    assert_eq!(call.answers.message().await.expect("the end"), None);
}

on_each_database!(
    a_profile_is_told_once_and_again_when_it_was_replaced,
    a_key_is_told_with_each_answer_and_never_taught,
    a_batch_is_not_longer_than_agreed,
    a_call_ends_when_the_process_stops_and_what_has_arrived_is_answered,
);
