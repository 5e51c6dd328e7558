//! The XML that a phone downloads (chapter, the `config.xml` example; wire-facts: entities, `ua`).

use contracts::redirection::Parameter;

/// Renders parameters as `<device><flat-profile>…`, in order.
///
/// Macros (`$MA`) are left for the phone to expand. Characters outside ASCII are written as numeric
/// entities, because the phone's documents promise UTF-8 in one place and only ASCII in another.
pub(crate) fn render<'a>(parameters: impl IntoIterator<Item = &'a Parameter>) -> String {
    let mut xml = String::with_capacity(512);
    xml.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device>\n<flat-profile>\n");
    for parameter in parameters {
        // Names and user access were checked when the profile was made; escaping them costs nothing.
        xml.push('<');
        escape(&mut xml, &parameter.name);
        xml.push_str(" ua=\"");
        escape(&mut xml, &parameter.user_access);
        xml.push_str("\">");
        escape(&mut xml, &parameter.value);
        xml.push_str("</");
        escape(&mut xml, &parameter.name);
        xml.push_str(">\n");
    }
    xml.push_str("</flat-profile>\n</device>\n");
    xml
}

fn escape(xml: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            ' '..='~' => xml.push(character),
            _ => {
                xml.push_str("&#");
                xml.push_str(&u32::from(character).to_string());
                xml.push(';');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parameter(name: &str, value: &str, user_access: &str) -> Parameter {
        Parameter { name: name.to_owned(), value: value.to_owned(), user_access: user_access.to_owned() }
    }

    /// Compares with `tests/golden/flat_profile/{name}`; `UPDATE_GOLDEN=1` rewrites it.
    fn assert_golden(name: &str, xml: &str) {
        let file = format!("{}/../../tests/golden/flat_profile/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&file, xml).expect("the golden file can be written");
        }
        let golden = std::fs::read_to_string(&file).expect("the golden file; UPDATE_GOLDEN=1 makes it");
        assert_eq!(xml, golden, "{name}");
    }

    #[test]
    fn golden_files_for_three_phones() {
        let rule = |value| parameter("Profile_Rule", value, "na");
        let plain = [rule("https://nps.example/$MA.xml")];
        assert_golden("cp-7832-3pcc.xml", &render(&plain));
        let firmware = [
            rule("[--key $SA --srv] https://nps.example/$PSN/$(MA:1:6).xml?a=1&b=2"),
            parameter("Upgrade_Enable", "Yes", "na"),
            parameter("Upgrade_Rule", "http://nps.example/sip88xx.12-0-3MPP0001-609.loads", "na"),
            parameter("Custom_CA_Rule", "http://nps.example/ca.pem", "na"),
            parameter("Report_Rule", "[--status] https://dialtone.example/report/token", "na"),
        ];
        assert_golden("cp-8841-3pcc.xml", &render(&firmware));
        let texts = [
            rule("gds://"),
            parameter("Station_Name", "Zoë's <phone> \"1\" & co", "rw"),
            parameter("Time_Zone", "GMT+01:00", "ro"),
        ];
        assert_golden("cp-6841-3pcc.xml", &render(&texts));
    }

    /// A reader written only for this test: undoes what the renderer did.
    fn parse(xml: &str) -> Vec<(String, String, String)> {
        let lines = xml.lines().filter(|line| line.contains(" ua=\""));
        let cut = |line: &str| {
            let (name, rest) = line.strip_prefix('<')?.split_once(" ua=\"")?;
            let (access, rest) = rest.split_once("\">")?;
            let value = rest.strip_suffix(&format!("</{name}>"))?;
            Some((unescape(name), unescape(value), unescape(access)))
        };
        lines.map(|line| cut(line).expect("one element on a line")).collect()
    }

    fn unescape(text: &str) -> String {
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('&') {
            let (entity, after) = after.split_once(';').expect("a closed entity");
            plain.push_str(before);
            plain.push(match entity {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                number => {
                    let number = number.strip_prefix('#').and_then(|digits| digits.parse().ok());
                    number.and_then(char::from_u32).expect("a numeric entity")
                }
            });
            rest = after;
        }
        plain + rest
    }

    proptest! {
        #[test]
        fn what_is_rendered_reads_back(values in prop::collection::vec(("[A-Z][A-Za-z0-9_]{0,12}", "\\PC{0,30}", "na|ro|rw"), 0..6)) {
            let parameters: Vec<Parameter> = values.iter().map(|(name, value, access)| parameter(name, value, access)).collect();
            let xml = render(&parameters);
            prop_assert!(xml.is_ascii());
            prop_assert_eq!(parse(&xml), values);
        }
    }
}
