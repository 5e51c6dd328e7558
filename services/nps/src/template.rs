//! A flat profile made for the phone that asks (chapter, "HTTP Provisioning": "the configuration
//! profile can be generated dynamically").

/// A small profile that shows the placeholders: one line, named after the phone.
pub const DEMONSTRATION: &str = include_str!("demonstration.xml");

/// What a request says about the phone that sent it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Phone {
    mac: String,
    model: String,
    firmware: String,
}

impl Phone {
    /// The phone that asks for `path`, known by the last twelve hex digits of the file's name, or
    /// else by its User-Agent (a file named after the model, `$PSN.xml`, holds no address).
    pub(crate) fn asking_for(path: &str, user_agent: &str) -> Option<Self> {
        let name = path.rsplit('/').next()?;
        let stem = name.strip_suffix(".xml").or_else(|| name.strip_suffix(".cfg"))?;
        let agent = UserAgent::read(user_agent);
        let mac = address_at_end(stem).or_else(|| agent.as_ref().and_then(|agent| address_at_end(agent.mac)))?;
        Some(Self {
            mac,
            model: agent.as_ref().map_or("unknown", |agent| agent.model).to_owned(),
            firmware: agent.as_ref().map_or("unknown", |agent| agent.firmware).to_owned(),
        })
    }

    /// The template with this phone in its places.
    pub(crate) fn fill_in(&self, template: &str) -> String {
        template
            .replace("{mac}", &escaped(&self.mac))
            .replace("{model}", &escaped(&self.model))
            .replace("{firmware}", &escaped(&self.firmware))
    }
}

/// `Cisco-CP-7832-3PCC/11.0.1 (00562b043615)`, the chapter's example.
struct UserAgent<'a> {
    model: &'a str,
    firmware: &'a str,
    mac: &'a str,
}

impl<'a> UserAgent<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (model, rest) = text.strip_prefix("Cisco-")?.split_once('/')?;
        let (firmware, rest) = rest.split_once(' ')?;
        let mac = rest.strip_prefix('(')?.strip_suffix(')')?;
        Some(Self { model, firmware, mac })
    }
}

/// Twelve hex digits at the end of the text, in lower case.
fn address_at_end(text: &str) -> Option<String> {
    let start = text.len().checked_sub(12)?;
    let digits = text.get(start..)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| digits.to_ascii_lowercase())
}

/// The text as XML character data: the User-Agent is whatever a stranger sends.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: &str = "Cisco-CP-7832-3PCC/11.0.1 (00562b043615)";

    #[test]
    fn the_file_name_and_the_user_agent_say_who_asks() {
        let phone = Phone::asking_for("/Cisco/cisco0004F2AABBCC.cfg", AGENT).expect("a phone");
        assert_eq!(phone.fill_in("{mac} {model} {firmware}"), "0004f2aabbcc CP-7832-3PCC 11.0.1");
        let by_agent = Phone::asking_for("/7832.xml", AGENT).expect("a phone");
        assert_eq!(by_agent.fill_in("{mac}"), "00562b043615");
        let by_name = Phone::asking_for("/0004f2aabbcc.xml", "curl/8").expect("a phone");
        assert_eq!(by_name.fill_in("{mac} {model}"), "0004f2aabbcc unknown");
    }

    #[test]
    fn what_names_no_phone_is_not_found() {
        for path in ["/", "/0004f2aabbcc", "/0004f2aabbcc.txt", "/index.xml", "/0004f2aabbc.cfg", "/élément0004.xml"]
        {
            assert_eq!(Phone::asking_for(path, "curl/8"), None, "{path}");
        }
    }

    #[test]
    fn a_user_agent_cannot_write_elements() {
        let phone = Phone::asking_for("/0004f2aabbcc.xml", "Cisco-<x>&/1 (0)").expect("a phone");
        assert_eq!(phone.fill_in("{model}"), "&lt;x&gt;&amp;");
    }
}
