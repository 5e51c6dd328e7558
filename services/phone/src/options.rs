//! The options in front of a rule's address: `[--key "…" --uid … --pwd … --post a --srv]`.

use std::fmt;

use vocabulary::Secret;

use crate::rule::InvalidRule;

/// What the brackets hold, before macros are expanded.
#[derive(Clone, Default)]
pub(crate) struct Options {
    key: Option<Secret<String>>,
    uid: Option<Secret<String>>,
    pwd: Option<Secret<String>>,
    post: Option<char>,
    flags: Vec<Flag>,
}

/// Options without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    /// Find the server by DNS SRV.
    Srv,
    /// A report of what changed.
    Delta,
    /// A report of how the phone is.
    Status,
}

impl Flag {
    const ALL: [(Self, &'static str); 3] = [(Self::Srv, "--srv"), (Self::Delta, "--delta"), (Self::Status, "--status")];
}

impl Options {
    /// Reads what stands between the brackets.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidRule> {
        let mut options = Self::default();
        let mut words = Words { rest: text };
        while let Some(word) = words.next()? {
            if let Some((flag, _)) = Flag::ALL.into_iter().find(|(_, name)| *name == word) {
                options.flags.push(flag);
                continue;
            }
            let value = words.next()?.ok_or(InvalidRule::Option)?.to_owned();
            match word {
                "--key" => options.key = Some(Secret::new(value)),
                "--uid" => options.uid = Some(Secret::new(value)),
                "--pwd" => options.pwd = Some(Secret::new(value)),
                "--post" => options.post = Some(letter(&value).ok_or(InvalidRule::Option)?),
                // The element map of `--alias` changes only names inside the profile; it is read over.
                "--alias" => {}
                _ => return Err(InvalidRule::Option),
            }
        }
        Ok(options)
    }

    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// The user and password, macros not yet expanded; either alone counts.
    pub(crate) fn login<'a>(&'a self) -> Option<(&'a str, &'a str)> {
        if self.uid.is_none() && self.pwd.is_none() {
            return None;
        }
        let text = |secret: &'a Option<Secret<String>>| secret.as_ref().map_or("", |secret| secret.expose().as_str());
        Some((text(&self.uid), text(&self.pwd)))
    }

    /// What opens the file, macros not yet expanded.
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.expose().as_str())
    }

    /// The general purpose parameter whose text is posted, such as `GPP_A`.
    pub(crate) fn posted_parameter(&self) -> Option<String> {
        self.post.map(|letter| format!("GPP_{letter}"))
    }
}

/// The options by name, never by value.
impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<&str> =
            Flag::ALL.into_iter().filter(|(flag, _)| self.has(*flag)).map(|(_, name)| name).collect();
        let valued =
            [(self.key.is_some(), "--key …"), (self.uid.is_some(), "--uid …"), (self.pwd.is_some(), "--pwd …")];
        names.extend(valued.into_iter().filter(|(given, _)| *given).map(|(_, name)| name));
        if self.post.is_some() {
            names.push("--post …");
        }
        if names.is_empty() { Ok(()) } else { write!(f, "[{}] ", names.join(" ")) }
    }
}

/// `a` to `p`, in either case, as the parameter's name has it.
fn letter(value: &str) -> Option<char> {
    let mut letters = value.chars();
    let letter = letters.next()?.to_ascii_uppercase();
    (letters.next().is_none() && ('A'..='P').contains(&letter)).then_some(letter)
}

/// Words split at spaces; a quoted word may hold them.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Result<Option<&'a str>, InvalidRule> {
        let text = self.rest.trim_start();
        if text.is_empty() {
            return Ok(None);
        }
        let (word, rest) = match text.strip_prefix('"') {
            Some(inside) => inside.split_once('"').ok_or(InvalidRule::Quote)?,
            None => text.split_at(text.find(char::is_whitespace).unwrap_or(text.len())),
        };
        self.rest = rest;
        Ok(Some(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_options_are_read() {
        let options =
            Options::parse(r#"--key "a b" --uid $SN --pwd hush --post c --alias a --srv --status"#).expect("options");
        assert_eq!(options.login(), Some(("$SN", "hush")));
        assert_eq!(options.posted_parameter().as_deref(), Some("GPP_C"));
        assert!(options.has(Flag::Srv) && options.has(Flag::Status) && !options.has(Flag::Delta));
        assert_eq!(options.to_string(), "[--srv --status --key … --uid … --pwd … --post …] ");
        assert_eq!(Options::default().to_string(), "");
        assert!(Options::default().login().is_none());
    }

    #[test]
    fn others_are_refused_without_being_repeated() {
        for text in ["--pwdhush", "hush", "--key", "--post z", "--post ab", "--key \"hush"] {
            let refusal = Options::parse(text).err().map(|refusal| refusal.to_string()).unwrap_or_default();
            assert!(!refusal.is_empty() && !refusal.contains("hush"), "{text}: {refusal}");
        }
    }
}
