//! Processes of redirection for the tests: real sockets and certificates, and answers of their own making.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use contracts::redirection::short_answer::Answer as Short;
use contracts::redirection::{
    Refusal, ResolveManyRequest, ResolveManyResponse, ResolveRequest, ResolveResponse, ShortAnswer, resolve_response,
};
use prometheus_client::registry::Registry;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rpc::{CredentialFiles, Credentials, Peer, RpcListener, RpcMetrics, Served, Stopping, name_of};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::http::{Request as HttpRequest, Response as HttpResponse};
use tonic::server::{Grpc, NamedService, StreamingService, UnaryService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::Service;

/// Whom the processes of a test believe.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"))
    }

    pub fn credentials(&self, peer: Peer) -> Credentials {
        let folder = tempfile::tempdir().expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name_of(peer)]).expect("a name");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let file = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path
        };
        let files = CredentialFiles {
            certificate: file("certificate.pem", certificate.pem()),
            key: file("key.pem", key.serialize_pem()),
            authorities: file("authorities.pem", self.0.pem()),
        };
        Credentials::load(files).expect("credentials")
    }
}

/// How a process answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Answers,
    /// Each batch needs a permit.
    Waits,
    /// Ends the stream at the first batch.
    Breaks,
    /// Takes batches and says nothing.
    IsSilent,
    /// Is of a version that knows no batches.
    IsOld,
}

/// What it does and what it was asked.
#[derive(Clone)]
pub struct Stub {
    kind: Kind,
    pub permits: Arc<Semaphore>,
    pub batches: Arc<Mutex<Vec<usize>>>,
    /// Whether the traces of the questions were told.
    pub is_traced: Arc<AtomicBool>,
}

/// Whose phone this is: tells the answers apart.
pub fn owner(mac: u64) -> String {
    format!("prv_{mac}")
}

fn refusal(question: &ResolveRequest) -> Refusal {
    Refusal { provider_id: owner(question.mac), ..Refusal::default() }
}

impl Stub {
    async fn answer(
        self,
        mut batches: Streaming<ResolveManyRequest>,
        answers: mpsc::Sender<Result<ResolveManyResponse, Status>>,
    ) {
        while let Ok(Some(batch)) = batches.message().await {
            self.batches.lock().expect("batches").push(batch.questions.len());
            self.is_traced.fetch_or(!batch.traced.is_empty(), Ordering::Relaxed);
            match self.kind {
                Kind::Breaks => return,
                Kind::IsSilent => continue,
                Kind::Waits => self.permits.acquire().await.expect("a permit").forget(),
                Kind::Answers | Kind::IsOld => {}
            }
            let short = |question| ShortAnswer { answer: Some(Short::Refusal(refusal(question))), seal: None };
            let answers_to = batch.questions.iter().map(short).collect();
            if answers.send(Ok(ResolveManyResponse { batch: batch.batch, answers: answers_to })).await.is_err() {
                return;
            }
        }
    }
}

type Answered<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send>>;

impl StreamingService<ResolveManyRequest> for Stub {
    type Response = ResolveManyResponse;
    type ResponseStream = ReceiverStream<Result<ResolveManyResponse, Status>>;
    type Future = Answered<Self::ResponseStream>;

    fn call(&mut self, request: Request<Streaming<ResolveManyRequest>>) -> Self::Future {
        let stub = self.clone();
        Box::pin(async move {
            if stub.kind == Kind::IsOld {
                return Err(Status::unimplemented(""));
            }
            let (sender, answers) = mpsc::channel(1);
            let stopping = request.extensions().get::<Stopping>().cloned().expect("it is served to other processes");
            tokio::spawn(async move {
                tokio::select! {
                    () = stub.answer(request.into_inner(), sender) => {}
                    () = stopping.told() => {}
                }
            });
            Ok(Response::new(ReceiverStream::new(answers)))
        })
    }
}

impl UnaryService<ResolveRequest> for Stub {
    type Response = ResolveResponse;
    type Future = Answered<ResolveResponse>;

    fn call(&mut self, request: Request<ResolveRequest>) -> Self::Future {
        self.batches.lock().expect("batches").push(1);
        let answer = Some(resolve_response::Answer::Refusal(refusal(request.get_ref())));
        Box::pin(async move { Ok(Response::new(ResolveResponse { answer })) })
    }
}

impl NamedService for Stub {
    const NAME: &'static str = "dialtone.redirection.v1.RedirectionService";
}

impl Service<HttpRequest<Body>> for Stub {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<Body>) -> Self::Future {
        let stub = self.clone();
        Box::pin(async move {
            if request.uri().path().ends_with("/ResolveMany") {
                return Ok(Grpc::new(ProstCodec::default()).streaming(stub, request).await);
            }
            Ok(Grpc::new(ProstCodec::default()).unary(stub, request).await)
        })
    }
}

/// A process that serves the stub.
pub struct Process {
    pub address: SocketAddr,
    pub stub: Stub,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Process {
    pub async fn start(kind: Kind, authority: &Authority) -> Self {
        let listener = RpcListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
        let permits = Arc::new(Semaphore::new(0));
        let stub = Stub { kind, permits, batches: Arc::default(), is_traced: Arc::default() };
        let (stop, stopped) = watch::channel(false);
        let served = Served::new(RpcMetrics::register(&mut Registry::default())).and(stub.clone());
        let address = listener.address();
        let serving = listener.serve(served, authority.credentials(Peer::Redirection), stopped);
        Self { address, stub, stop, serving }
    }

    /// How many questions each batch held.
    pub fn batches(&self) -> Vec<usize> {
        self.stub.batches.lock().expect("batches").clone()
    }

    pub async fn end(self) {
        self.stop.send_replace(true);
        self.serving.await.expect("it ends in good order");
    }
}
