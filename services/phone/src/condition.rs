//! The condition of a rule's alternative: `"$CCERT" eq "Installed" and $SWVER ge 11.0.1`.
//!
//! Quoted operands are strings and only equal or not; unquoted ones are integers or versions and
//! have an order. There is no `or` and there are no parentheses.

use crate::rule::InvalidRule;

/// Comparisons that must all hold.
#[derive(Debug, Clone)]
pub(crate) struct Condition(Vec<Comparison>);

#[derive(Debug, Clone)]
struct Comparison {
    left: Operand,
    relation: Relation,
    right: Operand,
}

/// An operand as written, before macros are expanded.
#[derive(Debug, Clone)]
enum Operand {
    Quoted(String),
    Bare(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    /// Every spelling; longer symbols first, so that `<=` is not read as `<`.
    const SPELLINGS: [(&'static str, Self); 12] = [
        ("!=", Self::NotEqual),
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("=", Self::Equal),
        ("<", Self::Less),
        (">", Self::Greater),
        ("eq", Self::Equal),
        ("ne", Self::NotEqual),
        ("lt", Self::Less),
        ("le", Self::LessOrEqual),
        ("gt", Self::Greater),
        ("ge", Self::GreaterOrEqual),
    ];

    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Condition {
    /// Reads what stands between the parentheses.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidRule> {
        let mut words = Words { rest: text };
        let mut comparisons = Vec::new();
        loop {
            let left = words.operand()?;
            let relation = words.relation()?;
            let right = words.operand()?;
            comparisons.push(Comparison { left, relation, right });
            if words.is_at_end() {
                return Ok(Self(comparisons));
            }
            words.and()?;
        }
    }

    /// Whether it is true, with macros given their values by `expand`.
    pub(crate) fn holds(&self, expand: impl Fn(&str) -> String) -> Result<bool, InvalidRule> {
        for comparison in &self.0 {
            if !comparison.holds(&expand)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Comparison {
    fn holds(&self, expand: impl Fn(&str) -> String) -> Result<bool, InvalidRule> {
        match (&self.left, &self.right) {
            (Operand::Bare(left), Operand::Bare(right)) => {
                Ok(self.relation.holds(version(&expand(left)).cmp(&version(&expand(right)))))
            }
            (Operand::Quoted(left) | Operand::Bare(left), Operand::Quoted(right) | Operand::Bare(right)) => {
                let same = expand(left) == expand(right);
                match self.relation {
                    Relation::Equal => Ok(same),
                    Relation::NotEqual => Ok(!same),
                    Relation::Less | Relation::LessOrEqual | Relation::Greater | Relation::GreaterOrEqual => {
                        Err(InvalidRule::StringOrder)
                    }
                }
            }
        }
    }
}

/// A run of digits or of letters. A release without letters comes before one with them
/// (`11-3-2` before `11-3-2MPP0001`) by having fewer parts.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Letters(String),
}

/// The parts that count in `11`, `11.0.1`, `11-3-2MPP0001-609` and `sip88xx.11-3-2MPP0001-609`: what
/// stands before the version proper names the model and is left out.
fn version(text: &str) -> Vec<Part> {
    let text = match text.split_once('.') {
        Some((model, version)) if model.starts_with(|c: char| c.is_ascii_alphabetic()) => version,
        Some(_) | None => text,
    };
    let mut parts = Vec::new();
    let mut rest = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    while let Some(first) = rest.chars().next() {
        let number = first.is_ascii_digit();
        let end = rest.find(|c: char| !c.is_alphanumeric() || c.is_ascii_digit() != number).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        // A number too long for 64 bits is larger than any real build number.
        let part = if number { Part::Number(part.parse().unwrap_or(u64::MAX)) } else { Part::Letters(part.to_owned()) };
        parts.push(part);
        rest = after.trim_start_matches(|c: char| !c.is_alphanumeric());
    }
    parts
}

struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    fn is_at_end(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        self.rest.is_empty()
    }

    fn operand(&mut self) -> Result<Operand, InvalidRule> {
        let text = self.rest.trim_start();
        if let Some(inside) = text.strip_prefix('"') {
            let (string, rest) = inside.split_once('"').ok_or(InvalidRule::Quote)?;
            self.rest = rest;
            return Ok(Operand::Quoted(string.to_owned()));
        }
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '=' | '!' | '<' | '>');
        let (word, rest) = text.split_at(text.find(ends).unwrap_or(text.len()));
        self.rest = rest;
        // Parentheses belong only to macros: conditions are not grouped.
        let grouped = word.contains(['(', ')']) && !word.contains("$(");
        if word.is_empty() || grouped { Err(InvalidRule::Condition) } else { Ok(Operand::Bare(word.to_owned())) }
    }

    fn relation(&mut self) -> Result<Relation, InvalidRule> {
        let text = self.rest.trim_start();
        for (spelling, relation) in Relation::SPELLINGS {
            if let Some(rest) = text.strip_prefix(spelling) {
                let is_word = spelling.starts_with(|c: char| c.is_ascii_alphabetic());
                if is_word && !ends_word(rest) {
                    continue;
                }
                self.rest = rest;
                return Ok(relation);
            }
        }
        Err(InvalidRule::Condition)
    }

    fn and(&mut self) -> Result<(), InvalidRule> {
        let text = self.rest.trim_start();
        let rest = text.strip_prefix("and").or_else(|| text.strip_prefix("AND"));
        self.rest = rest.filter(|rest| ends_word(rest)).ok_or(InvalidRule::Condition)?;
        Ok(())
    }
}

fn ends_word(rest: &str) -> bool {
    !rest.starts_with(|c: char| c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(text: &str) -> Result<bool, InvalidRule> {
        let expand =
            |text: &str| text.replace("$SWVER", "sip88xx.11-3-2MPP0001-609").replace("$A", "yes").replace("$N", "");
        Condition::parse(text).and_then(|condition| condition.holds(expand))
    }

    #[test]
    fn strings_are_equal_or_not() {
        for (text, expected) in [
            (r#""$A" eq "yes""#, true),
            (r#""$A"ne"yes""#, false),
            (r#""$A" != "no" and "a" = "a""#, true),
            (r#"$A eq "yes" AND "a" eq "b""#, false),
            (r#""$N" eq """#, true),
        ] {
            assert_eq!(holds(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn integers_and_versions_have_an_order() {
        for (text, expected) in [
            ("9 lt 10", true),
            ("10<=10", true),
            ("10>10", false),
            ("007 eq 7", true),
            ("$SWVER ge 11.0.1", true),
            ("$SWVER lt 11-3-2MPP0002-256", true),
            ("11-3-1MPP-110 gt 11-2-3MPP-256", true),
            ("$SWVER >= 11-3-2", true),
            ("$SWVER eq sip78xx.11-3-2MPP0001-609", true),
            ("$N lt 1", true),
        ] {
            assert_eq!(holds(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn other_sentences_are_refused() {
        for text in
            ["", "1", "1 eq", "1 eqq 2", "1 eq 2 or 3 eq 4", "1 eq 2 and", "1 eq 2 andy", "\"a", "(1 eq 1)", "= 1"]
        {
            let refused = matches!(holds(text), Err(InvalidRule::Condition | InvalidRule::Quote));
            assert!(refused, "{text}: {:?}", holds(text));
        }
        assert_eq!(holds(r#""a" lt "b""#), Err(InvalidRule::StringOrder));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\"$A0-9a-z.=!<> -]{0,40}|\\PC{0,20}") {
            let _ = holds(&text);
        }

        #[test]
        fn exactly_one_of_three_relations_holds(left in "[0-9A-Z.-]{1,12}", right in "[0-9A-Z.-]{1,12}") {
            let count = ["lt", "eq", "gt"].into_iter()
                .filter(|relation| holds(&format!("{left} {relation} {right}")) == Ok(true)).count();
            prop_assert_eq!(count, 1);
        }
    }
}
