//! The rule language in which a provider says where phones go (chapter, "Manually Provision a Phone
//! from the Keypad" and "Set the Profile Rule with the SRV Option on the Web Page").
//!
//! ```text
//! rule        = alternative *( "|" alternative )
//! alternative = [ "(" condition ")?" ] [ "(" assignments ")!" ] [ "[" options "]" ] [ url ]
//! url         = [ scheme "://" ] [ server [ ":" port ] ] "/" path
//! ```
//!
//! The phone evaluates conditions and expands macros; this module only makes sure that it will
//! understand them, and knows which parts of the text are secret.

mod macros;
mod options;
mod syntax;
mod url;

use std::fmt;
use std::ops::Range;

pub use url::{RuleUrl, Scheme};

/// The longest rule taken, in bytes. Real ones stay under 300.
const LONGEST: usize = 2048;
/// What stands in for a secret wherever a rule is shown.
const REDACTED: &str = "****";

/// Which parameter a rule is for; they take different options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// `Profile_Rule`: every option a resync knows.
    Profile,
    /// `Upgrade_Rule`: no options, and the server must be named.
    Upgrade,
    /// `Report_Rule`: `--delta` and `--status` besides the credentials.
    Report,
    /// `Custom_CA_Rule`: a plain URL.
    CustomCa,
}

/// A rule that a phone will understand. Neither `Display` nor `Debug` shows its secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct ProfileRule {
    text: String,
    urls: Vec<RuleUrl>,
    secrets: Vec<Range<usize>>,
    unknown_macros: Vec<String>,
}

/// The text is not a rule. Names the fault but quotes no part that could be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProfileRule {
    /// Nothing was given.
    #[error("the rule is empty; expected a URL such as https://nps.example/$MA.xml")]
    Empty,
    /// More than 2048 bytes.
    #[error("the rule is longer than 2048 bytes")]
    TooLong,
    /// A control character or a line break.
    #[error("the rule holds a control character or a line break")]
    ControlCharacter,
    /// A bracket, parenthesis or quotation mark has no partner.
    #[error("{0} is not closed")]
    NotClosed(&'static str),
    /// Text in parentheses that is neither `(…)?` nor `(…)!`.
    #[error("an expression in parentheses must be followed by ? (a condition) or ! (an assignment)")]
    LooseExpression,
    /// An alternative that is not the last has no condition, so what follows it is never reached.
    #[error("alternative {0} has no condition, so those after it would never be reached")]
    Unreachable(usize),
    /// An alternative does nothing.
    #[error("alternative {0} has neither a URL nor an assignment")]
    NothingToDo(usize),
    /// An option this kind of rule does not have.
    #[error("{0} is not an option of this rule; it takes {1}")]
    UnknownOption(String, &'static str),
    /// An option that needs a value has none.
    #[error("option {0} needs a value")]
    MissingValue(String),
    /// `--post` or `--alias` with something else than a letter a to p.
    #[error("option {0} takes one letter from a to p")]
    NotALetter(String),
    /// The placeholder that stands in for secrets was sent back.
    #[error("the value of option {0} is the placeholder ****; give the secret itself")]
    Placeholder(String),
    /// The scheme is not one that a phone knows.
    #[error("the scheme must be tftp, http or https (or gds:// alone, to ask for an activation code)")]
    UnknownScheme,
    /// `--srv` with TFTP.
    #[error("TFTP scheme not supported in SRV lookups; use http or https with --srv")]
    TftpWithSrv,
    /// White space inside a URL.
    #[error("the URL holds a space; write %20")]
    SpaceInUrl,
    /// `user:password@host`.
    #[error("credentials do not belong in the URL; use [--uid name --pwd password]")]
    CredentialsInUrl,
    /// The server's name is not one.
    #[error("the server name may hold letters, digits, dots, dashes and macros only")]
    InvalidServer,
    /// The port is not a number from 1 to 65535.
    #[error("the port must be a number from 1 to 65535")]
    InvalidPort,
    /// The server must be named and is not.
    #[error("this rule must name its server, as in https://server.example/path")]
    ServerMissing,
}

impl ProfileRule {
    /// Checks `text` as a rule for the parameter `kind`.
    pub fn parse(kind: RuleKind, text: &str) -> Result<Self, InvalidProfileRule> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidProfileRule::Empty);
        }
        if text.len() > LONGEST {
            return Err(InvalidProfileRule::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidProfileRule::ControlCharacter);
        }
        let alternatives = syntax::alternatives(text)?;
        let mut rule = Self {
            text: text.to_owned(),
            urls: Vec::new(),
            secrets: Vec::new(),
            unknown_macros: macros::unknown(text),
        };
        for alternative in &alternatives {
            let options = options::parse(kind, text, alternative.options.clone())?;
            let url = RuleUrl::parse(text.get(alternative.url.clone()).unwrap_or_default())?;
            check_url(kind, url.as_ref(), &options)?;
            rule.secrets.extend(options.secrets);
            rule.urls.extend(url);
        }
        Ok(rule)
    }

    /// The whole rule with its secrets, for the phone and for the database.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether an option carries a key, a user name or a password (a macro such as `$SA` is none:
    /// its value stays on the phone).
    pub fn carries_secret(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// Where the rule can send a phone, one URL for each alternative that has one.
    pub fn urls(&self) -> &[RuleUrl] {
        &self.urls
    }

    /// What a provider should look at again, in sentences. The rule is accepted all the same.
    pub fn warnings(&self) -> Vec<String> {
        let warn = |name: &String| format!("${name} is not a documented macro; the phone leaves it as it is");
        self.unknown_macros.iter().map(warn).collect()
    }
}

fn check_url(kind: RuleKind, url: Option<&RuleUrl>, options: &options::Options) -> Result<(), InvalidProfileRule> {
    let Some(url) = url else { return Ok(()) };
    let by_srv = options.uses_srv && matches!(url.scheme, Scheme::Tftp | Scheme::Gds);
    if by_srv {
        return Err(InvalidProfileRule::TftpWithSrv);
    }
    let server_needed = match kind {
        RuleKind::Profile => false,
        RuleKind::Upgrade | RuleKind::Report | RuleKind::CustomCa => true,
    };
    match (server_needed, &url.server) {
        (true, None) => Err(InvalidProfileRule::ServerMissing),
        _ => Ok(()),
    }
}

impl fmt::Display for ProfileRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = 0;
        for secret in &self.secrets {
            f.write_str(self.text.get(shown..secret.start).unwrap_or_default())?;
            f.write_str(REDACTED)?;
            shown = secret.end;
        }
        f.write_str(self.text.get(shown..).unwrap_or_default())
    }
}

impl fmt::Debug for ProfileRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProfileRule({self})")
    }
}

#[cfg(test)]
mod tests;
