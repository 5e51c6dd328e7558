//! The road between services: how a call travels, who may make it, how long it may take, and how a
//! refusal crosses it.
//!
//! All services speak through clients and servers generated from `proto/`. In one process a client
//! stands directly on the generated server ([`local`]); the layers around it are the same as on a wire.

mod access;
mod actor;
mod deadline;
mod guard;
mod metrics;
mod status;
mod transport;

pub use access::Peer;
pub use actor::{Actor, within_as};
pub use deadline::within;
pub use metrics::RpcMetrics;
pub use status::{Failure, Refusal, refuse};
pub use transport::{Transport, local};
