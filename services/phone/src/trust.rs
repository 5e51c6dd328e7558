//! Whose certificates a phone believes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};

/// The certificate authorities a phone knows. Clones share them.
#[derive(Debug, Clone)]
pub struct Trust(Option<Arc<ClientConfig>>);

/// The file of certificate authorities is unusable.
#[derive(Debug, thiserror::Error)]
pub enum CannotTrust {
    /// It cannot be read, or is not PEM.
    #[error("{file} cannot be read as PEM certificates: {cause}", file = file.display())]
    Unreadable {
        /// The file as it was named.
        file: PathBuf,
        /// What is wrong with it.
        cause: pem::Error,
    },
    /// A certificate in it cannot be a root, or the cryptography refuses.
    #[error("{file} holds a certificate that cannot be used: {cause}", file = file.display())]
    Unusable {
        /// The file as it was named.
        file: PathBuf,
        /// What is wrong with it.
        cause: rustls::Error,
    },
    /// There is no certificate in it.
    #[error("{file} holds no certificate; expected -----BEGIN CERTIFICATE-----", file = file.display())]
    Empty {
        /// The file as it was named.
        file: PathBuf,
    },
}

impl Trust {
    /// A phone that knows no authority, and so cannot speak HTTPS.
    pub const fn nobody() -> Self {
        Self(None)
    }

    /// The authorities in a PEM file.
    pub fn from_file(file: &Path) -> Result<Self, CannotTrust> {
        let unreadable = |cause| CannotTrust::Unreadable { file: file.to_path_buf(), cause };
        let unusable = |cause| CannotTrust::Unusable { file: file.to_path_buf(), cause };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
            roots.add(certificate.map_err(unreadable)?).map_err(unusable)?;
        }
        if roots.is_empty() {
            return Err(CannotTrust::Empty { file: file.to_path_buf() });
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // The phones speak HTTP/1.0 and HTTP/1.1 (chapter, "HTTP Provisioning").
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Some(Arc::new(config))))
    }

    pub(crate) fn tls(&self) -> Option<Arc<ClientConfig>> {
        self.0.clone()
    }
}
