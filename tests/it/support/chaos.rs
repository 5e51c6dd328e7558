//! A bad network between two processes: a TCP proxy that forwards, delays, falls silent or hangs up, as the test says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::server::eventually;

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// It arrives.
    Fair,
    /// It arrives so much later.
    Slow(Duration),
    /// It does not arrive, and nobody is told: connections stay open. What was sent arrives when it is fair again.
    Silent,
    /// Connections are closed, and new ones as well.
    Cut,
    /// The proxy ends.
    Over,
}

/// The road from one process to another; dropping it closes it.
pub struct Link {
    /// Connections that are open now.
    open: Arc<AtomicUsize>,
    /// Where the one connects to reach the other.
    pub address: SocketAddr,
    weather: watch::Sender<Weather>,
    thread: Option<JoinHandle<()>>,
}

impl Link {
    /// A road to `target`, which need not listen yet.
    pub fn to(target: SocketAddr) -> Self {
        let (weather, seen) = watch::channel(Weather::Fair);
        let open = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&open);
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                tell.send(listener.local_addr().expect("an address")).expect("the test waits");
                serve(listener, Road { target, weather: seen, open: counted }).await;
            });
        });
        Self { address: told.recv().expect("an address"), open, weather, thread: Some(thread) }
    }

    /// Nothing arrives any more, and nobody is told.
    pub fn silence(&self) {
        self.weather.send_replace(Weather::Silent);
    }

    /// Every connection is closed, and new ones at once.
    pub fn cut(&self) {
        self.weather.send_replace(Weather::Cut);
    }

    /// Closes every connection there is; new ones are as they should be.
    pub fn hang_up(&self) {
        self.cut();
        eventually("the end of every connection", || (self.open.load(Ordering::SeqCst) == 0).then_some(()));
        self.mend();
    }

    /// Everything arrives so much later.
    pub fn delay(&self, by: Duration) {
        self.weather.send_replace(Weather::Slow(by));
    }

    /// As it should be.
    pub fn mend(&self) {
        self.weather.send_replace(Weather::Fair);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.weather.send_replace(Weather::Over);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Where connections lead, and what becomes of them.
#[derive(Clone)]
struct Road {
    target: SocketAddr,
    weather: watch::Receiver<Weather>,
    open: Arc<AtomicUsize>,
}

async fn serve(listener: TcpListener, road: Road) {
    let mut weather = road.weather.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (near, _) = accepted.expect("a connection");
                let road = road.clone();
                road.open.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    connection(near, road.target, road.weather).await;
                    road.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
            _ = weather.wait_for(|weather| *weather == Weather::Over) => return,
        }
    }
}

async fn connection(near: TcpStream, target: SocketAddr, weather: watch::Receiver<Weather>) {
    let mut first = weather.clone();
    // In silence, who connects hears nothing until it is over.
    let Ok(may) = first.wait_for(|weather| *weather != Weather::Silent).await.map(|it| *it) else { return };
    if matches!(may, Weather::Cut | Weather::Over) {
        return;
    }
    let Ok(far) = TcpStream::connect(target).await else { return };
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::join!(carry(near_in, far_out, weather.clone()), carry(far_in, near_out, weather));
}

/// Forwards until one side ends, or the connection is cut.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut weather: watch::Receiver<Weather>) {
    let mut bytes = vec![0; 16 * 1024];
    let mut cut = weather.clone();
    let is_cut = |weather: &Weather| matches!(weather, Weather::Cut | Weather::Over);
    loop {
        let read = tokio::select! {
            read = from.read(&mut bytes) => read.unwrap_or(0),
            _ = cut.wait_for(is_cut) => return,
        };
        if read == 0 {
            let _ = to.shutdown().await;
            return;
        }
        let now = weather.wait_for(|weather| *weather != Weather::Silent).await.map_or(Weather::Over, |it| *it);
        match now {
            Weather::Slow(by) => tokio::time::sleep(by).await,
            Weather::Fair => {}
            Weather::Silent | Weather::Cut | Weather::Over => return,
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
