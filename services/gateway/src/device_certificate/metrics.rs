//! Counts what phones show, by manufacturer.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::proxy::Claim;

/// The manufacturer of a certificate that nobody we know has signed.
const NOBODY: &str = "unknown";

/// The counters. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Metrics {
    certificates: Family<CertificateLabels, Counter>,
    claims: Family<ClaimLabels, Counter>,
}

/// What was made of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Verdict {
    Accepted,
    Expired,
    Untrusted,
}

/// The manufacturers are the folders of the trust store, and `unknown`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabels {
    manufacturer: String,
    verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClaimLabels {
    outcome: Claim,
}

impl Metrics {
    /// Adds these metrics to what `/metrics` shows.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let certificates = metrics.certificates.clone();
        let help = "Certificates that clients showed, by manufacturer and what was made of them";
        registry.register("dialtone_device_certificates", help, certificates);
        let help = "Certificates that a proxy handed on, by what was made of its signature";
        registry.register("dialtone_forwarded_certificates", help, metrics.claims.clone());
        metrics
    }

    pub fn judged(&self, manufacturer: &str, verdict: Verdict) {
        let labels = CertificateLabels { manufacturer: manufacturer.to_owned(), verdict };
        self.certificates.get_or_create(&labels).inc();
    }

    pub fn judged_stranger(&self) {
        self.judged(NOBODY, Verdict::Untrusted);
    }

    pub fn claimed(&self, outcome: Claim) {
        self.claims.get_or_create(&ClaimLabels { outcome }).inc();
    }
}
