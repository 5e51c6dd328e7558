//! Reads a phone's address from its certificate's subject, where a manufacturer is documented to write it
//! (wire-facts 1.7). Never from any other run of twelve hex digits: a serial number may be one.
//!
//! | phones | subject |
//! |---|---|
//! | multiplatform | `OU=CP-8841-3PCC, L=<serial>, ST=<mac>` (the documents write ST as S) |
//! | SPA | `CN="SPA-525G2, MAC: <mac>, Serial: <serial>"`, and the address again as ST where there is one |
//! | others | `CN=CP-8845-SEP<mac>`, with `serialNumber="PID:CP-8845 SN:<serial>"` where there is one |

use vocabulary::{DeviceModel, MacAddress, SerialNumber};
use x509_parser::oid_registry::{
    OID_X509_COMMON_NAME, OID_X509_LOCALITY_NAME, OID_X509_ORGANIZATIONAL_UNIT, OID_X509_SERIALNUMBER,
    OID_X509_STATE_OR_PROVINCE_NAME, Oid,
};
use x509_parser::x509::X509Name;

/// The texts that the formats are made of. `None`: absent, or there more than once and so not as documented.
#[derive(Debug, Clone, Copy, Default)]
struct Texts<'a> {
    common_name: Option<&'a str>,
    unit: Option<&'a str>,
    locality: Option<&'a str>,
    state: Option<&'a str>,
    serial_number: Option<&'a str>,
}

/// Who the phone is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub mac: MacAddress,
    pub serial: Option<SerialNumber>,
    pub model: Option<DeviceModel>,
}

impl Subject {
    /// The phone that `name` names; `None` where it is written in no documented format.
    pub fn read(name: &X509Name<'_>) -> Option<Self> {
        let one = |oid: &Oid<'_>| {
            let mut all = name.iter_attributes().filter(|attribute| attribute.attr_type() == oid);
            let first = all.next()?.as_str().ok()?;
            all.next().is_none().then_some(first)
        };
        Self::in_texts(Texts {
            common_name: one(&OID_X509_COMMON_NAME),
            unit: one(&OID_X509_ORGANIZATIONAL_UNIT),
            locality: one(&OID_X509_LOCALITY_NAME),
            state: one(&OID_X509_STATE_OR_PROVINCE_NAME),
            serial_number: one(&OID_X509_SERIALNUMBER),
        })
    }

    fn in_texts(texts: Texts<'_>) -> Option<Self> {
        // A common name in a format of its own decides; the other attributes then mean other things.
        spa(texts).or_else(|| with_sep(texts)).or_else(|| multiplatform(texts))
    }
}

/// `SPA-525G2, MAC: 708105B37234, Serial: CBT153908BX`
fn spa(texts: Texts<'_>) -> Option<Subject> {
    let (model, rest) = texts.common_name?.split_once(", MAC: ")?;
    let (mac, serial) = rest.split_once(", Serial: ")?;
    let mac = plain(mac)?;
    // Where the state holds an address too, the two must be one phone's.
    let states_another = texts.state.and_then(plain).is_some_and(|state| state != mac);
    if states_another {
        return None;
    }
    Some(Subject { mac, serial: Some(serial.parse().ok()?), model: Some(model.parse().ok()?) })
}

/// `CP-8845-SEP00562B043615`
fn with_sep(texts: Texts<'_>) -> Option<Subject> {
    let (model, mac) = texts.common_name?.rsplit_once("-SEP")?;
    let (mac, model) = (plain(mac)?, product(model)?);
    let serial = match texts.serial_number {
        Some(text) => {
            let (_product, serial) = text.strip_prefix("PID:")?.split_once(" SN:")?;
            Some(serial.parse().ok()?)
        }
        None => None,
    };
    Some(Subject { mac, serial, model: Some(model) })
}

/// `OU=CP-8841-3PCC, L=88012BA01234, ST=000e08abcdef`
fn multiplatform(texts: Texts<'_>) -> Option<Subject> {
    let (mac, model) = (plain(texts.state?)?, product(texts.unit?)?);
    Some(Subject { mac, serial: Some(texts.locality?.parse().ok()?), model: Some(model) })
}

/// A product's name: capital letters, a dash, and what follows (`CP-8841-3PCC`, `DP-9861`).
fn product(text: &str) -> Option<DeviceModel> {
    let (family, rest) = text.split_once('-')?;
    let is_family = !family.is_empty() && family.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let is_rest = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_family && is_rest { text.parse().ok() } else { None }
}

/// Exactly twelve hex digits.
fn plain(text: &str) -> Option<MacAddress> {
    let is_plain = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAC: &str = "000e08abcdef";

    fn read(texts: Texts<'_>) -> Option<(String, String, String)> {
        let subject = Subject::in_texts(texts)?;
        let text = |text: Option<String>| text.unwrap_or_default();
        let (serial, model) = (subject.serial.map(|it| it.to_string()), subject.model.map(|it| it.to_string()));
        Some((subject.mac.to_string(), text(serial), text(model)))
    }

    fn phone(mac: &str, serial: &str, model: &str) -> (String, String, String) {
        (mac.to_owned(), serial.to_owned(), model.to_owned())
    }

    #[test]
    fn documented_subjects_name_their_phone() {
        let multiplatform =
            Texts { unit: Some("CP-8841-3PCC"), locality: Some("88012BA01234"), state: Some(MAC), ..Texts::default() };
        assert_eq!(read(multiplatform), Some(phone(MAC, "88012BA01234", "CP-8841-3PCC")));
        let spa = Texts {
            common_name: Some("SPA-525G2, MAC: 708105B37234, Serial: CBT153908BX"),
            unit: Some("cisco.com"),
            locality: Some("CBT153908BX"),
            state: Some("708105B37234"),
            ..Texts::default()
        };
        assert_eq!(read(spa), Some(phone("708105b37234", "CBT153908BX", "SPA-525G2")));
        let rc = Texts { common_name: Some("SPA122-RC, MAC: 007686EBFBD6, Serial: CCQ212301PK"), ..Texts::default() };
        assert_eq!(read(rc), Some(phone("007686ebfbd6", "CCQ212301PK", "SPA122-RC")));
        let sep = Texts {
            common_name: Some("CP-8845-SEP00562B043615"),
            serial_number: Some("PID:CP-8845 SN:FCH2034D0PL"),
            ..Texts::default()
        };
        assert_eq!(read(sep), Some(phone("00562b043615", "FCH2034D0PL", "CP-8845")));
        assert_eq!(read(Texts { serial_number: None, ..sep }), Some(phone("00562b043615", "", "CP-8845")));
    }

    #[test]
    fn a_run_of_hex_digits_elsewhere_is_no_address() {
        let names = [
            MAC,
            "WS-C3850-24P-0057D21BC800",
            "CP-8845-SEP00562B04361",
            "CP-8845-SEP00562B0436150",
            "SEP00562B043615",
            "-SEP00562B043615",
            "CP-8845-SEP00562B043615 ",
            "CP-8845-sep00562B043615",
            "SPA-525G2, MAC: 70:81:05:B3:72:34, Serial: CBT153908BX",
            "SPA-525G2, MAC: 708105B37234",
            "SPA-525G2, MAC: 708105B37234, Serial: ",
            "MAC: 708105B37234, Serial: CBT153908BX",
            "CP-8845-SEP010000000000",
        ];
        for name in names {
            let texts = Texts { common_name: Some(name), serial_number: Some("PID:CP-8845 SN:1"), ..Texts::default() };
            assert_eq!(read(texts), None, "{name}");
        }
        let fits =
            Texts { unit: Some("CP-8841-3PCC"), locality: Some("88012BA01234"), state: Some(MAC), ..Texts::default() };
        for texts in [
            Texts { locality: None, ..fits },
            Texts { unit: None, ..fits },
            Texts { unit: Some("Sales"), ..fits },
            Texts { unit: Some("cisco.com"), ..fits },
            Texts { state: Some("00:0e:08:ab:cd:ef"), ..fits },
            Texts { state: Some("Texas"), locality: Some(MAC), ..fits },
            Texts { state: Some("000000000000"), ..fits },
        ] {
            assert_eq!(read(texts), None, "{texts:?}");
        }
        let serial = Texts { serial_number: Some("PID:CP-8845 SN:00562B043615"), ..Texts::default() };
        assert_eq!(read(serial), None);
        let wrong =
            Texts { serial_number: Some("00562B043615"), common_name: Some("CP-8845-SEP00562B043615"), ..serial };
        assert_eq!(read(wrong), None);
    }

    #[test]
    fn two_addresses_in_one_subject_are_none() {
        let texts = Texts {
            common_name: Some("SPA-525G2, MAC: 708105B37234, Serial: CBT153908BX"),
            state: Some("708105B37235"),
            ..Texts::default()
        };
        assert_eq!(read(texts), None);
    }

    /// Texts near the formats, and texts of hex digits.
    fn text() -> impl Strategy<Value = Option<String>> {
        let parts = prop::sample::select(vec![
            "CP-8841-3PCC",
            "SPA-525G2",
            "-SEP",
            ", MAC: ",
            ", Serial: ",
            "PID:",
            " SN:",
            " ",
            "00562b043615",
            "708105B37234",
            "FCH2034D0PL",
            "a",
            "0",
        ]);
        prop_oneof![
            1 => Just(None),
            3 => prop::collection::vec(parts, 0..5).prop_map(|parts| Some(parts.concat())),
            2 => "[0-9a-fA-F:.-]{0,20}".prop_map(Some),
            1 => "\\PC{0,30}".prop_map(Some),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// The formats, said in another way: as regular shapes that proptest's own generators do not know.
        #[test]
        fn an_address_is_only_read_where_a_format_fits(
            name in text(), unit in text(), locality in text(), state in text(), number in text(),
        ) {
            let texts = Texts {
                common_name: name.as_deref(), unit: unit.as_deref(), locality: locality.as_deref(),
                state: state.as_deref(), serial_number: number.as_deref(),
            };
            if let Some((mac, _, _)) = read(texts) {
                let ends_with = |text: &Option<String>, lead: &str| {
                    text.as_deref().is_some_and(|text| text.to_lowercase().ends_with(&format!("{lead}{mac}")))
                };
                let in_name = ends_with(&name, "-sep")
                    || name.as_deref().is_some_and(|name| name.to_lowercase().contains(&format!(", mac: {mac}, serial: ")));
                let in_state = state.as_deref().is_some_and(|state| state.to_lowercase() == mac)
                    && unit.as_deref().is_some_and(|unit| unit.contains('-')) && locality.is_some();
                prop_assert!(in_name || in_state, "{texts:?} gave {mac}");
            }
        }
    }
}
