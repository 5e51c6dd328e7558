//! The values of the macros in a rule (chapter, "Macro Expansion" of the provisioning guides).

use crate::identity::Identity;
use crate::parameters::Parameters;
use crate::state::State;

/// Why the phone resyncs: the value of `$PRVST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// Somebody asked for it, for example on the phone's own screen.
    Explicit,
    /// The power came on.
    PowerUp,
    /// The attempt before failed.
    Retry,
}

/// Everything a macro can speak of.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) parameters: &'a Parameters,
    pub(crate) state: State,
    pub(crate) occasion: Occasion,
    /// Whether it holds a certificate of its own.
    pub(crate) has_certificate: bool,
}

impl Facts<'_> {
    /// The value of a macro, or `None` when this phone does not know it.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let value = match (name, self.occasion) {
            ("PRVST", Occasion::Explicit) => "-1",
            ("PRVST", Occasion::PowerUp) => "0",
            ("PRVST", Occasion::Retry) => "2",
            ("ISCUST", _) => {
                if self.state == State::Acquired {
                    "1"
                } else {
                    "0"
                }
            }
            ("CCERT", _) => {
                if self.has_certificate {
                    "Installed"
                } else {
                    "Not Installed"
                }
            }
            _ => return self.general_purpose(name, 1).or_else(|| self.identity.fact(name)),
        };
        Some(value.to_owned())
    }

    /// As [`Facts::value`], with `$SA` to `$SD` too: those are read only inside `--key`, `--uid` and
    /// `--pwd`, so that they never stand in a URL.
    pub(crate) fn value_in_option(&self, name: &str) -> Option<String> {
        self.general_purpose(name, 2).or_else(|| self.value(name))
    }

    /// `$A` to `$P` are the parameters `GPP_A` to `GPP_P`, and `$SA` to `$SD` are `GPP_SA` to `GPP_SD`.
    fn general_purpose(&self, name: &str, length: usize) -> Option<String> {
        let is_one = match name.as_bytes() {
            [b'A'..=b'P'] => length == 1,
            [b'S', b'A'..=b'D'] => length == 2,
            _ => false,
        };
        is_one.then(|| self.parameters.get(&format!("GPP_{name}")).unwrap_or_default().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_speak_of_the_phone_its_parameters_and_the_occasion() {
        let identity = Identity {
            mac: "00562b043615".parse().expect("a phone's address"),
            model: "CP-7832-3PCC".to_owned(),
            serial: Some("FCH2034D0PL".to_owned()),
            firmware: "11.0.1".to_owned(),
        };
        let mut parameters = Parameters::default();
        parameters.apply(vec![("GPP_A".to_owned(), "one".to_owned()), ("GPP_SA".to_owned(), "hush".to_owned())]);
        let facts = Facts {
            identity: &identity,
            parameters: &parameters,
            state: State::Acquired,
            occasion: Occasion::Retry,
            has_certificate: true,
        };
        for (name, expected) in [
            ("A", Some("one")),
            ("B", Some("")),
            ("P", Some("")),
            ("Q", None),
            ("SA", None),
            ("MA", Some("00562b043615")),
            ("SN", Some("FCH2034D0PL")),
            ("PRVST", Some("2")),
            ("CCERT", Some("Installed")),
            ("ISCUST", Some("1")),
            ("", None),
        ] {
            assert_eq!(facts.value(name).as_deref(), expected, "{name}");
        }
        assert_eq!(facts.value_in_option("SA").as_deref(), Some("hush"));
        assert_eq!(facts.value_in_option("MA").as_deref(), Some("00562b043615"));
        assert_eq!(
            Facts { state: State::Aborted, occasion: Occasion::PowerUp, ..facts }.value("ISCUST").as_deref(),
            Some("0")
        );
    }
}
