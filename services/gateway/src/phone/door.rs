//! The paths at which phones come to ask who they belong to. Data from the configuration; one handler
//! answers them all.

use std::str::FromStr;

use serde::Deserialize;
use vocabulary::MacAddress;

/// One path, written as a template: `/Cisco/{mac}.cfg`, `/{psn}.xml`, `/software/edos/callhome/rc`.
///
/// `{mac}` stands for the phone's address in any spelling; `{psn}` for its product series name, and
/// then the address comes from the User-Agent. A template without either takes the address from the
/// query's `id`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Door {
    before: String,
    variable: Option<Variable>,
    after: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variable {
    Mac,
    ProductSeriesName,
}

/// The text is not a door.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a path for phones: expected /path, with at most one of {{mac}} and {{psn}} in it")]
pub struct InvalidDoor(String);

/// How a path and a door fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Not this door.
    No,
    /// This door, and the path names the phone.
    Named(MacAddress),
    /// This door, which expects the phone's address in the path, and something else is there.
    Unnamed,
    /// This door; the address is in the query's `id`.
    InQuery,
    /// This door; the address is in the User-Agent.
    InUserAgent,
}

impl Door {
    /// How `path`, percent-decoded, fits.
    pub(crate) fn fit(&self, path: &str) -> Fit {
        let Some(variable) = self.variable else {
            return if path == self.before { Fit::InQuery } else { Fit::No };
        };
        let inside = path.strip_prefix(self.before.as_str()).and_then(|rest| rest.strip_suffix(self.after.as_str()));
        let Some(inside) = inside.filter(|inside| !inside.is_empty() && !inside.contains('/')) else {
            return Fit::No;
        };
        match (variable, inside.parse()) {
            (Variable::Mac, Ok(mac)) => Fit::Named(mac),
            (Variable::Mac, Err(_)) => Fit::Unnamed,
            (Variable::ProductSeriesName, _) => Fit::InUserAgent,
        }
    }
}

impl FromStr for Door {
    type Err = InvalidDoor;

    fn from_str(text: &str) -> Result<Self, InvalidDoor> {
        let invalid = || InvalidDoor(text.to_owned());
        if !text.starts_with('/') {
            return Err(invalid());
        }
        let Some((before, rest)) = text.split_once('{') else {
            let door = Self { before: text.to_owned(), variable: None, after: String::new() };
            return if text.contains('}') { Err(invalid()) } else { Ok(door) };
        };
        let (name, after) = rest.split_once('}').ok_or_else(invalid)?;
        let variable = match name {
            "mac" => Variable::Mac,
            "psn" => Variable::ProductSeriesName,
            _ => return Err(invalid()),
        };
        if after.contains(['{', '}']) {
            return Err(invalid());
        }
        Ok(Self { before: before.to_owned(), variable: Some(variable), after: after.to_owned() })
    }
}

impl TryFrom<String> for Door {
    type Error = InvalidDoor;

    fn try_from(text: String) -> Result<Self, InvalidDoor> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(door: &str, path: &str) -> Fit {
        door.parse::<Door>().expect("a door").fit(path)
    }

    #[test]
    fn a_door_finds_the_phone_in_the_path_the_query_or_the_user_agent() {
        let mac = "00562b043615".parse().expect("an address");
        assert_eq!(fit("/Cisco/{mac}.cfg", "/Cisco/00562B043615.cfg"), Fit::Named(mac));
        assert_eq!(fit("/{mac}.xml", "/00-56-2b-04-36-15.xml"), Fit::Named(mac));
        assert_eq!(fit("/{mac}.cfg", "/favicon.ico"), Fit::No);
        assert_eq!(fit("/{mac}.cfg", "/setup.cfg"), Fit::Unnamed);
        assert_eq!(fit("/{mac}.cfg", "/Cisco/00562B043615.cfg"), Fit::No);
        assert_eq!(fit("/{mac}.cfg", "/.cfg"), Fit::No);
        assert_eq!(fit("/{psn}.xml", "/7832.xml"), Fit::InUserAgent);
        assert_eq!(fit("/rc", "/rc"), Fit::InQuery);
        assert_eq!(fit("/rc", "/rc/"), Fit::No);
    }

    #[test]
    fn what_is_not_a_door_is_refused() {
        for text in ["", "rc", "/{serial}.cfg", "/{mac", "/mac}", "/{mac}/{psn}.xml"] {
            assert!(text.parse::<Door>().is_err(), "{text}");
        }
    }
}
