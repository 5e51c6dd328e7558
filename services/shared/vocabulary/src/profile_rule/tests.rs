//! Rules as providers write them: what is understood, and what is refused.

use proptest::prelude::*;

use super::*;

fn profile(text: &str) -> Result<ProfileRule, InvalidProfileRule> {
    ProfileRule::parse(RuleKind::Profile, text)
}

fn only_url(text: &str) -> RuleUrl {
    let rule = profile(text).expect("a rule");
    assert_eq!(rule.urls().len(), 1, "{text}");
    rule.urls()[0].clone()
}

#[test]
fn the_chapters_defaults_are_filled_in() {
    let full = only_url("tftp://192.168.1.5/CP_x8xx_MPP.cfg");
    assert_eq!((full.scheme, full.server.as_deref(), full.port), (Scheme::Tftp, Some("192.168.1.5"), 69));
    let bare = only_url("/$PSN.xml");
    assert_eq!((bare.scheme, bare.server, bare.path.as_str()), (Scheme::Tftp, None, "/$PSN.xml"));
    let host = only_url("prov.example/a.cfg");
    assert_eq!((host.scheme, host.server.as_deref(), host.port), (Scheme::Tftp, Some("prov.example"), 69));
    assert_eq!(only_url("HTTP://prov.example/a").port, 80);
    assert_eq!(only_url("https://prov.example/a").port, 443);
    assert_eq!(only_url("https://prov.example:8443/a").port, 8443);
    assert_eq!(only_url("https://[2001:db8::1]:8443/a").server.as_deref(), Some("[2001:db8::1]"));
    assert_eq!(only_url("http://$(MA:1:3).example/a").port, 80);
    assert_eq!(only_url("gds://").scheme, Scheme::Gds);
}

#[test]
fn options_are_understood_and_their_secrets_hidden() {
    let rule = profile(r#"[--key "a | b ] c" --uid joe --pwd $SA --post b --srv] https://prov.example/$MA.xml"#)
        .expect("a rule");
    assert!(rule.carries_secret());
    assert_eq!(rule.to_string(), r#"[--key "****" --uid **** --pwd $SA --post b --srv] https://prov.example/$MA.xml"#);
    assert!(!format!("{rule:?}").contains("joe"));
    assert!(rule.expose().contains("a | b ] c"));
    assert!(!profile("[--key $SA] https://prov.example/a").expect("a rule").carries_secret());
}

#[test]
fn alternatives_with_conditions_and_assignments() {
    let rule = profile(r#"("$CCERT" eq "Installed")? https://a.example/c? | ("$A" ne "x|y")? (c = "";)! https://b.example/ | https://c.example/$MAU"#)
        .expect("a rule");
    let servers: Vec<_> = rule.urls().iter().filter_map(|url| url.server.as_deref()).collect();
    assert_eq!(servers, ["a.example", "b.example", "c.example"]);
    assert!(profile(r#"(Line_Enable_1_ = "No";)!"#).is_ok());
}

#[test]
fn unknown_macros_are_warned_about_once() {
    let rule = profile("https://prov.example/$MA/$FOO/$(BAR:1)/$FOO/$$X").expect("a rule");
    let warnings = rule.warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("$FOO ") && warnings[1].starts_with("$BAR "));
}

#[test]
fn what_a_phone_would_not_understand_is_refused_with_the_reason() {
    use InvalidProfileRule as Bad;
    let cases = [
        ("", Bad::Empty),
        ("ftp://prov.example/a", Bad::UnknownScheme),
        ("gds://x", Bad::UnknownScheme),
        ("https://prov.example:0/a", Bad::InvalidPort),
        ("https://prov.example:+80/a", Bad::InvalidPort),
        ("https://prov.example:99999/a", Bad::InvalidPort),
        ("https://u:p@prov.example/a", Bad::CredentialsInUrl),
        ("https://prov example/a", Bad::SpaceInUrl),
        ("https://prov!/a", Bad::InvalidServer),
        ("[--key x https://prov.example/a", Bad::NotClosed("a bracket [")),
        ("[--key] https://prov.example/a", Bad::MissingValue("--key".into())),
        ("[--key ****] https://prov.example/a", Bad::Placeholder("--key".into())),
        ("[--post z] https://prov.example/a", Bad::NotALetter("--post".into())),
        ("[--srv] tftp://prov.example/a", Bad::TftpWithSrv),
        ("https://a.example/ | https://b.example/", Bad::Unreachable(1)),
        (r#"("$A" eq "x")?"#, Bad::NothingToDo(1)),
        ("(x) https://a.example/", Bad::LooseExpression),
        ("https://a.example/\nb", Bad::ControlCharacter),
    ];
    for (text, wanted) in cases {
        assert_eq!(profile(text), Err(wanted), "{text}");
    }
    let lost = profile("[hunter2] https://prov.example/a").expect_err("a word out of place");
    assert!(!lost.to_string().contains("hunter2"));
}

#[test]
fn each_kind_of_rule_has_its_own_options() {
    assert!(ProfileRule::parse(RuleKind::Upgrade, "[--key x] http://prov.example/a.loads").is_err());
    assert_eq!(ProfileRule::parse(RuleKind::Upgrade, "/a.loads"), Err(InvalidProfileRule::ServerMissing));
    assert!(ProfileRule::parse(RuleKind::Report, "[--status] https://prov.example/r").is_ok());
    assert!(profile("[--status] https://prov.example/r").is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]()?!|\"$ a-z:/-]{0,60}") {
        if let Ok(rule) = profile(&text) {
            let _ = (rule.to_string(), rule.warnings());
        }
    }

    #[test]
    fn a_rule_shows_everything_but_its_secret(secret in "[a-zA-Z0-9]{24}", path in "[a-z0-9/.]{0,20}") {
        let rule = profile(&format!("[--key {secret}] https://prov.example/{path}")).expect("a rule");
        prop_assert!(!rule.to_string().contains(&secret));
        prop_assert_eq!(rule.to_string(), format!("[--key ****] https://prov.example/{path}"));
        prop_assert!(rule.expose().contains(&secret));
    }
}
