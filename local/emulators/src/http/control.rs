//! The control routes: ledger, fault plan, control actions.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use serde_json::{Value, json};

use super::EmulatorServer;
use super::response::BodyResponse;
use crate::emulator::{ControlAction, Emulator, Input, Outcome};
use crate::exchange::HttpRequest;
use crate::faults::Fault;

pub(super) async fn respond<P: Emulator>(
    server: &Arc<EmulatorServer<P>>,
    request: &HttpRequest,
) -> BodyResponse {
    let (status, body) = match (request.method.as_str(), request.path()) {
        ("GET", "/_ledger") => (200, ledger(server, request)),
        ("GET", "/_faults") => (200, server.state.lock().fault_plan().to_json()),
        ("POST", "/_faults") => add_faults(server, request, false).await,
        ("PUT", "/_faults") => add_faults(server, request, true).await,
        ("DELETE", "/_faults") => {
            let clear = order_in_query(request).map(Input::ClearFaultsOfOrder);
            server.apply(clear.unwrap_or(Input::ClearFaults)).await;
            (200, server.state.lock().fault_plan().to_json())
        }
        ("POST", "/_acts") => perform(server, request).await,
        (_, "/_ledger" | "/_faults" | "/_acts") => {
            (405, json!({ "error": "method not allowed on this route" }))
        }
        _ => {
            (404, json!({ "error": "unknown route; the routes are /_ledger, /_faults and /_acts" }))
        }
    };
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Full::from(Bytes::from(body.to_string()))).unwrap_or_default()
}

fn order_in_query(request: &HttpRequest) -> Option<String> {
    let query: Vec<(String, String)> =
        serde_urlencoded::from_str(request.query()).unwrap_or_default();
    query.into_iter().find(|(name, _)| name == "order").map(|(_, order)| order)
}

fn ledger<P: Emulator>(server: &EmulatorServer<P>, request: &HttpRequest) -> Value {
    let order = order_in_query(request);
    let mut state = server.state.lock();
    let now = (server.clock)();
    state.advance_to(now);
    let mut ledger = state.ledger_json(order.as_deref());
    let plan = state.fault_plan();
    ledger["calls"] = match &order {
        Some(order) => json!(plan.order_call_counts(order)),
        None => json!(plan.call_counts()),
    };
    ledger["at"] = json!(now);
    ledger
}

async fn add_faults<P: Emulator>(
    server: &EmulatorServer<P>,
    request: &HttpRequest,
    replace: bool,
) -> (u16, Value) {
    let parsed = match serde_json::from_slice(&request.body) {
        Ok(value) => Fault::parse_list(&value),
        Err(error) => return (400, json!({ "error": format!("not JSON: {error}") })),
    };
    let faults = match parsed {
        Ok(faults) => faults,
        Err(error) => return (400, json!({ "error": error.to_string() })),
    };
    if let Err(error) = server.state.lock().fault_plan().validate(&faults) {
        return (400, json!({ "error": error.to_string() }));
    }
    if replace {
        server.apply(Input::ClearFaults).await;
    }
    match server.apply(Input::AddFaults(faults)).await {
        Outcome::InvalidFaultPlan(error) => (400, json!({ "error": error.to_string() })),
        _ => (200, server.state.lock().fault_plan().to_json()),
    }
}

async fn perform<P: Emulator>(server: &EmulatorServer<P>, request: &HttpRequest) -> (u16, Value) {
    let action: ControlAction = match serde_json::from_slice(&request.body) {
        Ok(action) => action,
        Err(error) => return (400, json!({ "error": error.to_string() })),
    };
    match server.apply(Input::Control(action)).await {
        Outcome::ControlActionFailed(error) => (409, json!({ "error": error.to_string() })),
        _ => (200, json!({})),
    }
}
