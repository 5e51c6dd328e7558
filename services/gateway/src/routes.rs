//! Every route, on one page.

use axum::Router;
use axum::middleware;
use axum::routing::{any, get, post, put};

use crate::provider::{code_numbers, codes, customization, devices, profiles, providers, token};
use crate::{Gateway, body, health, metrics, phone, problem, request_id};

/// What phones and providers reach.
pub fn public_routes(gateway: Gateway) -> Router {
    let programs = Router::new()
        .route("/.well-known/jwks.json", get(token::keys))
        .route("/v1/token", post(token::issue))
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
        .route("/v1/devices/{mac}", get(devices::read).put(devices::put).delete(devices::delete))
        .route("/v1/devices/{mac}/customization", get(customization::state))
        .route("/v1/devices/{mac}/timeline", get(customization::timeline).post(customization::state_event))
        .route("/v1/providers", get(providers::list).post(providers::create))
        .route("/v1/providers/{provider}", get(providers::read))
        .route("/v1/providers/{provider}/frozen", put(providers::set_frozen))
        .route("/v1/", any(problem::unknown_path))
        .route("/v1/{*path}", any(problem::unknown_path))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn(body::arrived))
        .layer(middleware::from_fn_with_state(gateway.clone(), request_id::for_programs));

    // The doors that phones come to ask at are data (`phone_doors` in the configuration), so they are
    // matched by the fallback rather than written here.
    let phones = Router::new()
        .route("/report/{token}", post(phone::report).put(phone::report))
        .route("/activate", post(phone::activate))
        .route("/a/{code}", any(phone::activate_in_path))
        .route("/a/{code}/{file}", any(phone::activate_named))
        .fallback(phone::ask)
        .layer(middleware::from_fn(body::arrived));

    programs.merge(phones).with_state(gateway)
}

/// What operators and their tools reach, on a port of its own.
pub fn internal_routes(gateway: Gateway) -> Router {
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(metrics::show))
        .with_state(gateway)
}
