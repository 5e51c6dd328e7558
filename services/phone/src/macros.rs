//! Expands `$NAME`, `$(NAME)`, `$(NAME:p)` and `$(NAME:p:q)`.
//!
//! `$$` is a dollar sign; `p` and `q` cut a part out of the value (characters to skip, characters to
//! take); an unknown name stays as it is written; a value is never expanded again.

/// The text with every macro replaced that `value_of` knows.
pub(crate) fn expand(text: &str, value_of: impl Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let (value, length) = match one(after, &value_of) {
            Some(found) => found,
            None => ("$".to_owned(), 0),
        };
        expanded.push_str(&value);
        rest = after.get(length..).unwrap_or_default();
    }
    expanded.push_str(rest);
    expanded
}

/// The value of the macro that begins `text`, and how many bytes its name takes.
fn one(text: &str, value_of: impl Fn(&str) -> Option<String>) -> Option<(String, usize)> {
    if text.starts_with('$') {
        return Some(("$".to_owned(), 1));
    }
    if let Some(inside) = text.strip_prefix('(') {
        let inside = inside.split_once(')')?.0;
        return Some((cut(inside, value_of)?, inside.len() + 2));
    }
    // A bare name goes on as long as there are letters and digits; parentheses end it earlier.
    let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    let name = text.get(..end)?;
    Some((value_of(name)?, end))
}

/// The value of `NAME`, `NAME:p` or `NAME:p:q`.
fn cut(inside: &str, value_of: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut parts = inside.split(':');
    let value = value_of(parts.next()?)?;
    let mut number = || parts.next().map(|part| part.trim().parse::<usize>().ok());
    let part = match (number(), number()) {
        (None, _) => value,
        (Some(skip), None) => value.chars().skip(skip?).collect(),
        (Some(skip), Some(take)) => value.chars().skip(skip?).take(take?).collect(),
    };
    parts.next().is_none().then_some(part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts(name: &str) -> Option<String> {
        let value = match name {
            "MA" => "00562b043615",
            "A" => "ABCDEF",
            "B" => "$MA",
            "N" => "",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn every_documented_form() {
        for (text, expected) in [
            ("https://p/$MA.xml", "https://p/00562b043615.xml"),
            ("$(MA)cfg", "00562b043615cfg"),
            ("$MAcfg", "$MAcfg"),
            ("$(A:2)", "CDEF"),
            ("$(A:2:3)", "CDE"),
            ("$(A:9)$(A:0:0)", ""),
            ("$(A:4:9)", "EF"),
            ("$B", "$MA"),
            ("$$MA", "$MA"),
            ("$STRANGE $(STRANGE:1)", "$STRANGE $(STRANGE:1)"),
            ("$(A:x) $(A:1:2:3) $(A", "$(A:x) $(A:1:2:3) $(A"),
            ("[$N]", "[]"),
            ("$MA_1", "00562b043615_1"),
            ("100$", "100$"),
        ] {
            assert_eq!(expand(text, facts), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[$(:)A-C0-9é| ]{0,30}") {
            let _ = expand(&text, facts);
        }

        #[test]
        fn text_without_a_dollar_sign_is_unchanged(text in "[^$]{0,40}") {
            prop_assert_eq!(expand(&text, facts), text);
        }

        #[test]
        fn a_cut_is_a_part_of_the_value(value in "\\PC{0,12}", skip in 0..15usize, take in 0..15usize) {
            let cut = expand(&format!("$(A:{skip}:{take})"), |_| Some(value.clone()));
            prop_assert!(value.contains(&cut));
            prop_assert_eq!(cut.chars().count(), value.chars().count().saturating_sub(skip).min(take));
        }
    }
}
