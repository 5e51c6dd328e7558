//! Every route, on one page. The scope that a route under `/v1` demands stands in its handler's signature.

use axum::Router;
use axum::middleware;
use axum::routing::{any, delete, get, patch, post, put};

use crate::provider::{
    audit, claim_rules, clients, code_numbers, codes, customization, device_import, device_key, devices, login,
    manifest, me, moves, ownership, people, policy, profiles, ranges, tenants, token, transfers, windows,
};
use crate::{Gateway, Vitals, body, health, metrics, overload, phone, problem, request_id};

/// What phones and providers reach.
pub fn public_routes(gateway: Gateway) -> Router {
    let programs = Router::new()
        .route("/.well-known/jwks.json", get(token::keys))
        .route("/v1/token", post(token::issue))
        .route("/v1/login", post(login::log_in))
        .route("/v1/invitations", post(people::accept))
        .route("/v1/me", get(me::read))
        .route("/v1/me/password", put(me::change_password))
        .route("/v1/me/totp", post(me::begin_totp).put(me::confirm_totp))
        .route("/v1/keys/rotation", post(token::rotate))
        .route("/v1/tenants", get(tenants::list).post(tenants::create))
        .route("/v1/tenants/{tenant}", get(tenants::read))
        .route("/v1/tenants/{tenant}/frozen", put(tenants::set_frozen))
        .route("/v1/clients", get(clients::list).post(clients::create))
        .route("/v1/clients/{client}", delete(clients::revoke))
        .route("/v1/clients/{client}/secrets", post(clients::rotate))
        .route("/v1/people", get(people::list).post(people::invite))
        .route("/v1/people/{person}", patch(people::change).delete(people::remove))
        .route("/v1/audit", get(audit::list))
        .route("/v1/policy", get(policy::read).put(policy::replace))
        .route("/v1/profiles", get(profiles::list).post(profiles::create))
        .route("/v1/profiles/{profile}", get(profiles::read).put(profiles::replace).delete(profiles::delete))
        .route("/v1/codes", get(codes::list).post(codes::create))
        .route("/v1/codes/attempts", get(code_numbers::all_attempts))
        .route("/v1/codes/risk", get(code_numbers::risk))
        .route("/v1/codes/suggestions", get(code_numbers::suggestions))
        .route("/v1/codes/{code}", get(codes::read).patch(codes::change).delete(codes::revoke))
        .route("/v1/codes/{code}/attempts", get(code_numbers::attempts))
        .route("/v1/codes/{code}/decision", put(codes::decide))
        .route("/v1/devices", get(devices::list))
        .route("/v1/devices/move", post(moves::hand_over))
        .route("/v1/devices/{mac}", get(devices::read).put(devices::put).delete(devices::delete))
        .route("/v1/devices/{mac}/customization", get(customization::state))
        .route("/v1/devices/{mac}/history", get(ownership::history))
        .route("/v1/devices/{mac}/key", put(device_key::put).delete(device_key::delete))
        .route("/v1/devices/{mac}/timeline", get(customization::timeline).post(customization::state_event))
        .route("/v1/ranges", get(ranges::list).post(ranges::create))
        .route("/v1/ranges/{range}", patch(ranges::change).delete(ranges::delete))
        .route("/v1/windows", get(windows::list).post(windows::open))
        .route("/v1/windows/{window}", delete(windows::close))
        .route("/v1/transfers", get(transfers::list).post(transfers::request))
        .route("/v1/transfers/{transfer}/decision", put(transfers::decide))
        .route("/v1/claim-rules", get(claim_rules::list).put(claim_rules::put).delete(claim_rules::delete))
        .route("/v1/holds", put(moves::hold))
        .route("/v1/", any(problem::unknown_path))
        .route("/v1/{*path}", any(problem::unknown_path))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn_with_state(gateway.clone(), overload::for_programs))
        .layer(middleware::from_fn(body::arrived));
    let manifests = Router::new()
        .route("/v1/manifest", post(manifest::import))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn_with_state(gateway.clone(), overload::for_programs))
        .layer(middleware::from_fn(body::manifest_arrived));
    let imports = Router::new()
        .route("/v1/devices/import", post(device_import::import))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn_with_state(gateway.clone(), overload::for_programs))
        .layer(middleware::from_fn(body::arriving));
    let programs = programs
        .merge(manifests)
        .merge(imports)
        .layer(middleware::from_fn_with_state(gateway.clone(), request_id::for_programs));

    // The doors that phones come to ask at are data (`phone_doors` in the configuration), so they are
    // matched by the fallback rather than written here.
    let codes = Router::new()
        .route("/activate", post(phone::activate))
        .route("/a/{code}", any(phone::activate_in_path))
        .route("/a/{code}/{file}", any(phone::activate_named))
        .layer(middleware::from_fn_with_state(gateway.clone(), overload::for_codes));
    let phones = Router::new()
        .route("/report/{token}", post(phone::report).put(phone::report))
        .merge(codes)
        .fallback(phone::ask)
        .layer(middleware::from_fn_with_state(gateway.clone(), overload::for_phones))
        .layer(middleware::from_fn(body::arrived));

    programs.merge(phones).with_state(gateway)
}

/// What operators and their tools reach, on a port of its own.
pub fn internal_routes(vitals: Vitals) -> Router {
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(metrics::show))
        .with_state(vitals)
}
