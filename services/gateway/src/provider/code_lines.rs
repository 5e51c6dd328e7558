//! New personal codes as a CSV file (RFC 4180).

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::onboarding::{Code, NewPersonalCode};

use super::code_stream::CodeStream;
use super::code_view::{grouped, phone};
use super::csv::field;
use super::json::moment;

/// 201 and the codes, one a line.
pub(super) fn answer(codes: Vec<NewPersonalCode>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"activation-codes.csv\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let lines =
        CodeStream { head: "code,id,expires_at,model,mac\r\n", tail: "", codes: codes.into_iter(), write: line };
    (StatusCode::CREATED, headers, lines.into_body()).into_response()
}

fn line(new: NewPersonalCode) -> String {
    let Code { id, expires_at, model, mac, .. } = new.code.unwrap_or_default();
    let (expires_at, mac) = (moment(expires_at).unwrap_or_default(), phone(mac).unwrap_or_default());
    format!("{},{id},{expires_at},{},{mac}\r\n", grouped(&new.digits), field(&model))
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn every_code_has_a_line() {
        let new = |number: u64| NewPersonalCode {
            code: Some(Code {
                id: format!("cod_{number}"),
                expires_at: 1_795_370_400_000_000,
                model: "a,\"b\"".to_owned(),
                mac: 0x0004_f2aa_bbcc,
                ..Code::default()
            }),
            digits: format!("{number:016}"),
        };
        let answer = answer((0..1000).map(new).collect());
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        let text = std::str::from_utf8(&bytes).expect("text");
        let lines: Vec<_> = text.split_terminator("\r\n").collect();
        assert_eq!((lines.len(), lines[0]), (1001, "code,id,expires_at,model,mac"));
        let expires_at = moment(1_795_370_400_000_000).expect("a time");
        let last = format!("0000-0000-0000-0999,cod_999,{expires_at},\"a,\"\"b\"\"\",0004f2aabbcc");
        assert_eq!(lines[1000], last);
    }
}
