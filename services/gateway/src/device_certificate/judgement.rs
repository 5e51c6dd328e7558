//! Checks a chain against the manufacturers' authorities.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use vocabulary::Timestamp;
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::Verified;
use super::authorities::{Authorities, Manufacturer};
use super::subject::Subject;
use super::verifier::is_checkable;

/// The longest chain that is looked at. A phone shows its certificate and one or two above it.
const LONGEST: usize = 6;

/// Whose a chain is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// A phone's.
    Phone(Verified),
    /// A manufacturer's, and not a phone's as far as its subject says.
    NoPhone { manufacturer: Arc<str> },
    /// Of nobody we know.
    Stranger,
}

/// What signatures are understood.
#[derive(Clone, Copy)]
pub(super) struct Judge {
    pub algorithms: WebPkiSupportedAlgorithms,
}

/// What a client showed.
struct Chain<'a> {
    own: &'a CertificateDer<'a>,
    above: &'a [CertificateDer<'a>],
    /// When its own certificate began to be valid, in seconds since the epoch.
    issued: i64,
}

/// How a chain leads to a manufacturer.
struct Route {
    manufacturer: Arc<str>,
    is_expired: bool,
}

impl Judge {
    /// Whose `chain` is at the moment `now`. The first certificate is the client's own.
    pub fn judge(self, chain: &[CertificateDer<'_>], authorities: &Authorities, now: Timestamp) -> Judged {
        let Some((own, above)) = chain.split_first() else { return Judged::Stranger };
        // Whether the client holds the key of one that is not checkable is not known (`verifier`).
        if chain.len() > LONGEST || !is_checkable(own) {
            return Judged::Stranger;
        }
        let Ok((_, certificate)) = X509Certificate::from_der(own) else { return Judged::Stranger };
        let chain = Chain { own, above, issued: certificate.validity().not_before.timestamp() };
        let Some(Route { manufacturer, is_expired }) = self.route(&chain, authorities, now) else {
            return Judged::Stranger;
        };
        match Subject::read(certificate.subject()) {
            Some(Subject { mac, serial, model }) => {
                Judged::Phone(Verified { mac, serial, model, is_expired, manufacturer })
            }
            None => Judged::NoPhone { manufacturer },
        }
    }

    /// A chain that does not hold now is tried at the moment at which its first certificate was issued: if
    /// it held then, it has expired since. Nothing but time can make that difference.
    fn route(self, chain: &Chain<'_>, authorities: &Authorities, now: Timestamp) -> Option<Route> {
        let now = now.as_seconds();
        let before = (chain.issued < now).then_some(chain.issued);
        for moment in [Some(now), before].into_iter().flatten() {
            for manufacturer in &authorities.manufacturers {
                if let Some(ends) = self.leads_to(manufacturer, chain, moment) {
                    let is_expired = moment != now || ends < now;
                    return Some(Route { manufacturer: Arc::clone(&manufacturer.name), is_expired });
                }
            }
        }
        None
    }

    /// When the root ends that the chain leads to, in seconds since the epoch.
    fn leads_to(self, manufacturer: &Manufacturer, chain: &Chain<'_>, moment: i64) -> Option<i64> {
        let end_entity = EndEntityCert::try_from(chain.own).ok()?;
        let between: Vec<_> = chain.above.iter().chain(&manufacturer.intermediates).cloned().collect();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(moment).ok()?));
        let (algorithms, usage) = (self.algorithms.all, KeyUsage::client_auth());
        let path =
            end_entity.verify_for_usage(algorithms, &manufacturer.roots, &between, time, usage, None, None).ok()?;
        let place = manufacturer.roots.iter().position(|root| root == path.anchor())?;
        manufacturer.root_ends.get(place).copied()
    }
}

#[cfg(test)]
mod tests;
