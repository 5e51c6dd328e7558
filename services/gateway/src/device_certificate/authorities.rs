//! The manufacturers' authorities as data: a folder with one folder for each manufacturer, and in it the
//! roots and intermediates as `*.pem`.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, TrustAnchor};
use webpki::anchor_from_trusted_cert;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// No file of certificates is longer, in bytes.
const LONGEST: u64 = 1 << 20;

/// Whose phones are known.
#[derive(Debug, Default)]
pub(super) struct Authorities {
    /// In the order of their names.
    pub manufacturers: Vec<Arc<Manufacturer>>,
}

/// What one manufacturer signs with.
#[derive(Debug)]
pub(super) struct Manufacturer {
    pub name: Arc<str>,
    pub roots: Vec<TrustAnchor<'static>>,
    /// Until when each of them is valid, in seconds since the epoch.
    pub root_ends: Vec<i64>,
    pub intermediates: Vec<CertificateDer<'static>>,
}

/// The files of one manufacturer, by name, as they were read. A file that could not be read says why.
pub(super) type Files = BTreeMap<String, Result<Vec<u8>, String>>;

/// Why a manufacturer's files cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("{file} cannot be read: {cause}")]
    Unreadable { file: String, cause: String },
    #[error("{file} is not PEM: {cause}")]
    NotPem { file: String, cause: pem::Error },
    #[error("{file} holds no certificate; expected -----BEGIN CERTIFICATE-----")]
    Empty { file: String },
    #[error("{file} holds a certificate that cannot be understood")]
    NotACertificate { file: String },
    #[error("there is no root among the certificates; put the one in that signs itself")]
    NoRoot,
}

/// Everything that the folder holds, by manufacturer.
pub(super) fn read(folder: &Path) -> io::Result<BTreeMap<String, Files>> {
    let mut all = BTreeMap::new();
    for entry in folder.read_dir()? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && entry.path().is_dir() {
            all.insert(name, read_manufacturer(&entry.path())?);
        }
    }
    Ok(all)
}

fn read_manufacturer(folder: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_pem = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pem"));
        if is_pem && !name.starts_with('.') {
            files.insert(name, read_file(&path).map_err(|error| error.to_string()));
        }
    }
    Ok(files)
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    if path.metadata()?.len() > LONGEST {
        return Err(io::Error::other("it has more than 1 MiB"));
    }
    std::fs::read(path)
}

impl Manufacturer {
    /// A manufacturer whose authorities are in `files`.
    pub fn from_files(name: &str, files: &Files) -> Result<Self, Unusable> {
        let mut manufacturer =
            Self { name: name.into(), roots: Vec::new(), root_ends: Vec::new(), intermediates: Vec::new() };
        for (file, content) in files {
            let unreadable = |cause: &String| Unusable::Unreadable { file: file.clone(), cause: cause.clone() };
            manufacturer.add(file, content.as_ref().map_err(unreadable)?)?;
        }
        if manufacturer.roots.is_empty() { Err(Unusable::NoRoot) } else { Ok(manufacturer) }
    }

    fn add(&mut self, file: &str, pem: &[u8]) -> Result<(), Unusable> {
        let mut is_empty = true;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|cause| Unusable::NotPem { file: file.to_owned(), cause })?;
            let added = self.add_certificate(&certificate);
            added.ok_or_else(|| Unusable::NotACertificate { file: file.to_owned() })?;
            is_empty = false;
        }
        if is_empty { Err(Unusable::Empty { file: file.to_owned() }) } else { Ok(()) }
    }

    /// A certificate that names itself as its issuer is a root (RFC 5280, section 3.2, "self-issued").
    fn add_certificate(&mut self, certificate: &CertificateDer<'static>) -> Option<()> {
        let (_, read) = X509Certificate::from_der(certificate).ok()?;
        if read.subject().as_raw() != read.issuer().as_raw() {
            self.intermediates.push(certificate.clone());
            return Some(());
        }
        self.roots.push(anchor_from_trusted_cert(certificate).ok()?.to_owned());
        self.root_ends.push(read.validity().not_after.timestamp());
        Some(())
    }
}
