//! How long a call may take: told by the caller (`grpc-timeout`), kept by the callee.

use std::time::Duration;

use http::HeaderMap;

/// Where the caller says it.
pub(crate) const HEADER: &str = "grpc-timeout";
/// Taken off by the callee, so that its own "too late" still reaches the caller in time.
const SHAVED: Duration = Duration::from_millis(20);
/// Work that has less than this left is not begun.
const LEAST: Duration = Duration::from_millis(100);

/// A call of `message` that must be answered within `allowed`.
pub fn within<T>(allowed: Duration, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(allowed);
    request
}

/// The time the callee may use; `Err` where too little is left to begin.
pub(crate) fn time_left(headers: &HeaderMap) -> Result<Option<Duration>, TooLate> {
    allowed(headers).map(to_be_used).transpose()
}

/// What the caller allows; `None` where it sets no limit.
pub(crate) fn allowed(headers: &HeaderMap) -> Option<Duration> {
    headers.get(HEADER).and_then(|value| parse(value.to_str().ok()?))
}

/// What the callee makes of what it is allowed.
pub(crate) fn to_be_used(allowed: Duration) -> Result<Duration, TooLate> {
    allowed.checked_sub(SHAVED).filter(|left| *left >= LEAST).ok_or(TooLate)
}

/// A time as [`HEADER`] has it: at most eight digits, here of microseconds or else of milliseconds.
pub(crate) fn text(time: Duration) -> String {
    let micros = time.as_micros();
    if micros < 100_000_000 { format!("{micros}u") } else { format!("{}m", time.as_millis().min(99_999_999)) }
}

/// There is no time left to do the work in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLate;

/// `grpc-timeout`: up to eight digits and a unit (gRPC over HTTP/2, "Requests").
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let value: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(value.checked_mul(3600)?)),
        "M" => Some(Duration::from_secs(value.checked_mul(60)?)),
        "S" => Some(Duration::from_secs(value)),
        "m" => Some(Duration::from_millis(value)),
        "u" => Some(Duration::from_micros(value)),
        "n" => Some(Duration::from_nanos(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(allowed: Duration) -> Result<Option<Duration>, ()> {
        let request = within(allowed, ());
        time_left(&request.metadata().clone().into_headers()).map_err(|TooLate| ())
    }

    #[test]
    fn a_little_is_kept_for_the_answer_and_too_little_is_refused() {
        assert_eq!(left(Duration::from_secs(2)), Ok(Some(Duration::from_millis(1980))));
        assert_eq!(left(Duration::from_millis(119)), Err(()));
        assert_eq!(left(Duration::from_millis(120)), Ok(Some(Duration::from_millis(100))));
        assert_eq!(time_left(&HeaderMap::new()).ok(), Some(None));
    }

    #[test]
    fn any_time_is_read_as_it_was_written() {
        for time in [Duration::from_micros(1), Duration::from_micros(99_999_999), Duration::from_secs(100)] {
            assert!(text(time).len() <= 9);
            assert_eq!(parse(&text(time)), Some(time));
        }
    }
}
