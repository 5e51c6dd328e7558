//! A proxy that ends TLS hands the phone's certificate on, and signs that it did.
//!
//! ```text
//! Client-Cert: :base64 of the certificate's DER:                         (RFC 9440, section 2.2)
//! Client-Cert-Signature: t=<seconds since the epoch>,v1=<hex HMAC-SHA256 of "<t>." and the value above>
//! ```
//!
//! Believed only from the proxy's own addresses, and only for a minute. From anywhere else both headers are
//! as if they were not there.

use std::net::IpAddr;

use aws_lc_rs::hmac;
use axum::http::{HeaderMap, HeaderName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prometheus_client::encoding::EncodeLabelValue;
use rustls::pki_types::CertificateDer;
use vocabulary::{Secret, Timestamp};

use super::network_range::NetworkRange;

const CERTIFICATE: HeaderName = HeaderName::from_static("client-cert");
const SIGNATURE: HeaderName = HeaderName::from_static("client-cert-signature");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How far the proxy's clock and ours may be apart, in seconds.
const PATIENCE: u64 = 60;
/// The shortest key, in bytes (RFC 2104, section 3: as long as the hash).
const SHORTEST_KEY: usize = 32;

/// Proxies whose word counts.
#[derive(Debug)]
pub struct TrustedProxy {
    from: Vec<NetworkRange>,
    key: hmac::Key,
}

/// The key that a proxy signs with cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the proxy's key must be base64 of 32 bytes or more; make one with `openssl rand -base64 32`")]
pub struct ProxyKeyError;

/// What was made of the headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Claim {
    Believed,
    /// Not sent by a proxy of ours.
    FromElsewhere,
    /// Signed more than a minute ago, or in the future.
    Stale,
    /// Signed with another key, or not signed.
    Forged,
    /// Signed, and not written as RFC 9440 says.
    Malformed,
}

impl TrustedProxy {
    /// Proxies at the addresses `from` that sign with `key`, which is written in base64.
    pub fn new(from: Vec<NetworkRange>, key: &Secret<String>) -> Result<Self, ProxyKeyError> {
        let key = STANDARD.decode(key.expose().trim()).map_err(|_| ProxyKeyError)?;
        if key.len() < SHORTEST_KEY {
            return Err(ProxyKeyError);
        }
        Ok(Self { from, key: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }

    pub(super) fn is_at(&self, address: IpAddr) -> bool {
        self.from.iter().any(|range| range.contains(address))
    }

    /// The certificate that the proxy hands on, where it hands any on.
    pub(super) fn certificate(
        &self,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Option<Result<CertificateDer<'static>, Claim>> {
        is_claimed(headers).then(|| self.check(headers, now))
    }

    fn check(&self, headers: &HeaderMap, now: Timestamp) -> Result<CertificateDer<'static>, Claim> {
        let certificate = only(headers, &CERTIFICATE).ok_or(Claim::Malformed)?;
        let signature = only(headers, &SIGNATURE).ok_or(Claim::Forged)?;
        let (time, signature) =
            signature.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).ok_or(Claim::Forged)?;
        let signature = from_hex(signature).ok_or(Claim::Forged)?;
        let signed = format!("{time}.{certificate}");
        hmac::verify(&self.key, signed.as_bytes(), &signature).map_err(|_| Claim::Forged)?;
        let signed_at: i64 = time.parse().map_err(|_| Claim::Malformed)?;
        if now.as_seconds().abs_diff(signed_at) > PATIENCE {
            return Err(Claim::Stale);
        }
        let der = certificate.strip_prefix(':').and_then(|rest| rest.strip_suffix(':')).ok_or(Claim::Malformed)?;
        Ok(STANDARD.decode(der).map_err(|_| Claim::Malformed)?.into())
    }
}

/// Whether a request says that it hands a certificate on.
pub(super) fn is_claimed(headers: &HeaderMap) -> bool {
    headers.contains_key(CERTIFICATE) || headers.contains_key(SIGNATURE)
}

/// The client's address as the nearest proxy saw it: the last one of the list. Whoever is before it may
/// have been made up by the client.
pub(super) fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(first)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_370_400_000_000);
    /// base64 of 32 times the letter k.
    const KEY: &str = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\n";

    fn proxy() -> TrustedProxy {
        let from = vec!["127.0.0.1".parse().expect("a range"), "10.0.0.0/8".parse().expect("a range")];
        TrustedProxy::new(from, &Secret::new(KEY.to_owned())).expect("a proxy")
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().expect("a header's value"))
        };
        fields.iter().map(field).collect()
    }

    fn u128_pair(bytes: &[u8]) -> (u128, u128) {
        let (high, low) = bytes.split_first_chunk().expect("32 bytes");
        (u128::from_be_bytes(*high), u128::from_be_bytes(low.try_into().expect("32 bytes")))
    }

    fn signed(certificate: &str, time: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[b'k'; 32]);
        let tag = hmac::sign(&key, format!("{time}.{certificate}").as_bytes());
        let tag = u128_pair(tag.as_ref());
        format!("t={time},v1={:032x}{:032x}", tag.0, tag.1)
    }

    #[test]
    fn a_signature_as_openssl_makes_it_is_believed() {
        // printf '1795370400.:Y2VydA==:' | openssl dgst -sha256 -hmac kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
        let signature = "t=1795370400,v1=3a176d689469fef09dad5c6d8ea7c83c2e07018f717cf162ac822fed86574178";
        let both = headers(&[("client-cert", ":Y2VydA==:"), ("client-cert-signature", signature)]);
        assert_eq!(proxy().certificate(&both, NOW), Some(Ok(CertificateDer::from(b"cert".to_vec()))));
        assert_eq!(proxy().certificate(&headers(&[]), NOW), None);
    }

    #[test]
    fn everything_else_is_not() {
        let (proxy, now) = (proxy(), NOW.as_seconds());
        let outcome = |certificate: &str, signature: &str| {
            let both = headers(&[("client-cert", certificate), ("client-cert-signature", signature)]);
            proxy.certificate(&both, NOW).expect("a claim").expect_err("not believed")
        };
        let good = ":Y2VydA==:";
        assert_eq!(outcome(good, &signed(good, now - 61)), Claim::Stale);
        assert_eq!(outcome(good, &signed(good, now + 61)), Claim::Stale);
        assert_eq!(outcome(":Y2VydB==:", &signed(good, now)), Claim::Forged);
        assert_eq!(outcome(good, &signed(good, now).replace(&now.to_string(), &(now + 1).to_string())), Claim::Forged);
        assert_eq!(outcome(good, "t=1,v1="), Claim::Forged);
        assert_eq!(outcome(good, ""), Claim::Forged);
        assert_eq!(outcome("Y2VydA==", &signed("Y2VydA==", now)), Claim::Malformed);
        assert_eq!(outcome(":Y2:", &signed(":Y2:", now)), Claim::Malformed);
        let only_one = headers(&[("client-cert", good)]);
        assert_eq!(proxy.certificate(&only_one, NOW), Some(Err(Claim::Forged)));
        let mut twice = headers(&[("client-cert", good), ("client-cert-signature", &signed(good, now))]);
        assert!(proxy.certificate(&twice, NOW).expect("a claim").is_ok());
        twice.append("client-cert", ":AAAA:".parse().expect("a value"));
        assert_eq!(proxy.certificate(&twice, NOW), Some(Err(Claim::Malformed)));
    }

    #[test]
    fn a_proxy_is_known_by_its_address_and_tells_the_clients() {
        let proxy = proxy();
        for (address, is_known) in
            [("127.0.0.1", true), ("10.9.8.7", true), ("::ffff:10.9.8.7", true), ("192.0.2.1", false)]
        {
            assert_eq!(proxy.is_at(address.parse().expect("an address")), is_known, "{address}");
        }
        let last = |value| forwarded_for(&headers(&[("x-forwarded-for", value)])).map(|address| address.to_string());
        assert_eq!(last("203.0.113.9, 192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(last("2001:db8::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(last("unknown"), None);
    }

    #[test]
    fn a_short_key_is_refused() {
        for key in ["", "a2s=", "not base64, but as long as a key must be at the least"] {
            assert!(TrustedProxy::new(Vec::new(), &Secret::new(key.to_owned())).is_err());
        }
    }
}
