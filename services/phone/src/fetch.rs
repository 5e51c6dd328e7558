//! Downloads one file as the chapter's Table 2 says: 301 and 302 are followed at once, 401 and 407
//! are answered with credentials at most twice, and every other status ends the download.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use vocabulary::Secret;

use crate::failure::Failure;
use crate::sealed::{Keys, SealKey, StaysSealed};
use crate::step::Step;
use crate::tftp;
use crate::transport::{Answer, Outgoing, exchange};
use crate::trust::Trust;
use crate::url::{Scheme, Url};

/// The chapter names no limit; without one two servers could send a phone back and forth for ever.
const MOST_REDIRECTS: u32 = 10;
/// "Immediately retry request with authentication credentials. Maximum 2 retries."
const MOST_LOGINS: u32 = 2;

/// What a phone shows when it is asked who it is.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user's name; no colon in it (RFC 7617, section 2).
    pub user: String,
    /// The password.
    pub password: Secret<String>,
}

/// One file to download.
pub(crate) struct Wanted {
    pub(crate) url: Url,
    /// What to print of the address.
    pub(crate) shown: String,
    pub(crate) credentials: Option<Credentials>,
    /// The rule's `--key`.
    pub(crate) key: Option<Secret<String>>,
    /// The body of a POST; without one the phone sends GET.
    pub(crate) post: Option<String>,
}

/// A file that arrived.
#[derive(Debug)]
pub(crate) struct Downloaded {
    /// 200, or none by TFTP.
    pub(crate) status: Option<u16>,
    pub(crate) bytes: Bytes,
}

/// What every request of one phone has in common.
pub(crate) struct Fetch<'a> {
    pub(crate) trust: &'a Trust,
    pub(crate) seal_key: Option<&'a SealKey>,
    pub(crate) user_agent: String,
    pub(crate) on_step: &'a mut (dyn FnMut(Step) + Send),
}

impl Fetch<'_> {
    /// Downloads, telling each question and answer.
    pub(crate) async fn download(&mut self, mut wanted: Wanted) -> Result<Downloaded, Failure> {
        let mut redirects = 0;
        let mut logins = 0;
        let mut login = None;
        loop {
            if wanted.url.scheme() == Scheme::Tftp {
                return self.read_by_tftp(&wanted).await;
            }
            let answer = self.ask(&wanted, login.clone()).await?;
            let status = answer.status;
            match status {
                200 => {
                    let bytes = self.opened(answer, wanted.key.as_ref())?;
                    return Ok(Downloaded { status: Some(status), bytes });
                }
                301 | 302 if redirects == MOST_REDIRECTS => return Err(Failure::TooManyRedirects { status }),
                301 | 302 => {
                    redirects += 1;
                    let next = follow(&wanted.url, &answer)?;
                    if next.origin() != wanted.url.origin() {
                        // The password is for the server that the rule names, not for any other.
                        login = None;
                        wanted.credentials = None;
                    }
                    wanted.shown = next.without_query();
                    wanted.url = next;
                }
                401 | 407 if logins == MOST_LOGINS => return Err(Failure::Refused { status }),
                401 | 407 => {
                    logins += 1;
                    login = Some(Login::answering(&answer, wanted.credentials.as_ref())?);
                }
                other => return Err(Failure::Status(other)),
            }
        }
    }

    async fn ask(&mut self, wanted: &Wanted, login: Option<Login>) -> Result<Answer, Failure> {
        let method = if wanted.post.is_some() { Method::POST } else { Method::GET };
        (self.on_step)(Step::Asked { method: method.to_string(), url: wanted.shown.clone() });
        let mut headers = self.headers();
        if let Some(Login { name, value }) = login {
            headers.insert(name, value);
        }
        let body = wanted.post.clone().unwrap_or_default().into();
        let answer = exchange(self.trust, &wanted.url, Outgoing { method, headers, body }).await?;
        (self.on_step)(Step::Answered { status: Some(answer.status), bytes: answer.body.len() });
        Ok(answer)
    }

    /// Posts a JSON object; the answer, whatever its status is.
    pub(crate) async fn post_json(&self, url: &Url, body: Bytes) -> Result<Answer, Failure> {
        let mut headers = self.headers();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(exchange(self.trust, url, Outgoing { method: Method::POST, headers, body }).await?)
    }

    /// "The phone automatically includes basic identifying information in the User-Agent field."
    fn headers(&self) -> HeaderMap {
        // A model or version with control characters identifies nothing; the field stays away then.
        HeaderValue::try_from(&self.user_agent).map(|agent| (header::USER_AGENT, agent)).into_iter().collect()
    }

    async fn read_by_tftp(&mut self, wanted: &Wanted) -> Result<Downloaded, Failure> {
        (self.on_step)(Step::Asked { method: "RRQ".to_owned(), url: wanted.shown.clone() });
        let bytes = tftp::read(&wanted.url, tftp::PATIENCE).await?;
        (self.on_step)(Step::Answered { status: None, bytes: bytes.len() });
        let opened = self.unsealed(bytes, None, wanted.key.as_ref());
        let bytes = opened.map_err(|cause| Failure::Sealed { status: None, cause })?;
        Ok(Downloaded { status: None, bytes })
    }

    /// What the body of an answer holds, opened if it is sealed.
    pub(crate) fn opened(&mut self, answer: Answer, key: Option<&Secret<String>>) -> Result<Bytes, Failure> {
        let Answer { status, headers, body } = answer;
        let coding = headers.get(header::CONTENT_ENCODING);
        // What cannot be read is no coding that a phone knows.
        let coding = coding.map(|coding| coding.to_str().unwrap_or("?"));
        self.unsealed(body, coding, key).map_err(|cause| Failure::Sealed { status: Some(status), cause })
    }

    fn unsealed(
        &mut self,
        body: Bytes,
        coding: Option<&str>,
        key: Option<&Secret<String>>,
    ) -> Result<Bytes, StaysSealed> {
        let (bytes, format) = Keys { own: self.seal_key, of_rule: key }.open(body, coding)?;
        if let Some(format) = format {
            (self.on_step)(Step::Unsealed { format: format.to_string(), bytes: bytes.len() });
        }
        Ok(bytes)
    }
}

fn follow(here: &Url, answer: &Answer) -> Result<Url, Failure> {
    let location = answer.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    let location = location.ok_or(Failure::NoLocation { status: answer.status })?;
    Ok(here.join(location)?)
}

/// The header that answers a challenge (RFC 7617).
#[derive(Clone)]
struct Login {
    name: HeaderName,
    value: HeaderValue,
}

impl Login {
    fn answering(answer: &Answer, credentials: Option<&Credentials>) -> Result<Self, Failure> {
        let status = answer.status;
        let (challenge, name) = match status {
            407 => (header::PROXY_AUTHENTICATE, header::PROXY_AUTHORIZATION),
            _ => (header::WWW_AUTHENTICATE, header::AUTHORIZATION),
        };
        let Credentials { user, password } = credentials.ok_or(Failure::NoCredentials { status })?;
        let mut offers = answer.headers.get_all(challenge).iter().filter_map(|offer| offer.to_str().ok());
        if !offers.any(offers_basic) {
            return Err(Failure::UnknownScheme { status });
        }
        let encoded = STANDARD.encode(format!("{user}:{}", password.expose()));
        let mut value =
            HeaderValue::try_from(format!("Basic {encoded}")).map_err(|_| Failure::NoCredentials { status })?;
        value.set_sensitive(true);
        Ok(Self { name, value })
    }
}

/// Whether one of the comma-separated challenges is Basic.
fn offers_basic(challenges: &str) -> bool {
    challenges.split(',').any(|part| {
        let scheme = part.split_whitespace().next().unwrap_or_default();
        scheme.eq_ignore_ascii_case("basic")
    })
}
