//! New personal codes as a page to print and cut up: grouped for people, as a QR code for cameras. The
//! page loads nothing from anywhere.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::onboarding::{Code, NewPersonalCode};
use qrcode::QrCode;
use qrcode::render::svg;

use super::code_stream::CodeStream;
use super::code_view::{grouped, phone};
use super::json::moment;

const HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<title>Activation codes</title>
<style>
body { font-family: sans-serif; }
section { display: inline-block; width: 18em; margin: 0.5em; padding: 1em; border: 1px dashed #888; break-inside: avoid; }
svg { width: 8em; height: 8em; }
strong { display: block; font: bold 1.3em monospace; }
small { display: block; }
</style>
</head>
<body>
";
const TAIL: &str = "</body>\n</html>\n";

/// 201 and the page.
pub(super) fn answer(codes: Vec<NewPersonalCode>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let page = CodeStream { head: HEAD, tail: TAIL, codes: codes.into_iter(), write: section };
    (StatusCode::CREATED, headers, page.into_body()).into_response()
}

fn section(new: NewPersonalCode) -> String {
    let Code { expires_at, model, mac, .. } = new.code.unwrap_or_default();
    let mut text = format!("<section>\n{}<strong>{}</strong>\n", picture(&new.digits), grouped(&new.digits));
    let expires_at = moment(expires_at).map(|moment| format!("until {moment}"));
    let model = (!model.is_empty()).then(|| format!("for a {model}"));
    let mac = phone(mac).map(|mac| format!("for the phone {mac}"));
    for line in [expires_at, model, mac].into_iter().flatten() {
        text.push_str("<small>");
        text.push_str(&escaped(&line));
        text.push_str("</small>\n");
    }
    text.push_str("</section>\n");
    text
}

/// The digits as a QR code in SVG; sixteen digits always fit into one.
fn picture(digits: &str) -> String {
    let Ok(code) = QrCode::new(digits) else { return String::new() };
    let svg = code.render::<svg::Color>().module_dimensions(1, 1).build();
    // Inside HTML there is no XML declaration.
    let svg = svg.split_once("?>").map_or(svg.as_str(), |(_, svg)| svg);
    format!("{svg}\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn every_code_has_a_section_with_a_picture() {
        let new = |number: u64| NewPersonalCode {
            code: Some(Code { model: "<b>&".to_owned(), ..Code::default() }),
            digits: format!("{number:016}"),
        };
        let answer = answer((0..100).map(new).collect());
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        let page = std::str::from_utf8(&bytes).expect("text");
        assert_eq!((page.matches("<section>").count(), page.matches("<svg").count()), (100, 100));
        assert!(page.contains("<strong>0000-0000-0000-0099</strong>"));
        assert!(page.contains("for a &lt;b&gt;&amp;") && !page.contains("<?xml"));
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    }
}
