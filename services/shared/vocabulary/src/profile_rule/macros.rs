//! The macros a phone expands: `$NAME`, `$(NAME)`, `$(NAME:p)`, `$(NAME:p:q)`; `$$` is a dollar sign.

/// The documented names besides `A` to `P` and `SA` to `SD`.
const NAMES: &[&str] = &[
    "MA", "MAU", "MAC", "PN", "PSN", "SN", "CCERT", "IP", "EXTIP", "SWVER", "HWVER", "PRVST", "UPGST", "UPGERR",
    "PRVTMR", "UPGTMR", "REGTMR1", "REGTMR2", "UPGCOND", "SCHEME", "METH", "SERV", "SERVIP", "PORT", "PATH", "ERR",
    "ISCUST",
];

/// The macros in `text` that no phone documents, each once, in order.
pub(super) fn unknown(text: &str) -> Vec<String> {
    let mut unknown: Vec<String> = Vec::new();
    for name in names(text) {
        if !is_known(name) && !unknown.iter().any(|seen| seen == name) {
            unknown.push(name.to_owned());
        }
    }
    unknown
}

/// Whether `text` is a single documented macro and nothing else, so that its value lives on the phone.
pub(super) fn is_one_macro(text: &str) -> bool {
    let inside = text.strip_prefix('$').unwrap_or_default();
    let name = inside.strip_prefix('(').and_then(|name| name.strip_suffix(')')).unwrap_or(inside);
    is_known(name)
}

fn is_known(name: &str) -> bool {
    match name.as_bytes() {
        [b'A'..=b'P'] | [b'S', b'A'..=b'D'] => true,
        _ => NAMES.contains(&name),
    }
}

fn names(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('$') {
        if let Some(after) = after.strip_prefix('$') {
            rest = after;
            continue;
        }
        let name = match after.strip_prefix('(') {
            Some(inside) => inside.split([')', ':']).next().unwrap_or_default(),
            None => after.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default(),
        };
        if !name.is_empty() {
            found.push(name);
        }
        rest = after;
    }
    found
}
