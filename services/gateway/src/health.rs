//! Whether this process lives, and whether it can serve phones.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::Vitals;

/// Without this service no phone can be answered; without any of the others most of the work goes on.
const ESSENTIAL: &str = "redirection";

/// 200 as long as the process can answer at all.
pub(crate) async fn live() -> &'static str {
    "live\n"
}

/// 200 where phones can be answered (`ready`, or `degraded` where another service is away), else 503.
pub(crate) async fn ready(State(vitals): State<Vitals>) -> (StatusCode, Json<Value>) {
    let mut services = Map::new();
    let (mut all_well, mut can_answer) = (true, true);
    for (name, probe) in vitals.probes() {
        let well = probe().await;
        all_well &= well;
        can_answer &= well || *name != ESSENTIAL;
        services.insert((*name).to_owned(), json!(if well { "ok" } else { "away" }));
    }
    let (status, word) = match (can_answer, all_well) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "away"),
        (true, false) => (StatusCode::OK, "degraded"),
        (true, true) => (StatusCode::OK, "ready"),
    };
    (status, Json(json!({ "status": word, "services": services })))
}
