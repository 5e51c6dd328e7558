//! A profile rule: `[condition]? [assignments]! [[options] address]`, alternatives split by `|`.
//!
//! The first alternative whose condition is true is taken. A rule is taken apart first and macros
//! are expanded in its pieces afterwards, so that no value can smuggle in an option or a bar.

use std::fmt;

use crate::condition::Condition;
use crate::macros::expand;
use crate::options::Options;

/// A rule as written, taken apart.
#[derive(Clone)]
pub(crate) struct Rule(Vec<Alternative>);

#[derive(Clone)]
struct Alternative {
    condition: Option<Condition>,
    assignments: Vec<(String, String)>,
    options: Options,
    address: String,
}

/// The rule cannot be read. Never repeats the rule: it may carry keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// Something after the address, or nothing understandable before it.
    #[error("the rule is not of the form (condition)? (assignments)! [options] address")]
    Shape,
    /// A quotation mark without its partner.
    #[error("the rule has a quotation mark that is not closed")]
    Quote,
    /// A parenthesis or bracket without its partner.
    #[error("the rule has a parenthesis or bracket that is not closed")]
    Bracket,
    /// Not comparisons joined by `and`.
    #[error("the rule has a condition that is not comparisons joined by and")]
    Condition,
    /// Strings are only equal or not.
    #[error("the rule asks which of two strings is the smaller; quoted strings are only equal or not")]
    StringOrder,
    /// Not `name = "value";`.
    #[error("the rule has assignments that are not of the form name = \"value\";")]
    Assignment,
    /// An option that no phone knows, or one without its value.
    #[error("the rule has an option that this phone does not know, or one without its value")]
    Option,
}

/// What a rule comes to, with every macro expanded but those of the options.
pub(crate) struct Choice {
    /// Parameters to set before the download.
    pub(crate) assignments: Vec<(String, String)>,
    /// What stood in the brackets.
    pub(crate) options: Options,
    /// Where to download from; empty when the alternative names nothing.
    pub(crate) address: String,
}

impl Rule {
    /// Takes a rule apart.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidRule> {
        let mut alternatives = Vec::new();
        let mut rest = text;
        loop {
            let (alternative, after) = Alternative::parse(rest)?;
            alternatives.push(alternative);
            match after {
                Some(after) => rest = after,
                None => return Ok(Self(alternatives)),
            }
        }
    }

    /// The alternative that applies to a phone for which `value_of` gives the macros' values.
    pub(crate) fn choose(&self, value_of: impl Fn(&str) -> Option<String>) -> Result<Option<Choice>, InvalidRule> {
        let expanded = |text: &str| expand(text, &value_of);
        for alternative in &self.0 {
            if let Some(condition) = &alternative.condition
                && !condition.holds(expanded)?
            {
                continue;
            }
            let assigned = |(name, value): &(String, String)| (name.clone(), expanded(value));
            return Ok(Some(Choice {
                assignments: alternative.assignments.iter().map(assigned).collect(),
                options: alternative.options.clone(),
                address: expanded(&alternative.address),
            }));
        }
        Ok(None)
    }
}

impl Choice {
    /// "Use the gds:// profile rule to trigger the activation code screen."
    pub(crate) fn is_code_screen(&self) -> bool {
        self.address.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("gds://"))
    }
}

impl Alternative {
    /// Reads one alternative, and gives the text after the bar that ends it.
    fn parse(text: &str) -> Result<(Self, Option<&str>), InvalidRule> {
        let mut rest = text.trim_start();
        let mut condition = None;
        let mut assignments = Vec::new();
        let mut options = Options::default();
        if let Some((inside, after)) = enclosed(rest, ('(', ')'))?
            && let Some(after) = after.trim_start().strip_prefix('?')
        {
            condition = Some(Condition::parse(inside)?);
            rest = after.trim_start();
        }
        if let Some((inside, after)) = enclosed(rest, ('(', ')'))? {
            let after = after.trim_start().strip_prefix('!').ok_or(InvalidRule::Shape)?;
            assignments = parse_assignments(inside)?;
            rest = after.trim_start();
        }
        if let Some((inside, after)) = enclosed(rest, ('[', ']'))? {
            options = Options::parse(inside)?;
            rest = after;
        }
        let (address, after) = match rest.split_once('|') {
            Some((address, after)) => (address.trim(), Some(after)),
            None => (rest.trim(), None),
        };
        if address.contains(|c: char| c.is_whitespace() || c == '"') {
            return Err(InvalidRule::Shape);
        }
        Ok((Self { condition, assignments, options, address: address.to_owned() }, after))
    }
}

/// If `text` begins with the first bracket: what stands between it and its partner, and the text
/// after that. Brackets inside quotation marks do not count.
pub(crate) fn enclosed(text: &str, (open, close): (char, char)) -> Result<Option<(&str, &str)>, InvalidRule> {
    let Some(inside) = text.strip_prefix(open) else {
        return Ok(None);
    };
    let mut depth = 1_usize;
    let mut is_quoted = false;
    for (place, c) in inside.char_indices() {
        if c == '"' {
            is_quoted = !is_quoted;
        } else if c == open && !is_quoted {
            depth += 1;
        } else if c == close && !is_quoted {
            depth -= 1;
        }
        if depth == 0 {
            let (inside, after) = inside.split_at(place);
            return Ok(Some((inside, after.strip_prefix(close).unwrap_or_default())));
        }
    }
    Err(if is_quoted { InvalidRule::Quote } else { InvalidRule::Bracket })
}

/// `Line_Enable_1_ = "No"; GPP_C = "";`
fn parse_assignments(text: &str) -> Result<Vec<(String, String)>, InvalidRule> {
    let mut assignments = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or(InvalidRule::Assignment)?;
        let name = name.trim();
        let proper = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let inside = after.trim_start().strip_prefix('"').filter(|_| proper).ok_or(InvalidRule::Assignment)?;
        let (value, after) = inside.split_once('"').ok_or(InvalidRule::Quote)?;
        assignments.push((name.to_owned(), value.to_owned()));
        let after = after.trim_start();
        rest = match after.strip_prefix(';') {
            Some(after) => after.trim_start(),
            None if after.is_empty() => after,
            None => return Err(InvalidRule::Assignment),
        };
    }
    Ok(assignments)
}

/// The rule with everything left out that could be secret: what is compared, what is assigned, the
/// values of options, and queries.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, alternative) in self.0.iter().enumerate() {
            let bar = if place > 0 { " | " } else { "" };
            let condition = if alternative.condition.is_some() { "(…)? " } else { "" };
            let assignments = if alternative.assignments.is_empty() { "" } else { "(…)! " };
            let address = shown_address(&alternative.address);
            write!(f, "{bar}{condition}{assignments}{}{address}", alternative.options)?;
        }
        Ok(())
    }
}

/// An address whose macros are not expanded, without its query.
fn shown_address(address: &str) -> String {
    if address.contains('@') {
        // Not an address that the phone takes, but perhaps a password in front of a server's name.
        return "…".to_owned();
    }
    match address.split_once('?') {
        Some((path, _)) => format!("{path}?…"),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts(name: &str) -> Option<String> {
        let value = match name {
            "MA" => "00562b043615",
            "MAU" => "00562B043615",
            "CCERT" => "Not Installed",
            "SWVER" => "11.0.1",
            "A" => "x | http://evil/",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn address(text: &str) -> Result<Option<String>, InvalidRule> {
        Ok(Rule::parse(text)?.choose(facts)?.map(|choice| choice.address))
    }

    #[test]
    fn the_documented_forms_lead_where_they_say() {
        for (text, expected) in [
            ("https://p.example/$MA.xml", "https://p.example/00562b043615.xml"),
            (" [--srv] https://example.com/$(MAU).xml ", "https://example.com/00562B043615.xml"),
            (r#"[--key "a|]b" --uid u]http://h/a"#, "http://h/a"),
            (
                r#"("$CCERT" eq "Installed")? https://h/config? | https://h/config?cisco$MAU"#,
                "https://h/config?cisco00562B043615",
            ),
            (r#"("$CCERT" ne "Installed")? https://h/a | https://h/b"#, "https://h/a"),
            (r#"($SWVER lt 12.0)? (Line_Enable_1_ = "No"; c = "";)! http://h/c"#, "http://h/c"),
            (r#"("$(MA:0:2)" eq "00")? http://h/d"#, "http://h/d"),
            ("$(MA)", "00562b043615"),
            ("gds://", "gds://"),
            ("", ""),
        ] {
            assert_eq!(address(text), Ok(Some(expected.to_owned())), "{text}");
        }
        assert_eq!(address(r#"("a" eq "b")? http://h/"#), Ok(None));
    }

    #[test]
    fn assignments_belong_to_the_alternative_taken() {
        let rule = Rule::parse(r#"("a" eq "b")? (A = "1")! x | (GPP_B = "$MA"; C="x;y")! [--uid me --pwd hush] y"#)
            .expect("a rule");
        let choice = rule.choose(facts).expect("no wrong condition").expect("an alternative");
        assert_eq!(
            choice.assignments,
            [("GPP_B", "00562b043615"), ("C", "x;y")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
        assert_eq!(choice.options.login(), Some(("me", "hush")));
        assert_eq!(choice.address, "y");
    }

    #[test]
    fn a_value_cannot_bring_in_another_alternative() {
        assert_eq!(address("http://h/$A"), Ok(Some("http://h/x | http://evil/".to_owned())));
    }

    #[test]
    fn only_gds_is_the_code_screen() {
        for (text, expected) in
            [("gds://", true), ("GDS://x", true), ("gds:/", false), ("http://gds://", false), ("", false)]
        {
            let choice =
                Rule::parse(text).expect("a rule").choose(facts).expect("no condition").expect("an alternative");
            assert_eq!(choice.is_code_screen(), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_being_repeated() {
        for (text, refusal) in [
            ("http://h/a hush", InvalidRule::Shape),
            ("(\"hush\" eq \"b\") http://h", InvalidRule::Shape),
            ("(\"hush", InvalidRule::Quote),
            ("(hush", InvalidRule::Bracket),
            ("[--key hush http://h", InvalidRule::Bracket),
            ("[--pwdhush] http://h", InvalidRule::Option),
            ("(A = hush;)! x", InvalidRule::Assignment),
            ("(A = \"1\" hush)! x", InvalidRule::Assignment),
            ("(hush)? x", InvalidRule::Condition),
        ] {
            assert_eq!(Rule::parse(text).err(), Some(refusal), "{text}");
            assert!(!refusal.to_string().contains("hush"));
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        for (text, shown) in [
            (
                "[--key \"hush\" --uid hush --pwd hush] https://h/$MA.xml?p=hush",
                "[--key … --uid … --pwd …] https://h/$MA.xml?…",
            ),
            ("(\"$A\" eq \"hush\")? (GPP_A = \"hush\")! http://h/a | /b?hush", "(…)? (…)! http://h/a | /b?…"),
            ("http://me:hush@h/a", "…"),
            ("gds://", "gds://"),
        ] {
            let printed = Rule::parse(text).expect("a rule").to_string();
            assert_eq!(printed, shown);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[()\\[\\]\"|?!$=;a-c -]{0,40}|\\PC{0,30}") {
            if let Ok(rule) = Rule::parse(&text) {
                let _ = rule.choose(facts);
                let _ = rule.to_string();
            }
        }

        #[test]
        fn the_first_true_alternative_is_taken(truths in prop::collection::vec(any::<bool>(), 1..6)) {
            let alternatives: Vec<String> = truths.iter().enumerate()
                .map(|(place, truth)| format!("(1 eq {})? http://h/{place}", u8::from(*truth))).collect();
            let expected = truths.iter().position(|truth| *truth).map(|place| format!("http://h/{place}"));
            prop_assert_eq!(address(&alternatives.join("|")), Ok(expected));
        }

        #[test]
        fn a_key_is_never_shown(key in "[a-z|\\]() ]{6,20}") {
            let rule = Rule::parse(&format!("[--key \"{key}\"] http://host.example/x.cfg")).expect("a rule");
            prop_assert_eq!(rule.to_string(), "[--key …] http://host.example/x.cfg");
        }
    }
}
