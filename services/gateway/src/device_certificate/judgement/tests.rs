//! Chains of made-up manufacturers.

use std::collections::BTreeMap;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::crypto::aws_lc_rs::default_provider;

use super::*;
use crate::device_certificate::authorities::Files;

type Authority = CertifiedIssuer<'static, KeyPair>;

/// 2026-11-22.
const NOW: Timestamp = Timestamp::from_micros(1_795_370_400_000_000);
const ALWAYS: [i32; 2] = [2014, 2099];

fn authority(name: &str, years: [i32; 2], above: Option<&Authority>) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    [params.not_before, params.not_after] = years.map(|year| date_time_ymd(year, 1, 1));
    let key = KeyPair::generate().expect("a key");
    match above {
        Some(above) => CertifiedIssuer::signed_by(params, key, above),
        None => CertifiedIssuer::self_signed(params, key),
    }
    .expect("an authority")
}

fn phone(years: [i32; 2], above: &Authority, change: impl Fn(&mut CertificateParams)) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    let name = &mut params.distinguished_name;
    name.push(DnType::OrganizationalUnitName, "CP-8841-3PCC");
    name.push(DnType::LocalityName, "88012BA01234");
    name.push(DnType::StateOrProvinceName, DnValue::PrintableString("000e08abcdef".try_into().expect("a text")));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    [params.not_before, params.not_after] = years.map(|year| date_time_ymd(year, 1, 1));
    change(&mut params);
    let key = KeyPair::generate().expect("a key");
    params.signed_by(&key, above).expect("a certificate").der().clone()
}

fn manufacturer(name: &str, authorities: &[&Authority]) -> Arc<Manufacturer> {
    let file = |(place, authority): (usize, &&Authority)| (format!("{place}.pem"), Ok(authority.pem().into_bytes()));
    let files: Files = authorities.iter().enumerate().map(file).collect();
    Arc::new(Manufacturer::from_files(name, &files).expect("authorities"))
}

fn judge(chain: &[CertificateDer<'_>], manufacturers: &[Arc<Manufacturer>]) -> Judged {
    let judge = Judge { algorithms: default_provider().signature_verification_algorithms };
    judge.judge(chain, &Authorities { manufacturers: manufacturers.to_vec() }, NOW)
}

/// Whose phone, and whether expired; other outcomes in words.
fn outcome(chain: &[CertificateDer<'_>], manufacturers: &[Arc<Manufacturer>]) -> String {
    match judge(chain, manufacturers) {
        Judged::Phone(it) => {
            assert_eq!(it.mac.to_string(), "000e08abcdef");
            assert_eq!(it.serial.map(|serial| serial.to_string()).as_deref(), Some("88012BA01234"));
            format!("{}{}", it.manufacturer, if it.is_expired { " expired" } else { "" })
        }
        Judged::NoPhone { manufacturer } => format!("no phone of {manufacturer}"),
        Judged::Stranger => "stranger".to_owned(),
    }
}

#[test]
fn a_chain_is_its_manufacturers_whoever_brings_the_intermediate() {
    let root = authority("root", ALWAYS, None);
    let between = authority("between", ALWAYS, Some(&root));
    let other = authority("other root", ALWAYS, None);
    let own = phone([2020, 2030], &between, |_| {});
    let known = [manufacturer("acme", &[&other]), manufacturer("cisco", &[&root])];
    assert_eq!(outcome(&[own.clone(), between.der().clone()], &known), "cisco");
    assert_eq!(outcome(std::slice::from_ref(&own), &known), "stranger");
    let with_between = [manufacturer("cisco", &[&root, &between])];
    assert_eq!(outcome(std::slice::from_ref(&own), &with_between), "cisco");
    assert_eq!(outcome(&[own.clone(), between.der().clone()], &known[..1]), "stranger");
    assert_eq!(outcome(&[own], &[]), "stranger");
    assert_eq!(outcome(&[], &known), "stranger");
}

#[test]
fn whatever_has_expired_is_judged_at_its_own_time() {
    let old = authority("old root", [2014, 2025], None);
    let root = authority("root", ALWAYS, None);
    let old_between = authority("old between", [2014, 2025], Some(&root));
    let known = [manufacturer("cisco", &[&old, &root])];
    let expired = phone([2016, 2026], &root, |_| {});
    assert_eq!(outcome(&[expired], &known), "cisco expired");
    let below_expired = phone([2016, 2099], &old_between, |_| {});
    assert_eq!(outcome(&[below_expired, old_between.der().clone()], &known), "cisco expired");
    assert_eq!(outcome(&[phone([2016, 2099], &old, |_| {})], &known), "cisco expired");
    // Issued after its authority had ended: it was never good.
    let too_late = phone([2026, 2099], &old_between, |_| {});
    assert_eq!(outcome(&[too_late, old_between.der().clone()], &known), "stranger");
    let not_yet = phone([2027, 2099], &root, |_| {});
    assert_eq!(outcome(&[not_yet], &known), "stranger");
}

#[test]
fn an_expired_stranger_is_a_stranger() {
    let (root, stranger) = (authority("root", ALWAYS, None), authority("root", ALWAYS, None));
    let known = [manufacturer("cisco", &[&root])];
    assert_eq!(outcome(&[phone([2016, 2020], &stranger, |_| {})], &known), "stranger");
    assert_eq!(outcome(&[phone([2016, 2030], &stranger, |_| {})], &known), "stranger");
}

#[test]
fn what_is_not_a_phones_certificate_names_none() {
    let root = authority("root", ALWAYS, None);
    let known = [manufacturer("cisco", &[&root])];
    let server = phone(ALWAYS, &root, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    assert_eq!(outcome(&[server], &known), "stranger");
    let switch = phone(ALWAYS, &root, |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "WS-C3850-24P-0057D21BC800");
    });
    assert_eq!(outcome(&[switch], &known), "no phone of cisco");
    // A phone's key signs no further certificates.
    let mut authority_of_a_phone = phone(ALWAYS, &root, |_| {}).to_vec();
    assert_eq!(outcome(&[authority_of_a_phone.clone().into()], &known), "cisco");
    authority_of_a_phone.push(0);
    assert_eq!(outcome(&[authority_of_a_phone.into()], &known), "stranger");
    assert_eq!(outcome(&[b"garbage".to_vec().into()], &known), "stranger");
}

#[test]
fn an_authority_is_not_made_by_a_phone() {
    let root = authority("root", ALWAYS, None);
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "no authority");
    let no_authority = CertifiedIssuer::signed_by(params, KeyPair::generate().expect("a key"), &root).expect("signed");
    let below = phone(ALWAYS, &no_authority, |_| {});
    assert_eq!(outcome(&[below, no_authority.der().clone()], &[manufacturer("cisco", &[&root])]), "stranger");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let root = authority("root", ALWAYS, None);
    let between = authority("between", ALWAYS, Some(&root));
    let refusal = |content: &str| {
        let files: Files = BTreeMap::from([("ca.pem".to_owned(), Ok(content.as_bytes().to_vec()))]);
        Manufacturer::from_files("cisco", &files).expect_err("unusable").to_string()
    };
    assert!(refusal("").starts_with("ca.pem holds no certificate"));
    assert!(refusal("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").starts_with("ca.pem is not PEM"));
    let not_one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(refusal(not_one).starts_with("ca.pem holds a certificate that cannot be understood"));
    assert!(refusal(&between.pem()).starts_with("there is no root"));
    let unreadable: Files = BTreeMap::from([("ca.pem".to_owned(), Err("permission denied".to_owned()))]);
    let refused = Manufacturer::from_files("cisco", &unreadable).expect_err("unusable").to_string();
    assert_eq!(refused, "ca.pem cannot be read: permission denied");
}
