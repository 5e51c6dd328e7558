//! What a profile must hold, and what it may not.

use proptest::prelude::*;

use super::*;

const RULE: (&str, &str) = ("Profile_Rule", "https://nps.example/$MA.xml");

fn parse(given: &[(&str, &str)]) -> Result<Parameters, InvalidProfile> {
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned(), "na".to_owned()));
    Parameters::parse(given.collect())
}

fn many(count: usize, value: &str) -> Vec<(String, String, String)> {
    let rule = (RULE.0.to_owned(), RULE.1.to_owned(), "na".to_owned());
    let others = (1..count).map(|number| (format!("Parameter_{number}"), value.to_owned(), "rw".to_owned()));
    std::iter::once(rule).chain(others).collect()
}

#[test]
fn a_profile_keeps_its_parameters_whole_and_in_order() {
    let key = "[--key \"a secret\"] https://nps.example/$MA.xml ";
    let given =
        [("Upgrade_Enable", "Yes"), ("Profile_Rule", key), ("Report_Rule", "[--delta] https://nps.example/report")];
    let parameters = parse(&given).expect("a profile");
    let kept: Vec<_> = parameters.iter().map(|parameter| (parameter.name(), parameter.expose())).collect();
    assert_eq!(kept, given);
}

#[test]
fn a_rule_no_phone_understands_is_refused_under_its_name() {
    let refused = |name: &str, value: &str| parse(&[RULE, (name, value)]).expect_err(value).to_string();
    let of = |name: &str, value: &str| parse(&[(name, value)]).expect_err(value).to_string();
    assert!(of("Profile_Rule", "ftp://nps.example/a").starts_with("Profile_Rule: the scheme must be"));
    assert!(refused("Upgrade_Rule", "/firmware.loads").starts_with("Upgrade_Rule: this rule must name its server"));
    assert!(refused("Custom_CA_Rule", "[--key x] https://a.example/ca").starts_with("Custom_CA_Rule: --key"));
    assert!(refused("Report_Rule", "[--srv] https://a.example/").starts_with("Report_Rule: --srv"));
}

#[test]
fn the_second_report_place_is_ours() {
    for value in [
        "https://a.example/1 https://b.example/2",
        "[--delta] https://a.example/1 [--status] https://b.example/2",
        r#"("$CCERT" eq "Installed")? https://a.example/1 | https://b.example/2"#,
        r#" ("$CCERT" eq "Installed")? https://a.example/1"#,
    ] {
        assert_eq!(parse(&[RULE, ("Report_Rule", value)]), Err(InvalidProfile::SecondReport), "{value}");
    }
}

#[test]
fn the_set_must_be_whole() {
    use InvalidProfile as Bad;
    assert_eq!(parse(&[]), Err(Bad::NoProfileRule));
    assert_eq!(parse(&[("profile_rule", RULE.1)]), Err(Bad::NoProfileRule));
    assert_eq!(parse(&[RULE, RULE]), Err(Bad::Duplicate("Profile_Rule".to_owned())));
    assert!(parse(&[RULE, ("GPP_A", "1"), ("gpp_a", "2")]).is_ok());
    let longest = "n".repeat(64);
    assert!(parse(&[RULE, (&longest, "")]).is_ok());
    for name in ["", "1st", "_a", "a b", "a-b", "Proxy[1]", "é", &"n".repeat(65)] {
        assert_eq!(parse(&[RULE, (name, "x")]), Err(Bad::ParameterName(2)), "{name}");
    }
    for value in ["a\nb", "\t", "\u{7f}", "\u{85}", "\u{ffff}"] {
        assert_eq!(parse(&[RULE, ("GPP_A", value)]), Err(Bad::ValueCharacter("GPP_A".to_owned())), "{value:?}");
    }
}

#[test]
fn the_set_must_be_small() {
    use InvalidProfile as Bad;
    assert!(Parameters::parse(many(200, "x")).is_ok());
    assert_eq!(Parameters::parse(many(201, "x")), Err(Bad::TooMany));
    assert!(parse(&[RULE, ("GPP_A", &"x".repeat(4096))]).is_ok());
    assert_eq!(parse(&[RULE, ("GPP_A", &"x".repeat(4097))]), Err(Bad::ValueTooLong("GPP_A".to_owned())));
    assert!(Parameters::parse(many(16, &"x".repeat(4000))).is_ok());
    assert_eq!(Parameters::parse(many(17, &"x".repeat(4096))), Err(Bad::TooLarge));
}

#[test]
fn user_access_is_one_of_three_words() {
    for word in ["", "NA", "none", "rw "] {
        let given = vec![(RULE.0.to_owned(), RULE.1.to_owned(), word.to_owned())];
        assert_eq!(Parameters::parse(given), Err(InvalidProfile::UserAccess("Profile_Rule".to_owned())), "{word}");
    }
}

#[test]
fn stored_text_reads_back() {
    let parameters = parse(&[RULE, ("GPP_A", "\"é\\")]).expect("a profile");
    let text = serde_json::to_string(&parameters).expect("text");
    assert_eq!(serde_json::from_str::<Parameters>(&text).expect("parameters"), parameters);
}

proptest! {
    #[test]
    fn no_error_and_no_debug_shows_a_value(
        secret in "[A-Z]{12}",
        name in prop::sample::select(vec!["Profile_Rule", "Report_Rule", "Upgrade_Rule", "Custom_CA_Rule", "GPP_SA"]),
        shape in prop::sample::select(vec![
            "[--key @] https://nps.example/a", "[--key \"@\" https://nps.example/a",
            "[--pwd @ --@] https://nps.example/",
            "@://nps.example/a", "https://x:@@nps.example/", "[@] https://nps.example/", "(@) x", "@\n",
        ]),
    ) {
        let value = shape.replacen('@', &secret, 1).replace('@', &secret);
        let others = if name == RULE.0 { vec![] } else { vec![RULE] };
        let given: Vec<_> = others.into_iter().chain([(name, value.as_str())]).collect();
        let shown = match parse(&given) {
            Ok(parameters) => format!("{parameters:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        prop_assert!(!shown.contains(&secret), "{}", shown);
    }

    #[test]
    fn no_text_makes_it_panic(name in "\\PC{0,70}", value in "\\PC{0,80}", access in "\\PC{0,3}") {
        let _ = Parameters::parse(vec![(name, value.clone(), access)]);
        let _ = parse(&[(RULE.0, &value)]);
        let _ = parse(&[RULE, ("Report_Rule", &value)]);
    }
}
