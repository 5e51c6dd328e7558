//! Where a request came from, and how its client found us.

use std::net::IpAddr;

use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;

use crate::limits::Network;

/// Where a request came from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    address: Option<IpAddr>,
    /// How the client reached us: scheme and the authority it asked for.
    base: Option<(&'static str, Authority)>,
}

/// What the listener knows of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Connection {
    /// The client's address, as far as a proxy of ours tells it.
    pub client: IpAddr,
    pub scheme: &'static str,
}

impl Source {
    /// The source of the request whose head is `parts`.
    pub fn of(parts: &Parts) -> Self {
        let connection = parts.extensions.get::<Connection>();
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()?.parse().ok());
        let authority = parts.uri.authority().cloned().or(host);
        let base = connection.map(|connection| connection.scheme).zip(authority);
        Self { address: connection.map(|connection| connection.client.to_canonical()), base }
    }

    /// The address as text; empty where there is none.
    pub fn address_text(&self) -> String {
        self.address.map(|address| address.to_string()).unwrap_or_default()
    }

    /// The network of the address.
    pub fn network(&self) -> Network {
        Network::of(self.address.unwrap_or(IpAddr::from([0, 0, 0, 0])))
    }

    /// The URL under which the client found us, such as `https://dialtone.example:8443`.
    pub fn base_url(&self) -> Option<String> {
        let (scheme, authority) = self.base.as_ref()?;
        let is_host = authority.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
        is_host.then(|| format!("{scheme}://{authority}"))
    }
}
