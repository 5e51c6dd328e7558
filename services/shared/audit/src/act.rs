//! One act, and how it is made fit to be kept: no text of it is so long or so odd that it could not be.

use rpc::Actor;
use serde_json::Value;
use vocabulary::Timestamp;

/// The most characters of an id, an address or a verb.
const LONGEST: usize = 128;
/// The most characters of what an act was done to.
const LONGEST_TARGET: usize = 256;
/// The most bytes of a detail. It is JSON that our own code makes; what is longer was put into it by a caller.
const LONGEST_DETAIL: usize = 8 * 1024;

/// Something that was done.
#[derive(Debug)]
pub struct Act<'a> {
    /// When.
    pub at: Timestamp,
    /// The tenant it concerns; its people, and those above it, may read it.
    pub concerns: &'a str,
    /// Who did it.
    pub actor: &'a Actor,
    /// What was done, such as `device.put`.
    pub verb: &'static str,
    /// To what, such as a MAC address or a profile's id.
    pub target: &'a str,
    /// More about it. Holds no secret.
    pub detail: Value,
}

impl Act<'_> {
    /// The texts as they are kept, in the order of the table's columns: cut, and without control characters.
    pub(crate) fn texts(&self) -> [String; 8] {
        [
            cut(self.concerns, LONGEST),
            cut(&self.actor.subject, LONGEST),
            cut(&self.actor.tenant, LONGEST),
            cut(&self.actor.source, LONGEST),
            cut(&self.actor.request_id, LONGEST),
            cut(self.verb, LONGEST),
            cut(self.target, LONGEST_TARGET),
            detail(&self.detail),
        ]
    }
}

/// A log is read on terminals, which obey control characters.
fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// JSON that is too long becomes `{"cut": "its beginning"}`, which is JSON again.
fn detail(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= LONGEST_DETAIL {
        return text;
    }
    let beginning: String = text.chars().take(LONGEST_DETAIL / 2).collect();
    serde_json::json!({ "cut": beginning }).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_cut_and_cannot_command_a_terminal() {
        let actor = Actor { subject: "x".repeat(1000), ..Actor::service(rpc::Peer::Gateway) };
        let target = format!("\u{1b}[2J\0{}", "\u{e9}".repeat(1000));
        let detail = json!({ "name": "\u{1b}".repeat(5000) });
        let at = Timestamp::from_micros(1);
        let act = Act { at, concerns: "prv_1", actor: &actor, verb: "device.put", target: &target, detail };
        let [concerns, subject, .., target, detail] = act.texts();
        assert_eq!((concerns.as_str(), subject.len()), ("prv_1", 128));
        assert!(target.starts_with("\u{fffd}[2J\u{fffd}\u{e9}") && target.chars().count() == 256, "{target}");
        let kept: Value = serde_json::from_str(&detail).expect("still JSON");
        assert!(kept["cut"].as_str().is_some_and(|it| it.starts_with("{\"name\":")), "{kept}");
        assert!(detail.len() < 4 * LONGEST_DETAIL && !detail.contains('\u{1b}'), "{}", detail.len());
    }

    #[test]
    fn what_is_short_is_kept_as_it_is() {
        assert_eq!(detail(&json!({ "profile": "prf_1" })), r#"{"profile":"prf_1"}"#);
    }
}
