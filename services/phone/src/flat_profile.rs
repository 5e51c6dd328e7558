//! Reads a flat profile: `<flat-profile>`, alone or inside `<device>`, with one element a parameter.
//!
//! Only what the phone documents: comments and the XML header are skipped, attributes (`ua`) are
//! read over, the five entities and numeric ones are decoded. Anything else in the markup makes the
//! profile corrupt, which is the chapter's class B.

/// The parameters in the order they stand; a name may come twice.
pub(crate) type Entries = Vec<(String, String)>;

/// The file is not a flat profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProfile {
    /// It begins as a gzip file does.
    #[error("the profile is compressed; this virtual phone reads only plain ones")]
    Compressed,
    /// It begins as `openssl enc -salt` writes.
    #[error("the profile is encrypted; this virtual phone reads only plain ones")]
    Encrypted,
    /// Not UTF-8.
    #[error("the profile is not text")]
    NotText,
    /// Not well-formed, or markup that no phone reads.
    #[error("the profile is not proper XML")]
    NotXml,
    /// Nothing inside is called `flat-profile`.
    #[error("the file holds no flat-profile element")]
    NoFlatProfile,
}

/// Reads the whole file.
pub(crate) fn parse(bytes: &[u8]) -> Result<Entries, InvalidProfile> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(InvalidProfile::Compressed);
    }
    if bytes.starts_with(b"Salted__") {
        return Err(InvalidProfile::Encrypted);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| InvalidProfile::NotText)?;
    let mut markup = Markup { rest: text.trim_start_matches('\u{feff}') };
    let mut reading = Reading::default();
    while let Some(token) = markup.next()? {
        match token {
            Token::Open(name) => reading.open(name)?,
            Token::Close(name) => reading.close(name)?,
            Token::Empty(name) => {
                reading.open(name)?;
                reading.close(name)?;
            }
            Token::Text(text) => reading.text(text)?,
        }
    }
    reading.finish()
}

/// What has been read so far.
#[derive(Default)]
struct Reading<'a> {
    /// The elements that are open, outermost first.
    open: Vec<&'a str>,
    /// The text of the parameter that is open.
    value: String,
    entries: Entries,
    found: bool,
    ended: bool,
}

impl<'a> Reading<'a> {
    fn open(&mut self, name: &'a str) -> Result<(), InvalidProfile> {
        if self.ended {
            return Err(InvalidProfile::NotXml);
        }
        self.open.push(name);
        self.found |= self.is_at_profile();
        if self.parameter().is_some() {
            self.value.clear();
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<(), InvalidProfile> {
        if self.open.last() != Some(&name) {
            return Err(InvalidProfile::NotXml);
        }
        if let Some(parameter) = self.parameter() {
            let entry = (parameter.to_owned(), tidy(&self.value));
            self.entries.push(entry);
        }
        self.open.pop();
        self.ended = self.open.is_empty();
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), InvalidProfile> {
        if self.parameter().is_some() {
            return decode(text, &mut self.value);
        }
        let stray = self.open.is_empty() && !text.trim().is_empty();
        if stray { Err(InvalidProfile::NotXml) } else { Ok(()) }
    }

    fn finish(self) -> Result<Entries, InvalidProfile> {
        if !self.open.is_empty() {
            return Err(InvalidProfile::NotXml);
        }
        if self.found { Ok(self.entries) } else { Err(InvalidProfile::NoFlatProfile) }
    }

    fn is_at_profile(&self) -> bool {
        matches!(self.open.as_slice(), ["flat-profile"] | ["device", "flat-profile"])
    }

    /// The parameter whose element is the innermost open one.
    fn parameter(&self) -> Option<&'a str> {
        match self.open.as_slice() {
            ["flat-profile", name] | ["device", "flat-profile", name] => Some(name),
            // `<device><flat-profile>` is no parameter of a bare profile called `device`.
            _ => None,
        }
    }
}

/// Newlines become spaces, and space around the value is no part of it.
fn tidy(value: &str) -> String {
    value.replace("\r\n", " ").replace(['\r', '\n'], " ").trim().to_owned()
}

fn decode(text: &str, into: &mut String) -> Result<(), InvalidProfile> {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        let (entity, after) = after.split_once(';').ok_or(InvalidProfile::NotXml)?;
        into.push_str(before);
        into.push(character(entity).ok_or(InvalidProfile::NotXml)?);
        rest = after;
    }
    into.push_str(rest);
    Ok(())
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        numeric => {
            let number = numeric.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

enum Token<'a> {
    Open(&'a str),
    Close(&'a str),
    Empty(&'a str),
    Text(&'a str),
}

/// Cuts the text into tags and what stands between them.
struct Markup<'a> {
    rest: &'a str,
}

impl<'a> Markup<'a> {
    fn next(&mut self) -> Result<Option<Token<'a>>, InvalidProfile> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            if self.rest.starts_with("<!--") {
                self.skip_past("-->")?;
            } else if self.rest.starts_with("<?") {
                self.skip_past("?>")?;
            } else if let Some(tag) = self.rest.strip_prefix('<') {
                return self.tag(tag).map(Some);
            } else {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                return Ok(Some(Token::Text(text)));
            }
        }
    }

    fn skip_past(&mut self, end: &str) -> Result<(), InvalidProfile> {
        self.rest = self.rest.split_once(end).ok_or(InvalidProfile::NotXml)?.1;
        Ok(())
    }

    fn tag(&mut self, tag: &'a str) -> Result<Token<'a>, InvalidProfile> {
        if let Some(tag) = tag.strip_prefix('/') {
            let (name, rest) = name(tag)?;
            self.rest = rest.trim_start().strip_prefix('>').ok_or(InvalidProfile::NotXml)?;
            return Ok(Token::Close(name));
        }
        let (name, mut rest) = name(tag)?;
        loop {
            let spaced = rest.trim_start();
            if let Some(rest) = spaced.strip_prefix('>') {
                self.rest = rest;
                return Ok(Token::Open(name));
            }
            if let Some(rest) = spaced.strip_prefix("/>") {
                self.rest = rest;
                return Ok(Token::Empty(name));
            }
            if spaced.len() == rest.len() {
                return Err(InvalidProfile::NotXml);
            }
            rest = after_attribute(spaced)?;
        }
    }
}

/// The name that begins the text, and the text after it.
fn name(text: &str) -> Result<(&str, &str), InvalidProfile> {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    let (name, rest) = text.split_at(text.find(|c| !part(c)).unwrap_or(text.len()));
    let proper = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if proper { Ok((name, rest)) } else { Err(InvalidProfile::NotXml) }
}

/// The text after one `name="value"`.
fn after_attribute(text: &str) -> Result<&str, InvalidProfile> {
    let (_, rest) = name(text)?;
    let value = rest.trim_start().strip_prefix('=').ok_or(InvalidProfile::NotXml)?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or(InvalidProfile::NotXml)?;
    let (inside, rest) = value.split_at(1).1.split_once(quote).ok_or(InvalidProfile::NotXml)?;
    if inside.contains('<') { Err(InvalidProfile::NotXml) } else { Ok(rest) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(text: &str) -> Result<Vec<(String, String)>, InvalidProfile> {
        parse(text.as_bytes())
    }

    fn one(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn the_chapters_example_is_read() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device>\n<flat-profile>\n\
            <!-- System Configuration -->\n<Profile_Rule ua=\"na\">gds://</Profile_Rule>\n\
            <Upgrade_Enable ua='na' >Yes</Upgrade_Enable>\n<!-- <BACKUP_ACS_Password ua=\"na\"/> -->\n\
            </flat-profile> </device>\n";
        let expected = [("Profile_Rule", "gds://"), ("Upgrade_Enable", "Yes")];
        assert_eq!(entries(text), Ok(expected.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()));
    }

    #[test]
    fn values_are_decoded_and_tidied() {
        assert_eq!(
            entries("<flat-profile><A>\n a&amp;b&#60;&#x3E; \r\n c </A></flat-profile>"),
            Ok(one("A", "a&b<>   c"))
        );
        assert_eq!(entries("<flat-profile><A ua=\"rw\"/></flat-profile>"), Ok(one("A", "")));
        assert_eq!(entries("<flat-profile><A>x<!-- no -->y</A></flat-profile>"), Ok(one("A", "xy")));
        assert_eq!(entries("<flat-profile/>"), Ok(Vec::new()));
        assert_eq!(entries("<device><A>1</A><flat-profile/></device>"), Ok(Vec::new()));
    }

    #[test]
    fn both_of_two_are_kept_in_order() {
        let twice = entries("<flat-profile><A>1</A><A>2</A></flat-profile>").expect("a profile");
        assert_eq!(twice.last(), Some(&("A".to_owned(), "2".to_owned())));
        assert_eq!(twice.len(), 2);
    }

    #[test]
    fn what_is_corrupt_is_said() {
        for text in [
            "oops",
            "<flat-profile>",
            "<flat-profile></device>",
            "<flat-profile><A>1</flat-profile>",
            "</flat-profile>",
            "<flat-profile><A>a & b</A></flat-profile>",
            "<flat-profile><A>&nbsp;</A></flat-profile>",
            "<flat-profile><Webex Onboard Enable ua=\"na\">Yes</Webex Onboard Enable></flat-profile>",
            "<flat-profile/><flat-profile/>",
            "<!DOCTYPE html><html></html>",
            "<flat-profile><A b=c/></flat-profile>",
            "<flat-profile><A b=\"1\"c=\"2\"/></flat-profile>",
            "<flat-profile><!-- </flat-profile>",
            "<",
            "<a",
            "<a b",
            "<a b=",
            "<flat-profile><A>&#xD800;</A></flat-profile>",
            "text<flat-profile/>",
        ] {
            assert_eq!(entries(text), Err(InvalidProfile::NotXml), "{text}");
        }
        for text in ["", " \n", "<html></html>", "<x><flat-profile/></x>", "<Flat-Profile/>"] {
            assert_eq!(entries(text), Err(InvalidProfile::NoFlatProfile), "{text}");
        }
        assert_eq!(parse(&[0x1f, 0x8b, 8]), Err(InvalidProfile::Compressed));
        assert_eq!(parse(b"Salted__12345678"), Err(InvalidProfile::Encrypted));
        assert_eq!(parse(&[0xff, 0xfe]), Err(InvalidProfile::NotText));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[<>/!?&;#x= \"'a-]{0,60}|\\PC{0,40}") {
            let _ = entries(&text);
            let _ = entries(&format!("<flat-profile>{text}</flat-profile>"));
        }

        #[test]
        fn what_is_written_is_read(
            written in prop::collection::vec(("[A-Z][A-Za-z0-9_]{0,12}", "[ -~é€]{0,20}"), 0..8),
        ) {
            let mut text = String::from("<device><flat-profile>");
            for (name, value) in &written {
                let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&#34;");
                for part in ["<", name, " ua=\"na\">", &value, "</", name, ">\n"] {
                    text.push_str(part);
                }
            }
            text.push_str("</flat-profile></device>");
            let expected: Vec<_> = written.into_iter().map(|(name, value)| (name, value.trim().to_owned())).collect();
            prop_assert_eq!(entries(&text), Ok(expected));
        }
    }
}
