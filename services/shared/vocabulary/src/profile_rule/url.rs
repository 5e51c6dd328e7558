//! The URL of a rule, with the chapter's defaults: no scheme means TFTP; ports 69, 80 and 443.

use std::fmt;

use super::InvalidProfileRule;

/// How a phone fetches a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Trivial FTP, the default, port 69.
    Tftp,
    /// Port 80.
    Http,
    /// Port 443.
    Https,
    /// Not a transfer at all: `gds://` makes the phone ask its user for an activation code.
    Gds,
}

impl Scheme {
    /// The port used when the rule names none; activation codes have no port.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Tftp => 69,
            Self::Http => 80,
            Self::Https => 443,
            Self::Gds => 0,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Tftp => "tftp",
            Self::Http => "http",
            Self::Https => "https",
            Self::Gds => "gds",
        }
    }
}

/// Where one alternative of a rule leads. Macros are still in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleUrl {
    /// How.
    pub scheme: Scheme,
    /// From whom; without one the phone uses the server of DHCP option 66, or the host that asked for
    /// the resync.
    pub server: Option<String>,
    /// On which port, defaults filled in.
    pub port: u16,
    /// What, with its leading slash.
    pub path: String,
}

impl RuleUrl {
    /// Parses a trimmed URL; the empty text is no URL at all.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, InvalidProfileRule> {
        if text.is_empty() {
            return Ok(None);
        }
        if text.contains(char::is_whitespace) {
            return Err(InvalidProfileRule::SpaceInUrl);
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (parse_scheme(scheme)?, rest),
            None => (Scheme::Tftp, text),
        };
        if scheme == Scheme::Gds {
            return parse_gds(rest).map(Some);
        }
        let cut = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(cut);
        let (server, port) = parse_authority(authority)?;
        let port = port.unwrap_or(scheme.default_port());
        Ok(Some(Self { scheme, server, port, path: path.to_owned() }))
    }
}

impl fmt::Display for RuleUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.server.as_deref().unwrap_or_default())?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

fn parse_scheme(text: &str) -> Result<Scheme, InvalidProfileRule> {
    let schemes = [Scheme::Tftp, Scheme::Http, Scheme::Https, Scheme::Gds];
    let named = |scheme: &Scheme| text.eq_ignore_ascii_case(scheme.name());
    schemes.into_iter().find(named).ok_or(InvalidProfileRule::UnknownScheme)
}

fn parse_gds(rest: &str) -> Result<RuleUrl, InvalidProfileRule> {
    if !rest.is_empty() {
        return Err(InvalidProfileRule::UnknownScheme);
    }
    Ok(RuleUrl { scheme: Scheme::Gds, server: None, port: 0, path: String::new() })
}

fn parse_authority(text: &str) -> Result<(Option<String>, Option<u16>), InvalidProfileRule> {
    if text.contains('@') {
        return Err(InvalidProfileRule::CredentialsInUrl);
    }
    let (server, port) = match (text.rfind(']'), text.rfind(':')) {
        (Some(bracket), Some(colon)) if colon < bracket => (text, None),
        // A colon inside `$(MA:1)` belongs to the macro.
        (_, Some(colon)) if !text.get(colon..).unwrap_or_default().contains(')') => {
            (text.get(..colon).unwrap_or_default(), Some(parse_port(text.get(colon + 1..).unwrap_or_default())?))
        }
        _ => (text, None),
    };
    if server.is_empty() {
        return if port.is_some() { Err(InvalidProfileRule::InvalidServer) } else { Ok((None, None)) };
    }
    let is_server =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '$' | '(' | ')' | ':' | '[' | ']');
    if !server.chars().all(is_server) {
        return Err(InvalidProfileRule::InvalidServer);
    }
    Ok((Some(server.to_owned()), port))
}

fn parse_port(text: &str) -> Result<u16, InvalidProfileRule> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = if is_number { text.parse().unwrap_or(0) } else { 0 };
    if port == 0 { Err(InvalidProfileRule::InvalidPort) } else { Ok(port) }
}
