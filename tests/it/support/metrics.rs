//! What `/metrics` shows, read as strictly as the format (`OpenMetrics` 1.0) asks for.

use std::collections::BTreeMap;

use super::curl::Curl;
use super::server::Server;

/// Every sample by its name and labels; in several processes, their sum.
#[derive(Debug)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// What `server` has counted in all its processes; panics where it is not written as it should be.
    pub fn of(server: &Server) -> Self {
        let mut all = BTreeMap::new();
        for (sample, value) in server.vitals().iter().flat_map(|vitals| samples_at(vitals)) {
            all.entry(sample).and_modify(|sum: &mut f64| *sum += value).or_insert(value);
        }
        Self(all)
    }

    /// The counter or gauge of that name, labels included; 0 where nothing was counted yet.
    pub fn value(&self, name: &str) -> u64 {
        let value = self.0.get(name).copied().unwrap_or_default();
        format!("{value}").parse().expect("a whole number")
    }

    /// Whether there is a sample whose name, without labels, is `name`.
    pub fn has(&self, name: &str) -> bool {
        self.0.keys().any(|sample| sample.split('{').next() == Some(name))
    }
}

fn samples_at(vitals: &str) -> BTreeMap<String, f64> {
    let shown = Curl::get(&format!("{vitals}/metrics")).send().expect(200);
    let content_type = shown.header("content-type").expect("a content type");
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"), "{content_type}");
    let (lines, rest) = shown.body.split_once("# EOF\n").expect("the end mark");
    assert_eq!(rest, "", "something follows the end mark");
    let mut types = BTreeMap::new();
    let mut samples = BTreeMap::new();
    for line in lines.lines() {
        match line.strip_prefix("# ") {
            Some(about) => note_type(about, &mut types),
            None => note_sample(line, &types, &mut samples),
        }
    }
    samples
}

/// `TYPE name counter`; help and units are for people.
fn note_type(about: &str, types: &mut BTreeMap<String, String>) {
    let words: Vec<&str> = about.splitn(3, ' ').collect();
    let [kind, name, text] = words[..] else { panic!("not a comment of OpenMetrics: {about}") };
    assert!(matches!(kind, "HELP" | "UNIT" | "TYPE"), "{about}");
    if kind == "TYPE" {
        let again = types.insert(name.to_owned(), text.to_owned());
        assert!(again.is_none() && matches!(text, "counter" | "gauge" | "histogram"), "{about}");
    }
}

/// `name{label="value"} 1.5`
fn note_sample(line: &str, types: &BTreeMap<String, String>, samples: &mut BTreeMap<String, f64>) {
    let (sample, value) = line.rsplit_once(' ').expect("a name and a value");
    let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number in {line}"));
    let (name, labels) = sample.split_once('{').map_or((sample, None), |(name, labels)| (name, Some(labels)));
    assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{line}");
    if let Some(labels) = labels {
        let labels = labels.strip_suffix('}').expect("the end of the labels");
        assert!(labels.split(',').all(|label| label.contains("=\"") && label.ends_with('"')), "{line}");
    }
    let suffixes = |kind: &str| match kind {
        "counter" => ["_total"].as_slice(),
        "histogram" => ["_bucket", "_count", "_sum"].as_slice(),
        _ => [""].as_slice(),
    };
    let is_announced = types.iter().any(|(family, kind)| {
        name.strip_prefix(family.as_str()).is_some_and(|suffix| suffixes(kind).contains(&suffix))
    });
    assert!(is_announced, "no TYPE for {line}");
    assert!(samples.insert(sample.to_owned(), value).is_none(), "twice: {line}");
}
