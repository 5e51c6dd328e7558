//! The status report of a stock phone: the XML it sends where its `Report_Rule` says `--status`.
//!
//! Its elements are not documented; two are used where they are found. Everything else is left alone.

use crate::report_event::ReportEvent;

/// The firmware and, where the phone names it, how far it has come.
///
/// The element's name is known from the phone's web page only ("Customization", "Software Version"), so
/// both are looked for by name, wherever they stand.
pub(super) fn understand(xml: &[u8]) -> Result<ReportEvent, String> {
    let xml = std::str::from_utf8(xml).map_err(|_| "the report is not UTF-8".to_owned())?;
    let firmware = element(xml, "Software_Version").map(str::to_owned);
    match element(xml, "Customization") {
        Some("Acquired") => Ok(ReportEvent::ResyncSucceeded { firmware }),
        _ => match firmware {
            Some(firmware) => Ok(ReportEvent::Firmware { firmware }),
            None => Err("expected Customization or Software_Version in the status report".to_owned()),
        },
    }
}

/// The text of the first element of that name, whatever its attributes.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = xml;
    loop {
        let (_, after) = rest.split_once('<')?;
        rest = after;
        let Some(inside) = after.strip_prefix(name).filter(|tail| tail.starts_with(['>', ' '])) else { continue };
        let (_, value) = inside.split_once('>')?;
        let (value, _) = value.split_once('<')?;
        return Some(value.trim());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_status_report_is_used() {
        let xml = b"<?xml version=\"1.0\"?><device><status><Software_Version ua=\"na\">12.0.3</Software_Version>\
                    <Customization>Acquired</Customization></status></device>";
        assert_eq!(understand(xml), Ok(ReportEvent::ResyncSucceeded { firmware: Some("12.0.3".to_owned()) }));
        let open = b"<status><Customization>Custom-Pending</Customization><Software_Version>12.0.3</Software_Version></status>";
        assert_eq!(understand(open), Ok(ReportEvent::Firmware { firmware: "12.0.3".to_owned() }));
        assert!(understand(b"<status><Uptime>3</Uptime></status>").is_err());
        assert!(understand(b"<Customization").is_err());
    }
}
