//! Which phones ask, and what the right answer is.

use std::rc::Rc;

use anyhow::{Context, Result};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use serde_json::json;

/// The first address of the registered phones.
const KNOWN: u64 = 0x0056_2b00_0000;
/// The first address of those nobody registered, under another manufacturer's prefix.
const UNKNOWN: u64 = 0x0004_f200_0000;
/// How many addresses a manufacturer's prefix has.
const PREFIX: u64 = 1 << 24;

pub const MODEL: &str = "CP-7832-3PCC";

/// A round of those who come again and again ends after so many answers, if not earlier.
const MOST: u64 = 500_000;
/// What a phone is told whose code is refused, whatever was wrong with it.
const INVALID: &str = "Invalid activation code\n";

/// A set of phones.
#[derive(Debug, Clone)]
pub enum Phones {
    /// The first so many that were registered.
    Known(u32),
    /// The same, which ask by HEAD: they are told what they would be told, and nothing is recorded of it.
    Curious(u32),
    /// Any of the sixteen million of a prefix, none of them registered; few come twice.
    Unknown,
    /// The same, and each of them types eight digits that are no code.
    Guessing,
    /// Each of them types a code that is right.
    Holding(Rc<Codes>),
}

/// Personal codes, none of which is used, and the phones that have them.
#[derive(Debug)]
pub struct Codes {
    pub digits: Vec<String>,
    /// The address of the first phone; it has the first code, and so on.
    pub first: u64,
}

/// The address of the registered phone `number`.
pub fn mac(number: u32) -> u64 {
    KNOWN + u64::from(number)
}

/// The serial number of the phone `mac`.
pub fn serial(mac: u64) -> String {
    format!("FCH{mac:08X}")
}

impl Phones {
    /// The question of the phone that `number` stands for.
    pub fn question(&self, number: u64) -> Result<Request<Full<Bytes>>> {
        match self {
            Self::Known(_) => call_home(KNOWN + self.place(number)),
            Self::Curious(_) => {
                let mut question = call_home(KNOWN + self.place(number))?;
                *question.method_mut() = Method::HEAD;
                Ok(question)
            }
            Self::Unknown => call_home(unknown(scattered(number))),
            Self::Guessing => typed(&format!("{:08}", scattered(!number) % 100_000_000), unknown(scattered(number))),
            Self::Holding(codes) => {
                let place = number & u64::from(u32::MAX);
                let digits = codes.digits.get(usize::try_from(place)?).context("there are no more codes")?;
                typed(digits, codes.first + place)
            }
        }
    }

    /// Which of the registered phones `number` stands for; 0 for those that are not registered.
    pub fn place(&self, number: u64) -> u64 {
        match self {
            Self::Known(count) | Self::Curious(count) => scattered(number) % u64::from(*count),
            Self::Unknown | Self::Guessing | Self::Holding(_) => 0,
        }
    }

    /// Whether this is what such a phone must get.
    pub fn is_right(&self, status: StatusCode, body: &str) -> bool {
        match self {
            Self::Known(_) | Self::Holding(_) => status == StatusCode::OK && body.contains("<Profile_Rule"),
            Self::Curious(_) | Self::Unknown => status == StatusCode::OK && body.is_empty(),
            Self::Guessing => is_refusal(status, body),
        }
    }

    /// Whether they may be told to ask again: those who crowd around a few, and have all the time of a user.
    pub const fn have_patience(&self) -> bool {
        match self {
            Self::Known(_) | Self::Curious(_) | Self::Unknown | Self::Guessing => false,
            Self::Holding(_) => true,
        }
    }

    /// How many questions there are at most in a round.
    pub fn most(&self) -> u64 {
        match self {
            Self::Known(_) | Self::Curious(_) | Self::Unknown | Self::Guessing => MOST,
            Self::Holding(codes) => u64::try_from(codes.digits.len()).unwrap_or(MOST),
        }
    }
}

/// One of the phones that nobody registered. `number` is enough to tell 16,777,216 of them apart.
pub const fn unknown(number: u64) -> u64 {
    UNKNOWN + number % PREFIX
}

/// The phone `mac` asks where it belongs.
pub fn call_home(mac: u64) -> Result<Request<Full<Bytes>>> {
    let path = format!("/software/edos/callhome/rc?id={mac:012X}:{}:{MODEL}&sw=11.0.1", serial(mac));
    let user_agent = format!("Cisco-{MODEL}/11.0.1 ({mac:012x})");
    Ok(Request::get(path).header(USER_AGENT, user_agent).body(Full::default())?)
}

/// A user of the phone `mac` has typed `code`.
pub fn typed(code: &str, mac: u64) -> Result<Request<Full<Bytes>>> {
    let mac = format!("{mac:012x}");
    let body = json!({"code": code, "mac": mac, "model": MODEL, "sw": "11.0.1"}).to_string();
    Ok(Request::post("/activate").header(CONTENT_TYPE, "application/json").body(Full::from(body))?)
}

/// Whether a code was refused.
pub fn is_refusal(status: StatusCode, body: &str) -> bool {
    status == StatusCode::FORBIDDEN && body == INVALID
}

/// Any order will do that is not the order in which the phones were registered (`SplitMix64`).
pub const fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
