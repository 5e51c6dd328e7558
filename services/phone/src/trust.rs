//! Whose certificates a phone believes, and the one that it shows itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// The certificate authorities a phone knows, and what it shows to servers that ask. Clones share them.
#[derive(Debug, Clone)]
pub struct Trust {
    tls: Option<Arc<ClientConfig>>,
    has_certificate: bool,
}

/// The certificate that a phone got from its manufacturer, with its key.
#[derive(Debug)]
pub struct OwnCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    file: PathBuf,
}

/// A file of certificates, or of a key, is unusable.
#[derive(Debug, thiserror::Error)]
pub enum CannotTrust {
    /// It cannot be read, or is not PEM.
    #[error("{file} cannot be read as PEM: {cause}", file = file.display())]
    Unreadable {
        /// The file as it was named.
        file: PathBuf,
        /// What is wrong with it.
        cause: pem::Error,
    },
    /// A certificate in it cannot be a root, its key does not fit, or the cryptography refuses.
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
        Self { tls: None, has_certificate: false }
    }

    /// The authorities in a PEM file; servers that ask for a certificate are shown `own`.
    pub fn from_file(file: &Path, own: Option<OwnCertificate>) -> Result<Self, CannotTrust> {
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
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_root_certificates(roots);
        let has_certificate = own.is_some();
        let mut config = match own {
            Some(OwnCertificate { chain, key, file }) => {
                config.with_client_auth_cert(chain, key).map_err(|cause| CannotTrust::Unusable { file, cause })?
            }
            None => config.with_no_client_auth(),
        };
        // The phones speak HTTP/1.0 and HTTP/1.1 (chapter, "HTTP Provisioning").
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: Some(Arc::new(config)), has_certificate })
    }

    pub(crate) fn tls(&self) -> Option<Arc<ClientConfig>> {
        self.tls.clone()
    }

    /// `$CCERT`
    pub(crate) const fn has_certificate(&self) -> bool {
        self.has_certificate
    }
}

impl OwnCertificate {
    /// The certificate, with those above it if they are in the file, and its private key; both in PEM.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, CannotTrust> {
        let unreadable = |file: &Path| {
            let file = file.to_path_buf();
            |cause| CannotTrust::Unreadable { file, cause }
        };
        let chain = CertificateDer::pem_file_iter(certificate).map_err(unreadable(certificate))?;
        let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(unreadable(certificate))?;
        if chain.is_empty() {
            return Err(CannotTrust::Empty { file: certificate.to_path_buf() });
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
        Ok(Self { chain, key, file: certificate.to_path_buf() })
    }
}
