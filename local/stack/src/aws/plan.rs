//! `/_faults` on the AWS endpoint: the plan of the stack's own points.
//!
//! `POST` adds faults (a list, or `{"faults": […]}`), `DELETE` takes all away,
//! `GET` shows the plan; each answers with the plan as it then is.

use serde_json::{Value, json};

use crate::faults::{Faults, PlanError};
use crate::http::{Method, Request, Response, StatusCode, response};

/// Where the plan is.
pub(super) const PATH: &str = "/_faults";

pub(super) fn serve(faults: &Faults, request: &Request) -> Response {
    match *request.method() {
        Method::GET => shown(faults),
        Method::POST => match added(faults, request.body()) {
            Ok(()) => shown(faults),
            Err(message) => said(StatusCode::BAD_REQUEST, &json!({ "message": message })),
        },
        Method::DELETE => {
            faults.clear();
            shown(faults)
        }
        _ => said(StatusCode::METHOD_NOT_ALLOWED, &json!({ "message": "GET, POST or DELETE" })),
    }
}

fn added(faults: &Faults, body: &[u8]) -> Result<(), String> {
    let plan: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    faults.add_json(&plan).map_err(|error: PlanError| error.to_string())
}

fn shown(faults: &Faults) -> Response {
    said(StatusCode::OK, &faults.to_json())
}

fn said(status: StatusCode, body: &Value) -> Response {
    response(status, "application/json", body.to_string())
}
