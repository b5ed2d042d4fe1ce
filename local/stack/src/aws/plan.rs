//! `/_faults` on the AWS endpoint: the plan of the stack's own points.
//!
//! `POST` adds faults (a list, or `{"faults": […]}`), `PUT` puts them in place of
//! those that were there, `DELETE` takes all away, `GET` shows the plan; each answers with the plan as it then is.

use serde_json::{Value, json};

use crate::faults::{Fault, Faults};
use crate::http::{Method, Request, Response, StatusCode, response};

/// Where the plan is.
pub(super) const PATH: &str = "/_faults";

pub(super) fn serve(faults: &Faults, request: &Request) -> Response {
    match *request.method() {
        Method::GET => shown(faults),
        Method::POST => add(faults, request.body(), false),
        Method::PUT => add(faults, request.body(), true),
        Method::DELETE => {
            faults.clear();
            shown(faults)
        }
        _ => said(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": "GET, POST, PUT or DELETE" })),
    }
}

fn add(faults: &Faults, body: &[u8], instead: bool) -> Response {
    match parsed(body).and_then(|plan| added(faults, plan, instead)) {
        Ok(()) => shown(faults),
        Err(reason) => said(StatusCode::BAD_REQUEST, &json!({ "error": reason })),
    }
}

fn parsed(body: &[u8]) -> Result<Vec<Fault>, String> {
    let plan: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Fault::parse_list(&plan).map_err(|error| error.to_string())
}

fn added(faults: &Faults, plan: Vec<Fault>, instead: bool) -> Result<(), String> {
    let result = if instead { faults.replace(plan) } else { faults.add(plan) };
    result.map_err(|error| error.to_string())
}

fn shown(faults: &Faults) -> Response {
    said(StatusCode::OK, &faults.to_json())
}

fn said(status: StatusCode, body: &Value) -> Response {
    response(status, "application/json", body.to_string())
}
