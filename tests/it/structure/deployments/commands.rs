//! What `deploy/README.md` tells a reader to type, and where it leads him. What is not run by another test is taken
//! apart here, by its program where that can be done without a cluster.

use std::process::Command;

use super::{deploy, install, succeed, text};
use crate::support::{dialtone, repository};

/// Everything that the README shows in the line as code, line breaks taken out.
fn codes() -> Vec<String> {
    let readme = text("README.md");
    let prose = readme.split("```").step_by(2).collect::<Vec<_>>().join("\n");
    let codes: Vec<String> = prose.split('`').skip(1).step_by(2).map(|code| code.replace('\n', " ")).collect();
    assert!(codes.len() > 50);
    codes
}

/// The words of each command that begins with `program`.
fn commands(program: &str) -> Vec<Vec<String>> {
    let begins = |code: &String| code.starts_with(&format!("{program} "));
    let words = |code: String| code.split(' ').map(str::to_owned).collect();
    let found: Vec<Vec<String>> = codes().into_iter().filter(begins).map(words).collect();
    assert!(!found.is_empty(), "no {program}");
    found
}

#[test]
fn compose_takes_its_command() {
    install(&["docker-compose"]);
    for words in commands("docker compose") {
        let verb = words.iter().position(|word| word == "up").expect("a verb");
        let mut parsed = Command::new("docker-compose");
        parsed.args(&words[2..verb]).args(["config", "--quiet"]).env("DIALTONE_FOLDER", "/prepared");
        succeed(parsed.current_dir(repository()));
        let help = succeed(Command::new("docker-compose").args(["up", "--help"]));
        assert!(
            words[verb + 1..].iter().all(|flag| flag.starts_with("--") && help.contains(flag.as_str())),
            "{words:?}"
        );
    }
}

#[test]
fn files_of_commands_are_there() {
    for words in commands("docker build").into_iter().chain(commands("kubectl")) {
        let file = words.iter().position(|word| word == "--file" || word == "-f").expect("a file");
        let file = &words[file + 1];
        assert!(file.starts_with("deploy/") && repository().join(file).exists(), "{words:?}");
    }
    for words in commands("systemctl") {
        let unit = words.last().expect("a unit");
        // dialtone@gateway.service is one of dialtone@.service
        let template = unit.split_once('@').map_or(unit.clone(), |(name, _)| format!("{name}@.service"));
        assert!(deploy("systemd").join(template).exists(), "{words:?}");
    }
    for code in codes().iter().filter(|code| code.starts_with("deploy/") && code.contains(" FOLDER")) {
        let script = code.split(' ').next().expect("a script");
        assert!(["deploy/prepare", "deploy/kubernetes/configuration"].contains(&script), "{code} is run by no test");
    }
}

/// `--help` at the end: everything before it is taken apart, and nothing is done.
#[test]
fn the_program_takes_its_commands() {
    let codes = codes();
    let commands: Vec<&str> = codes.iter().filter_map(|code| code.strip_prefix("dialtone ")).collect();
    assert!(!commands.is_empty());
    for command in commands {
        let script = format!("\"$DIALTONE\" {command} --help");
        succeed(Command::new("bash").args(["-c", &script]).env("DIALTONE", dialtone()));
    }
}

#[test]
fn links_lead_somewhere() {
    let readme = text("README.md");
    let links: Vec<&str> = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() > 15, "{links:?}");
    for link in links {
        let is_there = match link.strip_prefix('#') {
            Some(heading) => readme.lines().any(|line| line.strip_prefix("## ").is_some_and(|it| slug(it) == heading)),
            None => deploy(link).exists(),
        };
        assert!(is_there, "{link}");
    }
}

/// A heading as its link names it.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
