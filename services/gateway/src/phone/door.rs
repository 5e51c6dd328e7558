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
    /// This door, and the path names the phone.
    Named(MacAddress),
    /// This door, which expects the phone's address in the path, and something else is there.
    Unnamed,
    /// This door; the address is in the query's `id`.
    InQuery,
    /// This door; the address is in the User-Agent.
    InUserAgent,
}

impl Fit {
    /// How `path`, percent-decoded, fits the first door that can tell the phone; `None` where it fits
    /// none. `/7832.xml` fits `/{mac}.xml` too, but only `/{psn}.xml` makes sense of it.
    pub(crate) fn best(doors: &[Door], path: &str) -> Option<Self> {
        let fits = || doors.iter().filter_map(|door| door.fit(path));
        fits().find(|fit| *fit != Self::Unnamed).or_else(|| fits().next())
    }
}

impl Door {
    fn fit(&self, path: &str) -> Option<Fit> {
        let Some(variable) = self.variable else {
            return (path == self.before).then_some(Fit::InQuery);
        };
        let inside = path.strip_prefix(self.before.as_str()).and_then(|rest| rest.strip_suffix(self.after.as_str()));
        let inside = inside.filter(|inside| !inside.is_empty() && !inside.contains('/'))?;
        Some(match (variable, inside.parse()) {
            (Variable::Mac, Ok(mac)) => Fit::Named(mac),
            (Variable::Mac, Err(_)) => Fit::Unnamed,
            (Variable::ProductSeriesName, _) => Fit::InUserAgent,
        })
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

    fn fit(doors: &[&str], path: &str) -> Option<Fit> {
        let doors: Vec<Door> = doors.iter().map(|door| door.parse().expect("a door")).collect();
        Fit::best(&doors, path)
    }

    #[test]
    fn a_door_finds_the_phone_in_the_path_the_query_or_the_user_agent() {
        let mac = "00562b043615".parse().expect("an address");
        assert_eq!(fit(&["/Cisco/{mac}.cfg"], "/Cisco/00562B043615.cfg"), Some(Fit::Named(mac)));
        assert_eq!(fit(&["/{mac}.xml"], "/00-56-2b-04-36-15.xml"), Some(Fit::Named(mac)));
        assert_eq!(fit(&["/{mac}.cfg"], "/favicon.ico"), None);
        assert_eq!(fit(&["/{mac}.cfg"], "/setup.cfg"), Some(Fit::Unnamed));
        assert_eq!(fit(&["/{mac}.cfg"], "/Cisco/00562B043615.cfg"), None);
        assert_eq!(fit(&["/{mac}.cfg"], "/.cfg"), None);
        assert_eq!(fit(&["/{psn}.xml"], "/7832.xml"), Some(Fit::InUserAgent));
        assert_eq!(fit(&["/rc"], "/rc"), Some(Fit::InQuery));
        assert_eq!(fit(&["/rc"], "/rc/"), None);
    }

    #[test]
    fn a_door_that_can_tell_the_phone_goes_before_one_that_cannot() {
        let both = ["/{mac}.xml", "/{psn}.xml"];
        assert_eq!(fit(&both, "/7832.xml"), Some(Fit::InUserAgent));
        let mac = "00562b043615".parse().expect("an address");
        assert_eq!(fit(&both, "/00562b043615.xml"), Some(Fit::Named(mac)));
    }

    #[test]
    fn what_is_not_a_door_is_refused() {
        for text in ["", "rc", "/{serial}.cfg", "/{mac", "/mac}", "/{mac}/{psn}.xml"] {
            assert!(text.parse::<Door>().is_err(), "{text}");
        }
    }
}
