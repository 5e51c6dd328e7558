//! Who a process is towards the others: its certificate, its key, and the authority it believes.
//!
//! Read from files, and read again when they change, so that certificates can be exchanged while everything
//! runs: every new connection takes what is current, and one that is open stays as it is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::Peer;

/// What follows a peer's name in its certificate, so that no certificate for a web site names a peer.
const DOMAIN: &str = "dialtone.internal";

/// Where the files are. All of them are PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialFiles {
    /// The certificate and its chain; its DNS name says which service this is.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities whose certificates are believed. Both the old and the new one while they are exchanged.
    pub authorities: PathBuf,
}

/// Why credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{} holds no {what} in PEM", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What was expected.
        what: &'static str,
    },
    /// They do not fit together.
    #[error("the certificate, its key and the authorities cannot be used together: {0}")]
    Unusable(String),
}

/// What is current. Clones are the same.
#[derive(Clone)]
pub struct Credentials {
    files: Arc<CredentialFiles>,
    current: Arc<RwLock<Current>>,
}

#[derive(Clone)]
struct Current {
    bytes: Arc<[Vec<u8>; 3]>,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

/// The name in the certificate of `peer`.
pub fn name_of(peer: Peer) -> String {
    format!("{}.{DOMAIN}", peer.name())
}

impl Credentials {
    /// Reads the files.
    pub fn load(files: CredentialFiles) -> Result<Self, CredentialError> {
        let current = current(&files, read(&files)?)?;
        Ok(Self { files: Arc::new(files), current: Arc::new(RwLock::new(current)) })
    }

    /// Reads the files again and says whether they had changed. Where they cannot be used, what was current
    /// stays so: they are written one after the other, and fit together only when all are there.
    pub fn reload(&self) -> Result<bool, CredentialError> {
        let bytes = read(&self.files)?;
        if *self.current().bytes == bytes {
            return Ok(false);
        }
        let current = current(&self.files, bytes)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        Ok(true)
    }

    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        self.current().server
    }

    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        self.current().client
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(files: &CredentialFiles) -> Result<[Vec<u8>; 3], CredentialError> {
    let file =
        |path: &PathBuf| std::fs::read(path).map_err(|source| CredentialError::File { path: path.clone(), source });
    Ok([file(&files.certificate)?, file(&files.key)?, file(&files.authorities)?])
}

fn current(files: &CredentialFiles, bytes: [Vec<u8>; 3]) -> Result<Current, CredentialError> {
    let [certificate, key, authorities] = &bytes;
    let chain = certificates(certificate, &files.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| CredentialError::Pem { path: files.key.clone(), what: "private key" })?;
    let mut roots = RootCertStore::empty();
    for authority in certificates(authorities, &files.authorities)? {
        roots.add(authority).map_err(unusable)?;
    }
    let (roots, provider) = (Arc::new(roots), Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_client_cert_verifier(verifier.build().map_err(unusable)?)
        .with_single_cert(chain.clone(), key.clone_key())
        .map_err(unusable)?;
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(unusable)?;
    server.alpn_protocols = vec![b"h2".to_vec()];
    client.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Current { bytes: Arc::new(bytes), server: Arc::new(server), client: Arc::new(client) })
}

fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, CredentialError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.ok().filter(|all| !all.is_empty());
    all.ok_or_else(|| CredentialError::Pem { path: path.to_owned(), what: "certificate" })
}

#[expect(clippy::needless_pass_by_value, reason = "made for `map_err`, which hands errors over")]
fn unusable(error: impl ToString) -> CredentialError {
    CredentialError::Unusable(error.to_string())
}

/// Which peer a verified certificate names. It is the one whose name the certificate is valid for.
pub(crate) fn peer_named_by(certificate: &CertificateDer<'_>) -> Option<Peer> {
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    Peer::ALL.into_iter().find(|peer| {
        let name = rustls::pki_types::ServerName::try_from(name_of(*peer));
        name.is_ok_and(|name| parsed.verify_is_valid_for_subject_name(&name).is_ok())
    })
}
