//! How long a certificate that is made here is good.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rcgen::CertificateParams;
use time::OffsetDateTime;
use vocabulary::Timestamp;
use x509_parser::pem::parse_x509_pem;

/// Clocks of phones and servers may be behind.
const ALLOWED: Duration = Duration::from_hours(24);

/// From when until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    from: OffsetDateTime,
    until: OffsetDateTime,
}

impl Validity {
    /// From a day before `now`, for that long after it.
    pub fn from(now: Timestamp, long: Duration) -> Self {
        let now = OffsetDateTime::from_unix_timestamp(now.as_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Self { from: now.saturating_sub(seconds(ALLOWED)), until: now.saturating_add(seconds(long)) }
    }

    /// Writes it into what will be a certificate.
    pub const fn put_into(self, params: &mut CertificateParams) {
        (params.not_before, params.not_after) = (self.from, self.until);
    }
}

fn seconds(long: Duration) -> time::Duration {
    time::Duration::try_from(long).unwrap_or(time::Duration::MAX)
}

/// Whether the certificate in `file` has less than a third of its time left, or cannot be read.
pub fn is_near_its_end(file: &Path, now: Timestamp) -> bool {
    left(file, now).map_or(true, |(left, whole)| left < whole / 3)
}

/// The seconds a certificate has left, and those it has altogether.
fn left(file: &Path, now: Timestamp) -> Result<(i64, i64)> {
    let text = std::fs::read(file)?;
    let (_, pem) = parse_x509_pem(&text).map_err(|_| anyhow::anyhow!("{} is not PEM", file.display()))?;
    let certificate = pem.parse_x509().context("not a certificate")?;
    let (from, until) = (certificate.validity().not_before.timestamp(), certificate.validity().not_after.timestamp());
    Ok((until - now.as_seconds(), until - from))
}
