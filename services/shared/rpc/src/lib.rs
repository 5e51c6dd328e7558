//! The road between services: how a call travels, who may make it, how long it may take, and how a
//! refusal crosses it.
//!
//! All services speak through clients and servers generated from `proto/`. In one process a client
//! stands directly on the generated server ([`local`]); between processes it speaks mutual TLS ([`connect`],
//! [`RpcListener`]). The layers around a service are the same.

mod access;
mod actor;
mod addresses;
mod call;
mod connect;
mod credentials;
mod deadline;
mod guard;
mod metrics;
mod replica;
mod serve;
mod status;
mod transport;

pub use access::Peer;
pub use actor::{Actor, within_as};
pub use addresses::{InvalidPlace, Resolver};
pub use connect::{Destination, Road, connect, connect_by};
pub use credentials::{CredentialError, CredentialFiles, Credentials, name_of};
pub use deadline::within;
pub use metrics::RpcMetrics;
pub use replica::Replica;
pub use serve::{RpcListener, Served, Stopping};
pub use status::{Failure, Refusal, refuse};
pub use telemetry::TraceParent;
pub use transport::{Transport, local};
