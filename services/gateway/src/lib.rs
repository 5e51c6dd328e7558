//! THE EDGE: HTTP in, gRPC out. Owns no data.
//!
//! Phones ask here and report here; providers and operators use the JSON API under `/v1`. Every route
//! stands on one page, [`routes`].

mod auth;
mod backends;
mod body;
mod device_certificate;
mod failpoint;
mod health;
mod limits;
mod listen;
mod metrics;
mod observation_id;
mod overload;
mod phone;
mod problem;
mod provider;
mod questions;
mod report_event;
mod request_id;
mod routes;
mod state;
mod vitals;

pub use backends::{Backends, Probe, Probes};
pub use device_certificate::{
    AnyClientCertificate, DeviceCertificates, DeviceCertificatesConfig, InvalidNetworkRange, NetworkRange,
    ProxyKeyError, TrustedProxy,
};
pub use listen::{Crowd, ListenError, Listener, Listening, Tls};
pub use metrics::GatewayMetrics;
pub use phone::{Door, InvalidDoor, JournalConfig};
pub use routes::{internal_routes, public_routes};
pub use state::{Bounds, Gateway, GatewayConfig, Parts, StartError};
pub use vitals::Vitals;
