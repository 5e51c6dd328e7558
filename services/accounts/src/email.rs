//! E-mail addresses, as logins of people.

use std::str::FromStr;

/// The longest address (RFC 5321, section 4.5.3.1.3, without the brackets).
const LONGEST: usize = 254;

/// An address that could be one. Whether it is, is shown by the invitation that arrives there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

/// The text cannot be an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address: expected something such as jo@example.com, at most {LONGEST} characters")]
pub(crate) struct InvalidEmail;

impl Email {
    /// An address as it was stored.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The spelling in which two addresses are compared.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmail)?;
        let visible = text.chars().all(|c| c.is_ascii_graphic() || (!c.is_ascii() && c.is_alphanumeric()));
        let fits = text.len() <= LONGEST && visible && !local.is_empty() && !local.contains('@');
        if fits && is_domain(domain) { Ok(Self(text.to_owned())) } else { Err(InvalidEmail) }
    }
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    text.contains('.') && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_trimmed_and_compared_without_case() {
        let email: Email = "  Jo.Doe+nights@Example.COM ".parse().expect("an address");
        assert_eq!((email.as_str(), email.key().as_str()), ("Jo.Doe+nights@Example.COM", "jo.doe+nights@example.com"));
        assert!("jörg@bücher.example".parse::<Email>().is_ok());
    }

    #[test]
    fn what_cannot_arrive_is_no_address() {
        let long = format!("{}@example.com", "a".repeat(243));
        for text in [
            "",
            "jo",
            "@example.com",
            "jo@",
            "jo@example",
            "jo@.com",
            "a@b@example.com",
            "jo @example.com",
            "jo@exam\u{200b}ple.com",
            "jo@example.com\r\nBcc: x",
            &long,
        ] {
            assert_eq!(text.parse::<Email>(), Err(InvalidEmail), "{text:?}");
        }
    }
}
