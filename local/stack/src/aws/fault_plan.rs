//! `/_faults` on the AWS endpoint: the fault plan of the stack's own services.
//!
//! `POST` adds faults (a list, or `{"faults": […]}`), `PUT` replaces all faults, `DELETE`
//! removes them (with `?order=`, those of one order), and `GET` reads the plan. Each response contains the current plan.

use serde_json::{Value, json};

use crate::faults::{Fault, FaultPlanError, Faults};
use crate::http::{Method, Request, Response, StatusCode, response};

/// The path of the fault plan.
pub(super) const PATH: &str = "/_faults";

pub(super) fn serve(faults: &Faults, request: &Request) -> Response {
    match *request.method() {
        Method::GET => current_plan(faults),
        Method::POST => apply(request.body(), |plan| faults.add(plan), faults),
        Method::PUT => apply(request.body(), |plan| faults.replace(plan), faults),
        Method::DELETE => {
            match order_in_query(request) {
                Some(order) => faults.clear_order(&order),
                None => faults.clear(),
            }
            current_plan(faults)
        }
        _ => error_response(StatusCode::METHOD_NOT_ALLOWED, "GET, POST, PUT or DELETE"),
    }
}

fn order_in_query(request: &Request) -> Option<String> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(request.uri().query()?).ok()?;
    pairs.into_iter().find(|(name, _)| name == "order").map(|(_, order)| order)
}

fn apply(
    body: &[u8],
    change: impl FnOnce(Vec<Fault>) -> Result<(), FaultPlanError>,
    faults: &Faults,
) -> Response {
    let changed = parse(body).and_then(|plan| change(plan).map_err(|error| error.to_string()));
    match changed {
        Ok(()) => current_plan(faults),
        Err(reason) => error_response(StatusCode::BAD_REQUEST, &reason),
    }
}

fn parse(body: &[u8]) -> Result<Vec<Fault>, String> {
    let plan: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Fault::parse_list(&plan).map_err(|error| error.to_string())
}

fn current_plan(faults: &Faults) -> Response {
    json_response(StatusCode::OK, &faults.to_json())
}

fn error_response(status: StatusCode, reason: &str) -> Response {
    json_response(status, &json!({ "error": reason }))
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    response(status, "application/json", body.to_string())
}
