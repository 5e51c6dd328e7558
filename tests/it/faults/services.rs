//! Each service killed, stopped, slow and cut off, one after the other, while phones and providers go on.

use std::time::Duration;

use super::scene::Scene;
use crate::support::{Plan, Server, Settings, has_meaning_here};

/// How much later each part of a slow answer comes.
const SLOW: Duration = Duration::from_millis(100);

fn scene() -> Scene {
    Scene::set(Server::planned(Plan::of(Settings::default()).with_links()))
}

/// Everything that can happen to a service that the gateway calls.
fn survives_everything(service: &'static str) {
    if !has_meaning_here("processes") {
        return;
    }
    let mut scene = scene();
    let fault = |what: &str| format!("{service} {what}");
    scene.survives(&fault("killed"), |server| server.crash_one(service), |server| server.start_one(service));
    let send = |signal: &'static str| move |server: &mut Server| server.kill_one(service, signal);
    scene.survives(&fault("stopped"), send("STOP"), send("CONT"));
    let mend = |server: &mut Server| server.link("gateway", service).mend();
    scene.survives(&fault("slow"), |server| server.link("gateway", service).delay(SLOW), mend);
    scene.survives(&fault("cut off"), |server| server.link("gateway", service).silence(), mend);
}

#[test]
fn accounts_away_keeps_nobody_waiting_but_who_logs_in() {
    survives_everything("accounts");
}

#[test]
fn redirection_away_tells_phones_to_ask_again() {
    survives_everything("redirection");
}

#[test]
fn onboarding_away_tells_who_sends_a_code_to_send_it_again() {
    survives_everything("onboarding");
}

#[test]
fn customization_away_is_not_noticed_by_phones() {
    survives_everything("customization");
}

#[test]
fn the_gateway_away_loses_nothing() {
    if !has_meaning_here("processes") {
        return;
    }
    let mut scene = scene();
    scene.survives("gateway killed", |server| server.crash_one("gateway"), |server| server.start_one("gateway"));
    let send = |signal: &'static str| move |server: &mut Server| server.kill_one("gateway", signal);
    scene.survives("gateway stopped", send("STOP"), send("CONT"));
    let start_alone = |server: &mut Server| {
        server.crash_one("accounts");
        server.crash_one("gateway");
        server.start_one("gateway");
    };
    let fault = "gateway started while accounts is away";
    scene.survives(fault, start_alone, |server| server.start_one("accounts"));
}

/// In any shape, on any database.
#[test]
fn a_power_cut_loses_nothing() {
    let mut scene = Scene::set(Server::start());
    let cut = |server: &mut Server| {
        server.kill("KILL");
        server.end();
    };
    scene.survives("everything killed", cut, Server::start_all);
}
