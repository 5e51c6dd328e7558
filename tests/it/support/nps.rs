//! A provider's own server, on a thread of its own.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use nps::{Answer, Content, Nps as Server, NpsConfig};
use tokio::sync::oneshot;

/// A running provisioning server; dropping it stops it.
pub struct Nps {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Nps {
    /// Gives every phone the demonstration's profile.
    pub fn well() -> Self {
        Self::serving(Content::Template(nps::DEMONSTRATION.to_owned()))
    }

    /// Gives these answers in this order; the last one repeats.
    pub fn saying(answers: Vec<Answer>) -> Self {
        Self::serving(Content::Script(answers))
    }

    fn serving(content: Content) -> Self {
        let (tell, told) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listen = SocketAddr::from(([127, 0, 0, 1], 0));
                let server = Server::start(NpsConfig { listen, content, credentials: None }).await.expect("a port");
                tell.send(server.address()).expect("the test waits");
                // The test ends, or panics; either way it is over.
                let _ = stopped.await;
                server.stop().await;
            });
        });
        Self { address: told.recv().expect("an address"), stop: Some(stop), thread: Some(thread) }
    }

    /// A rule that leads here.
    pub fn rule(&self) -> String {
        format!("http://{}/$MA.xml", self.address)
    }
}

impl Drop for Nps {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
