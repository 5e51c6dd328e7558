//! How long a call may take: told by the caller (`grpc-timeout`), kept by the callee.

use std::time::Duration;

use http::HeaderMap;

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
    let Some(allowed) = headers.get("grpc-timeout").and_then(|value| parse(value.to_str().ok()?)) else {
        return Ok(None);
    };
    match allowed.checked_sub(SHAVED) {
        Some(left) if left >= LEAST => Ok(Some(left)),
        Some(_) | None => Err(TooLate),
    }
}

/// There is no time left to do the work in.
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
}
