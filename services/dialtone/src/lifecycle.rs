//! From opening the ports to closing the databases: one server's life.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use gateway::{DeviceCertificates, Gateway, Listener, Listening, Vitals, internal_routes, public_routes};
use prometheus_client::registry::Registry;
use rpc::{Peer, RpcListener, RpcMetrics};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::assembly::{self, Foundation, Services, Sources};
use crate::certificate;
use crate::config::Config;
use crate::data_folder::{DataFolder, Lock};
use crate::keyring::Keyring;
use crate::processes::{Processes, follow};

/// A server that serves.
pub struct Server {
    pub addresses: Addresses,
    /// The development authority that clients must trust; `None` with the operator's own certificate, and where no
    /// gateway runs here.
    pub development_authority: Option<PathBuf>,
    edge: Option<Edge>,
    services: Services,
    stop: watch::Sender<bool>,
    /// Ports and what runs beside them.
    tasks: Vec<JoinHandle<()>>,
    stop_signals: StopSignals,
    _locks: [Lock; 2],
}

/// The gateway and what it needs beside the services.
struct Edge {
    gateway: Gateway,
    phone_certificates: DeviceCertificates,
}

/// Ctrl-C, and `kill`. Heard from the moment on at which the server says that it serves, so that whoever
/// has read this can stop it in good order at once.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

/// Where the server listens, with the real ports; `None` where it does not.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// HTTPS and HTTP, where the gateway runs here.
    pub public: Option<[SocketAddr; 2]>,
    pub internal: SocketAddr,
    /// For other processes.
    pub mesh: Option<SocketAddr>,
}

/// What a server is started with.
pub struct Start<'a> {
    pub config: &'a Config,
    pub folder: &'a DataFolder,
    pub sources: &'a Sources,
    /// The one service that runs here; `None` for all that run nowhere else.
    pub only: Option<Peer>,
    pub locks: [Lock; 2],
}

impl Server {
    /// Opens everything, in the order in which it can fail without having promised anything: folder,
    /// certificates, ports, databases. Serves when this returns.
    pub async fn start(start: Start<'_>) -> Result<Self> {
        let Start { config, folder, sources, only, locks } = start;
        let mut registry = Registry::default();
        let processes = Processes::of(config, only, RpcMetrics::register(&mut registry))?;
        let (stop, stopped) = watch::channel(false);
        let ports = Ports::open(config, folder, sources, &processes).await?;
        let keyring = Keyring::new(folder, &config.keys, &sources.randomness);
        let foundation = Foundation {
            folder,
            databases: &folder.databases(),
            sources: sources.clone(),
            keyring: &keyring,
            config,
            processes: processes.clone(),
        };
        let services = Services::open(foundation).await?;
        if processes.run(Peer::Accounts) {
            folder.remove_old_token_key()?;
        }
        let addresses = ports.addresses();
        let mut tasks: Vec<JoinHandle<()>> =
            processes.credentials().map(|it| follow(it.clone(), stopped.clone())).into_iter().collect();
        let Ports { public, internal, mesh } = ports;
        if let (Some(listener), Some(peer), Some(credentials)) = (mesh, only, processes.credentials()) {
            tasks.push(listener.serve(services.served(peer), credentials.clone(), stopped.clone()));
        }
        let (edge, development_authority) = if let Some(public) = public {
            let authority = public.development_authority.clone();
            let certificates = certificate::of_phones(&config.tls, folder, sources.clock.clone(), &mut registry)?;
            let gateway = assembly::gateway(config, keyring.report()?, &services, registry).await?;
            tasks.push(internal.serve(internal_routes(gateway.vitals()), stopped.clone()));
            tasks.extend(public.serve(&gateway, &certificates, &stopped));
            (Some(Edge { gateway, phone_certificates: certificates }), authority)
        } else {
            let vitals = Vitals::new(services.probes_here(), registry);
            tasks.push(internal.serve(internal_routes(vitals), stopped));
            (None, None)
        };
        let stop_signals =
            StopSignals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
        addresses.tell();
        Ok(Self { addresses, development_authority, edge, services, stop, tasks, stop_signals, _locks: locks })
    }

    /// Waits until the process is told to stop.
    pub async fn told_to_stop(&mut self) {
        tokio::select! {
            _ = self.stop_signals.terminate.recv() => {}
            _ = self.stop_signals.interrupt.recv() => {}
        }
    }

    /// Takes no more requests, finishes those under way, records what waits, closes the databases.
    pub async fn stop(self) {
        tracing::info!("stopping");
        self.stop.send_replace(true);
        for task in self.tasks {
            // One that panicked has stopped too.
            let _ = task.await;
        }
        if let Some(edge) = self.edge {
            edge.phone_certificates.stop().await;
            edge.gateway.stop().await;
        }
        self.services.close().await;
        tracing::info!("stopped");
    }
}

impl Addresses {
    fn tell(self) {
        let text = |address: Option<SocketAddr>| address.map(|address| address.to_string());
        let [https, http] = self.public.map_or([None, None], |addresses| addresses.map(Some));
        tracing::info!(
            https = text(https),
            http = text(http),
            internal = %self.internal,
            mesh = text(self.mesh),
            "serving"
        );
    }
}

/// The ports, open and not yet serving.
struct Ports {
    /// Where a gateway runs here.
    public: Option<PublicPorts>,
    internal: Listener,
    /// Where one service runs here that others call.
    mesh: Option<RpcListener>,
}

struct PublicPorts {
    https: Listener,
    http: Listener,
    development_authority: Option<PathBuf>,
}

impl PublicPorts {
    fn serve(
        self,
        gateway: &Gateway,
        certificates: &DeviceCertificates,
        stopped: &watch::Receiver<bool>,
    ) -> [Listening; 2] {
        let routes = public_routes(gateway.clone());
        let crowd = gateway.crowd();
        [self.https, self.http].map(|port| {
            let port = port.telling_phones_by(certificates.clone()).in_crowd(crowd.clone());
            port.serve(routes.clone(), stopped.clone())
        })
    }
}

impl Ports {
    async fn open(config: &Config, folder: &DataFolder, sources: &Sources, processes: &Processes) -> Result<Self> {
        let public = if processes.run(Peer::Gateway) {
            let certificate = certificate::prepare(&config.tls, folder, sources.clock.now())?;
            let https = Listener::bind(config.listen.https, Some(certificate.rules)).await?;
            let http = Listener::bind(config.listen.http, None).await?;
            Some(PublicPorts { https, http, development_authority: certificate.development_authority })
        } else {
            None
        };
        let internal = Listener::bind(config.listen.internal, None).await?;
        let listen = config.mesh.as_ref().and_then(|mesh| mesh.listen).filter(|_| public.is_none());
        let mesh = match listen {
            Some(address) => {
                let busy = || format!("cannot listen on {address} (mesh.listen); is another program using the port?");
                Some(RpcListener::bind(address).await.with_context(busy)?)
            }
            None => None,
        };
        Ok(Self { public, internal, mesh })
    }

    fn addresses(&self) -> Addresses {
        Addresses {
            public: self.public.as_ref().map(|public| [public.https.address(), public.http.address()]),
            internal: self.internal.address(),
            mesh: self.mesh.as_ref().map(RpcListener::address),
        }
    }
}
