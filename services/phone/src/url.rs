//! Where a rule points: `[scheme://][server[:port]]/path` with the chapter's defaults ("Manually
//! Provision a Phone from the Keypad").

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Tftp,
    Http,
    Https,
}

/// The address of one file on one server. There is no `Display`: choose how much may be shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    scheme: Scheme,
    host: String,
    port: u16,
    /// Path and query, beginning with `/`.
    target: String,
}

/// The text is not the address of a file. The text is not repeated: it may carry a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Neither tftp, http nor https.
    #[error("the address has a scheme other than tftp, http and https")]
    Scheme,
    /// No server, and no DHCP option 66 that could name one.
    #[error("the address names no server, and no DHCP option 66 gave one")]
    NoServer,
    /// Not a host name or an IP address, or a user name in front of one.
    #[error("the address has no proper server name; give a user with --uid and --pwd, not before an @")]
    Server,
    /// Not a number from 1 to 65535.
    #[error("the address has a port that is not a number from 1 to 65535")]
    Port,
    /// Spaces, control characters or letters outside ASCII.
    #[error("the path of the address has characters that must be percent-encoded")]
    Path,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Tftp => "tftp",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Tftp => 69,
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Tftp, Self::Http, Self::Https].into_iter().find(|scheme| scheme.name().eq_ignore_ascii_case(name))
    }
}

impl Url {
    /// Reads an address; without a scheme it is TFTP's.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            Some((name, rest)) => (Scheme::named(name).ok_or(InvalidUrl::Scheme)?, rest),
            None => (Scheme::Tftp, text),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = split_authority(authority)?;
        if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidUrl::Path);
        }
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            scheme,
            host: host.to_ascii_lowercase(),
            port: port.unwrap_or(scheme.default_port()),
            target: format!("{slash}{target}"),
        })
    }

    /// The address that a `Location` header means, seen from this one (RFC 3986, section 5.2).
    pub(crate) fn join(&self, location: &str) -> Result<Self, InvalidUrl> {
        if location.contains("://") {
            return Self::parse(location);
        }
        if location.starts_with("//") {
            return Self::parse(&format!("{}:{location}", self.scheme.name()));
        }
        if location.starts_with('/') {
            return Self::parse(&format!("{}{location}", self.origin()));
        }
        let path = self.target.split('?').next().unwrap_or_default();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Self::parse(&format!("{}{folder}/{location}", self.origin()))
    }

    pub(crate) const fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, as the request line carries them.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// Whether a path was given that is more than the root.
    pub(crate) fn has_path(&self) -> bool {
        self.target != "/"
    }

    /// Host and port, as the `Host` header carries them.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }

    /// Everything before the path.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", self.scheme.name(), self.authority())
    }

    /// The whole address, for the one request whose query holds nothing but the phone's identity.
    pub(crate) fn in_full(&self) -> String {
        format!("{}{}", self.origin(), self.target)
    }

    /// The address with its query left out: a provider may have put a password there.
    pub(crate) fn without_query(&self) -> String {
        match self.target.split_once('?') {
            Some((path, _)) => format!("{}{path}?…", self.origin()),
            None => self.in_full(),
        }
    }

    /// Only the server: the path of a report carries a token.
    pub(crate) fn without_path(&self) -> String {
        format!("{}/…", self.origin())
    }
}

fn split_authority(authority: &str) -> Result<(&str, Option<u16>), InvalidUrl> {
    if authority.is_empty() {
        return Err(InvalidUrl::NoServer);
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or(InvalidUrl::Server)?;
            let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or(InvalidUrl::Server)?) };
            (host, port)
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let proper = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    if host.is_empty() || !host.bytes().all(proper) {
        return Err(InvalidUrl::Server);
    }
    let port = port.map(|port| port.parse().ok().filter(|port| *port > 0).ok_or(InvalidUrl::Port)).transpose()?;
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full(text: &str) -> Result<String, InvalidUrl> {
        Url::parse(text).map(|url| url.in_full())
    }

    #[test]
    fn defaults_are_the_chapters() {
        let url = Url::parse("192.168.1.5/CP_x8xx_MPP.cfg").expect("the chapter's example without its scheme");
        assert_eq!((url.scheme(), url.host(), url.port()), (Scheme::Tftp, "192.168.1.5", 69));
        assert_eq!(Url::parse("http://h/a").map(|url| url.port()), Ok(80));
        assert_eq!(Url::parse("HTTPS://h").map(|url| url.port()), Ok(443));
        assert_eq!(full("https://H:8443?x=1#part").as_deref(), Ok("https://h:8443/?x=1"));
        assert_eq!(full("http://[::1]:8080/a").as_deref(), Ok("http://[::1]:8080/a"));
        assert_eq!(Url::parse("http://[::1]/").map(|url| url.host().to_owned()).as_deref(), Ok("::1"));
    }

    #[test]
    fn what_is_not_an_address_is_refused_without_being_repeated() {
        for (text, refusal) in [
            ("/7832.xml", InvalidUrl::NoServer),
            ("http:///a", InvalidUrl::NoServer),
            ("ftp://h/a", InvalidUrl::Scheme),
            ("http://user:hush@h/a", InvalidUrl::Port),
            ("http://user@h/a", InvalidUrl::Server),
            ("http://h:0/", InvalidUrl::Port),
            ("http://h:x/", InvalidUrl::Port),
            ("http://[::1/", InvalidUrl::Server),
            ("http://[::1]8/", InvalidUrl::Server),
            ("http://h/a b", InvalidUrl::Path),
            ("http://h/é", InvalidUrl::Path),
        ] {
            assert_eq!(full(text), Err(refusal), "{text}");
            assert!(!refusal.to_string().contains("hush"));
        }
    }

    #[test]
    fn a_location_is_read_from_where_the_phone_is() {
        let here = Url::parse("http://h:8080/a/b.xml?q=1").expect("an address");
        let there = |location: &str| here.join(location).map(|url| url.in_full());
        assert_eq!(there("https://other/c").as_deref(), Ok("https://other/c"));
        assert_eq!(there("//other/c").as_deref(), Ok("http://other/c"));
        assert_eq!(there("/c?d").as_deref(), Ok("http://h:8080/c?d"));
        assert_eq!(there("c.xml").as_deref(), Ok("http://h:8080/a/c.xml"));
    }

    #[test]
    fn what_may_be_shown_is_less_than_the_whole() {
        let url = Url::parse("https://h/report/token.abc?k=hush").expect("an address");
        assert_eq!(url.without_query(), "https://h/report/token.abc?…");
        assert_eq!(url.without_path(), "https://h/…");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_parses_prints_back(text in "\\PC{0,40}", location in "\\PC{0,20}") {
            if let Ok(url) = Url::parse(&text) {
                prop_assert_eq!(full(&url.in_full()), Ok(url.in_full()));
                let _ = url.join(&location);
            }
        }

        #[test]
        fn ordinary_addresses_print_back(
            scheme in prop::sample::select(vec!["tftp", "http", "https"]),
            host in "[a-z][a-z0-9.-]{0,12}", port in 1024..u16::MAX, path in "(/[A-Za-z0-9._$-]{1,8}){1,3}",
        ) {
            let text = format!("{scheme}://{host}:{port}{path}");
            prop_assert_eq!(full(&text), Ok(text));
        }
    }
}
