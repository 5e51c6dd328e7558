//! What is asked: for each route the path and the body that make sense there, so that only the caller can be wrong.

use serde_json::json;

use super::Route;
use super::caller::Caller;
use super::world::{PASSWORD, World, mac_of, moved_mac_of, transfer_of, wanted_mac_of, window_of};
use crate::support::Curl;

/// The request of `caller` with that method.
pub fn of(world: &World, (caller, token): (Caller, Option<&str>), (route, method): (&Route, &str)) -> Curl {
    let mut curl = Curl::get(&url(world, caller, route, method)).trusting(&world.server.ca()).method(method);
    if let Some(token) = token {
        curl = curl.header(&format!("Authorization: Bearer {token}"));
    }
    if caller.acts_for_the_owner() {
        curl = curl.header(&format!("Dialtone-Tenant: {}", world.owner.id));
    }
    match (route.path.as_str(), method) {
        // Whoever knows a client's secret gets its token; here that is the owner's.
        ("/v1/token", "POST") => {
            let login = &world.owner.login;
            let form = format!("client_id={}&client_secret={}", login.client_id, login.client_secret);
            curl.form(&format!("grant_type=client_credentials&{form}"))
        }
        ("/v1/devices/import", "POST") => {
            curl.form(&format!("mac,profile\n{},main\n", mac_of(caller))).header("Content-Type: text/csv")
        }
        (path, "POST" | "PUT" | "PATCH") => curl.json(&body(world, caller, (path, method))),
        _ => curl,
    }
}

/// Where the route leads when its variables name what the owner has.
fn url(world: &World, caller: Caller, route: &Route, method: &str) -> String {
    let client = if route.path.ends_with("/secrets") { "rotated" } else { "clients" };
    let path = route
        .path
        // Not the phone with a key, whose answers are no text.
        .replace("/{mac}.cfg", &format!("/{}.cfg", moved_mac_of(caller)))
        .replace("{mac}", &mac_of(caller))
        .replace("{profile}", world.id("profiles", caller))
        .replace("{tenant}", &world.owner.id)
        .replace("{client}", world.id(client, caller))
        .replace("{person}", world.id("people", caller))
        .replace("{range}", world.id("ranges", caller))
        .replace("{window}", world.id("windows", caller))
        .replace("{transfer}", world.id("transfers", caller))
        .replace("/v1/codes/{code}", &format!("/v1/codes/{}", world.id("codes", caller)))
        .replace("/a/{code}", "/a/4321")
        .replace("{file}", "00562b0436ff.xml")
        .replace("{token}", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA")
        .replace("{*path}", "nothing/here");
    assert!(!path.contains('{'), "nothing is known to put into {path}");
    let query = if (path.as_str(), method) == ("/v1/claim-rules", "DELETE") { "?prefix=fc0000/24" } else { "" };
    let base = if route.is_internal { &world.server.internal } else { &world.server.https };
    format!("{base}{path}{query}")
}

fn body(world: &World, caller: Caller, (path, method): (&str, &str)) -> String {
    let name = format!("of {}", caller.name());
    let rule = "https://nps.example/";
    let body = match (path, method) {
        ("/v1/login", _) => json!({ "email": world.person.email, "password": PASSWORD }),
        ("/v1/invitations", _) => json!({ "invitation": world.id("invitations", caller), "password": PASSWORD }),
        ("/v1/me/password", _) => json!({ "password": PASSWORD, "new_password": PASSWORD }),
        ("/v1/me/totp", "POST") => json!({ "password": PASSWORD }),
        ("/v1/me/totp", _) => json!({ "code": "000000" }),
        ("/v1/tenants", _) => {
            let kind = if caller == Caller::Operator { "provider" } else { "site" };
            json!({ "name": name, "kind": kind })
        }
        ("/v1/tenants/{tenant}/frozen", _) => json!({ "frozen": false }),
        ("/v1/clients", _) => json!({ "name": name, "role": "read_only" }),
        ("/v1/people", _) => json!({ "email": format!("{}@example.com", caller.name()), "role": "read_only" }),
        ("/v1/people/{person}", _) => json!({ "role": "engineer" }),
        ("/v1/policy", _) => json!({ "expired_certificates": "accept", "release_unseen_days": 0 }),
        ("/v1/profiles", _) => json!({ "name": name, "profile_rule": rule }),
        ("/v1/profiles/{profile}", _) => json!({ "name": format!("again {name}"), "profile_rule": rule }),
        ("/v1/codes", _) => json!({ "kind": "personal", "profile": world.coded, "count": 1 }),
        ("/v1/codes/{code}", _) => json!({ "limits": { "registered_only": true } }),
        ("/v1/codes/{code}/decision", _) => json!({ "approve": true }),
        ("/v1/devices/move", _) => {
            json!({ "to_tenant": world.site.id, "to_profile": "main", "macs": [moved_mac_of(caller)] })
        }
        ("/v1/devices/{mac}" | "/v1/ranges/{range}", _) => json!({ "profile": "main" }),
        ("/v1/devices/{mac}/key", _) => json!({ "format": "aes128gcm" }),
        ("/v1/devices/{mac}/timeline", _) => json!({ "event": "provisioned_by_dhcp" }),
        ("/v1/ranges", _) => json!({ "prefix": format!("0004f2cc{:02x}/40", caller.number()), "profile": "main" }),
        ("/v1/windows", _) => window_of(0xcd, caller),
        ("/v1/transfers", _) => transfer_of(&wanted_mac_of(caller)),
        ("/v1/transfers/{transfer}/decision", _) => json!({ "decision": "refuse" }),
        ("/v1/claim-rules", _) => json!({ "prefix": "fc0000/24", "proof": "open" }),
        ("/v1/holds", _) => json!({ "macs": [mac_of(caller)], "on_hold": false }),
        ("/v1/manifest", _) => json!([{ "mac": "fc0000000001" }]),
        ("/report/{token}", _) => json!({ "event": "factory_reset" }),
        ("/activate", _) => json!({ "code": "5414011256173816", "mac": "00562b043615" }),
        _ => json!({}),
    };
    body.to_string()
}
