//! What the stack and its user ask of a look-alike: ledger, fault plan, acts.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use serde_json::{Value, json};

use super::Face;
use super::connection::Reply;
use crate::emulator::{ControlAction, Emulator, Input, Outcome};
use crate::exchange::HttpRequest;
use crate::faults::Fault;

pub(super) async fn answer<P: Emulator>(face: &Arc<Face<P>>, call: &HttpRequest) -> Reply {
    let (status, body) = match (call.method.as_str(), call.path()) {
        ("GET", "/_ledger") => (200, ledger(face, call)),
        ("GET", "/_faults") => (200, face.state.lock().fault_plan().to_json()),
        ("POST", "/_faults") => add_faults(face, call, false).await,
        ("PUT", "/_faults") => add_faults(face, call, true).await,
        ("DELETE", "/_faults") => {
            face.give(Input::ClearFaults).await;
            (200, face.state.lock().fault_plan().to_json())
        }
        ("POST", "/_acts") => act(face, call).await,
        (_, "/_ledger" | "/_faults" | "/_acts") => {
            (405, json!({ "error": "this route does not know that method" }))
        }
        _ => (404, json!({ "error": "the routes are /_ledger, /_faults and /_acts" })),
    };
    let reply = Response::builder().status(status).header("content-type", "application/json");
    reply.body(Full::from(Bytes::from(body.to_string()))).unwrap_or_default()
}

fn ledger<P: Emulator>(face: &Face<P>, call: &HttpRequest) -> Value {
    let query: Vec<(String, String)> = serde_urlencoded::from_str(call.query()).unwrap_or_default();
    let order = query.into_iter().find(|(name, _)| name == "order").map(|(_, order)| order);
    let mut state = face.state.lock();
    let now = (face.clock)();
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
    face: &Face<P>,
    call: &HttpRequest,
    instead: bool,
) -> (u16, Value) {
    let parsed = match serde_json::from_slice(&call.body) {
        Ok(value) => Fault::parse_list(&value),
        Err(wrong) => return (400, json!({ "error": format!("not JSON: {wrong}") })),
    };
    let faults = match parsed {
        Ok(faults) => faults,
        Err(wrong) => return (400, json!({ "error": wrong.to_string() })),
    };
    if let Err(wrong) = face.state.lock().fault_plan().validate(&faults) {
        return (400, json!({ "error": wrong.to_string() }));
    }
    if instead {
        face.give(Input::ClearFaults).await;
    }
    match face.give(Input::AddFaults(faults)).await {
        Outcome::InvalidFaultPlan(wrong) => (400, json!({ "error": wrong.to_string() })),
        _ => (200, face.state.lock().fault_plan().to_json()),
    }
}

async fn act<P: Emulator>(face: &Face<P>, call: &HttpRequest) -> (u16, Value) {
    let act: ControlAction = match serde_json::from_slice(&call.body) {
        Ok(act) => act,
        Err(wrong) => return (400, json!({ "error": wrong.to_string() })),
    };
    match face.give(Input::Control(act)).await {
        Outcome::ControlActionFailed(wrong) => (409, json!({ "error": wrong.to_string() })),
        _ => (200, json!({})),
    }
}
