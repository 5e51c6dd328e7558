//! Every limit, one at a time and together.

use proptest::prelude::*;

use super::*;

const AT: Timestamp = Timestamp::from_micros(1_000);

fn bearer(source: &str) -> Bearer<'static> {
    Bearer {
        model: None,
        source: source.parse().expect("an address"),
        is_registered: false,
        is_expected: false,
        has_redeemed: false,
        at: AT,
    }
}

fn admitted(limits: &Limits, bearer: &Bearer<'_>) -> Result<(), Outcome> {
    limits.admit(bearer, 3)
}

#[test]
fn each_limit_refuses_what_it_names_and_admits_the_rest() {
    let phone = bearer("192.0.2.7");
    assert_eq!(admitted(&Limits::default(), &phone), Ok(()));
    let at = |micros| Some(Timestamp::from_micros(micros));
    let model: DeviceModel = "CP-7832-3PCC".parse().expect("a model");
    let limited = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        limits
    };
    assert_eq!(admitted(&Limits { starts_at: at(1_001), ..Limits::default() }, &phone), Err(Outcome::TooEarly));
    assert_eq!(admitted(&Limits { starts_at: at(1_000), ..Limits::default() }, &phone), Ok(()));
    assert_eq!(admitted(&Limits { ends_at: at(1_000), ..Limits::default() }, &phone), Err(Outcome::TooLate));
    assert_eq!(admitted(&Limits { ends_at: at(1_001), ..Limits::default() }, &phone), Ok(()));
    let registered = limited(|it| it.phones = Phones::Registered);
    assert_eq!(admitted(&registered, &phone), Err(Outcome::NotRegistered));
    assert_eq!(admitted(&registered, &Bearer { is_registered: true, ..phone.clone() }), Ok(()));
    let expected = limited(|it| it.expected = 1);
    assert_eq!(admitted(&expected, &phone), Err(Outcome::WrongPhone));
    assert_eq!(admitted(&expected, &Bearer { is_expected: true, ..phone.clone() }), Ok(()));
    let modelled = limited(|it| it.models = vec!["cp-7832-3pcc".parse().expect("a model")]);
    assert_eq!(admitted(&modelled, &phone), Err(Outcome::WrongModel));
    assert_eq!(admitted(&modelled, &Bearer { model: Some(&model), ..phone.clone() }), Ok(()));
    let used = limited(|it| it.activations = Some(3));
    assert_eq!(admitted(&used, &phone), Err(Outcome::UsedUp));
    assert_eq!(admitted(&used, &Bearer { has_redeemed: true, ..phone.clone() }), Ok(()));
    let networks = limited(|it| it.networks = vec!["198.51.100.0/24".parse().expect("a network")]);
    assert_eq!(admitted(&networks, &phone), Err(Outcome::WrongNetwork));
    assert_eq!(admitted(&networks, &bearer("::ffff:198.51.100.9")), Ok(()));
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    let at = |micros| Some(Timestamp::from_micros(micros));
    let times = Limits { starts_at: at(5), ends_at: at(5), ..Limits::default() };
    assert_eq!(times.check(), Err(InvalidLimits::Times));
    assert_eq!(Limits { ends_at: at(-5), ..Limits::default() }.check(), Err(InvalidLimits::Times));
    for text in ["192.0.2.0", "192.0.2.0/33", "192.0.2/24", "2001:db8::/129", "/8", "192.0.2.0/x"] {
        assert_eq!(text.parse::<NetworkRange>(), Err(InvalidLimits::Networks), "{text}");
    }
    let everything: NetworkRange = "0.0.0.0/0".parse().expect("a network");
    assert!(everything.contains("203.0.113.5".parse().expect("an address")));
    assert!(!everything.contains("2001:db8::1".parse().expect("an address")));
}

proptest! {
    #[test]
    fn a_network_contains_what_shares_its_first_bits(base: u32, prefix in 0..=32_u8, other: u32) {
        let range: NetworkRange = format!("{}/{prefix}", std::net::Ipv4Addr::from(base)).parse().expect("a network");
        let shared = u32::from(prefix) <= (base ^ other).leading_zeros();
        prop_assert_eq!(range.contains(IpAddr::V4(other.into())), shared);
        prop_assert_eq!(range.to_string().parse::<NetworkRange>(), Ok(range));
    }

    #[test]
    fn a_network_of_ipv6_does_too(base: u128, prefix in 0..=128_u8, other: u128) {
        let (base, other) = (base | 1 << 127, other | 1 << 127);
        let range: NetworkRange = format!("{}/{prefix}", std::net::Ipv6Addr::from(base)).parse().expect("a network");
        let shared = u32::from(prefix) <= (base ^ other).leading_zeros();
        prop_assert_eq!(range.contains(IpAddr::V6(other.into())), shared);
    }
}
