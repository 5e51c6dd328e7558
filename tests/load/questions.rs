//! Which phones ask, and what the right answer is.

use anyhow::Result;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::USER_AGENT;
use hyper::{Request, StatusCode};

/// The first address of the registered phones.
const KNOWN: u64 = 0x0056_2b00_0000;
/// The first address of those nobody registered, under another manufacturer's prefix.
const UNKNOWN: u64 = 0x0004_f200_0000;
/// How many addresses a manufacturer's prefix has.
const PREFIX: u64 = 1 << 24;

pub const MODEL: &str = "CP-7832-3PCC";

/// A set of phones.
#[derive(Debug, Clone, Copy)]
pub enum Phones {
    /// The first so many that were registered.
    Known(u32),
    /// Any of the sixteen million of a prefix, none of them registered; few come twice.
    Unknown,
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
    pub fn question(self, number: u64) -> Result<Request<Full<Bytes>>> {
        let mac = match self {
            Self::Known(count) => KNOWN + scattered(number) % u64::from(count),
            Self::Unknown => UNKNOWN + scattered(number) % PREFIX,
        };
        let path = format!("/software/edos/callhome/rc?id={mac:012X}:{}:{MODEL}&sw=11.0.1", serial(mac));
        let user_agent = format!("Cisco-{MODEL}/11.0.1 ({mac:012x})");
        Ok(Request::get(path).header(USER_AGENT, user_agent).body(Full::default())?)
    }

    /// Whether this is what such a phone must get.
    pub fn is_right(self, status: StatusCode, body: &str) -> bool {
        let is_expected = match self {
            Self::Known(_) => body.contains("<Profile_Rule"),
            Self::Unknown => body.is_empty(),
        };
        status == StatusCode::OK && is_expected
    }
}

/// Any order will do that is not the order in which the phones were registered (`SplitMix64`).
const fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
