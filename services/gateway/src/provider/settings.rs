//! Flat-profile parameters as JSON: a text, or a text with who may change it on the phone; many of
//! them as one object whose order counts.

use std::collections::HashSet;
use std::fmt;

use contracts::redirection::Parameter;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

/// The `ua` attribute (phone-facts, "Profile XML"): what the phone's user may do with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum UserAccess {
    /// Neither see nor change it.
    #[default]
    Na,
    /// See it.
    Ro,
    /// See and change it.
    Rw,
}

impl UserAccess {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Na => "na",
            Self::Ro => "ro",
            Self::Rw => "rw",
        }
    }
}

/// One parameter's value. Has no `Debug`: it may be a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub value: String,
    pub access: UserAccess,
}

impl Setting {
    /// As the contracts carry it, under its flat-profile name.
    pub fn into_parameter(self, name: String) -> Parameter {
        Parameter { name, value: self.value, user_access: self.access.name().to_owned() }
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SettingVisitor)
    }
}

/// The long way to write a setting.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Full {
    value: String,
    #[serde(default)]
    ua: UserAccess,
}

struct SettingVisitor;

impl<'de> Visitor<'de> for SettingVisitor {
    type Value = Setting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or an object with value and ua")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Setting, E> {
        Ok(Setting { value: text.to_owned(), access: UserAccess::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Setting, A::Error> {
        let full = Full::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Setting { value: full.value, access: full.ua })
    }
}

/// Settings by name, in the order of writing, no name twice.
#[derive(Default)]
pub(super) struct Settings(pub Vec<(String, Setting)>);

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SettingsVisitor)
    }
}

struct SettingsVisitor;

impl<'de> Visitor<'de> for SettingsVisitor {
    type Value = Settings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of flat-profile parameters")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Settings, A::Error> {
        let mut settings = Settings::default();
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if !seen.insert(name.clone()) {
                return Err(A::Error::custom(format_args!("parameter {name} is given twice")));
            }
            settings.0.push((name, map.next_value()?));
        }
        Ok(settings)
    }
}

/// A setting as shown.
#[derive(Serialize)]
pub(super) struct SettingView {
    pub value: String,
    pub ua: String,
}

/// Settings as shown, in order.
pub(super) struct SettingsView(pub Vec<(String, SettingView)>);

impl Serialize for SettingsView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, setting) in &self.0 {
            map.serialize_entry(name, setting)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Vec<(String, String, &'static str)>, String> {
        let settings: Settings = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let shown = |(name, setting): (String, Setting)| (name, setting.value, setting.access.name());
        Ok(settings.0.into_iter().map(shown).collect())
    }

    #[test]
    fn both_ways_of_writing_are_read_in_their_order() {
        let json = r#"{"Zulu":"1","Alpha":{"value":"2","ua":"rw"},"Mike":{"ua":"ro","value":""},"Beta":{"value":"4"}}"#;
        let settings = read(json).expect("settings");
        let shown: Vec<_> = settings.iter().map(|(name, value, ua)| (name.as_str(), value.as_str(), *ua)).collect();
        assert_eq!(shown, [("Zulu", "1", "na"), ("Alpha", "2", "rw"), ("Mike", "", "ro"), ("Beta", "4", "na")]);
    }

    #[test]
    fn what_is_no_setting_is_refused_with_what_was_expected() {
        for (json, wanted) in [
            (r#"{"A":"1","A":"2"}"#, "parameter A is given twice"),
            (r#"{"A":5}"#, "expected a text, or an object with value and ua"),
            (r#"{"A":null}"#, "expected a text, or an object with value and ua"),
            (r#"{"A":{"ua":"na"}}"#, "missing field `value`"),
            (r#"{"A":{"value":"x","ua":"root"}}"#, "expected one of `na`, `ro`, `rw`"),
            (r#"{"A":{"value":"x","ro":true}}"#, "unknown field `ro`"),
            ("[]", "expected an object of flat-profile parameters"),
        ] {
            let sentence = read(json).expect_err(json);
            assert!(sentence.contains(wanted), "{json}: {sentence}");
        }
    }

    #[test]
    fn what_is_shown_keeps_its_order() {
        let setting = |value: &str| SettingView { value: value.to_owned(), ua: "na".to_owned() };
        let view = SettingsView(vec![("Zulu".to_owned(), setting("1")), ("Alpha".to_owned(), setting("2"))]);
        let json = serde_json::to_string(&view).expect("JSON");
        assert_eq!(json, r#"{"Zulu":{"value":"1","ua":"na"},"Alpha":{"value":"2","ua":"na"}}"#);
    }
}
