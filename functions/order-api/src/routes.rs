//! The routing table.

use lambda_http::http::StatusCode;

use crate::api::{Api, Inventory, Orders, WebhookSources, Workflow};
use crate::event::{Request, Response};
use crate::problem::{Problem, ProblemKind};
use crate::{
    board, cancel_order, console, document, inventory, list_orders, place_order, read_execution,
    read_order, resume_order, review_order, stock_changes, webhooks,
};

/// Calls the operation of a request.
pub(crate) async fn dispatch<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
) -> Result<Response, Problem> {
    if let Some(name) = console::file_name(&request.path) {
        return console::serve(request, name, &api.sign_in);
    }
    let segments = request.segments();
    refuse_unknown_parameters(request, &segments, &api.webhooks)?;
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["board"]) => board::read(request, api).await,
        ("GET", ["orders"]) => list_orders::list(request, api).await,
        ("POST", ["orders"]) => place_order::place(request, api).await,
        ("GET", ["orders", id]) => read_order::read(request, api, id).await,
        ("GET", ["orders", id, "execution"]) => read_execution::read(request, api, id).await,
        ("POST", ["orders", id, "cancel"]) => cancel_order::cancel(request, api, id).await,
        ("POST", ["orders", id, "review"]) => review_order::review(request, api, id).await,
        ("POST", ["orders", id, "resume"]) => resume_order::resume(request, api, id).await,
        ("GET", ["inventory"]) => inventory::list(request, api).await,
        ("GET", ["inventory", sku]) => inventory::read(request, api, sku).await,
        ("PUT", ["inventory", sku]) => inventory::write(request, api, sku).await,
        ("POST", ["inventory", sku, "restock"]) => stock_changes::restock(request, api, sku).await,
        ("POST", ["inventory", sku, "remove"]) => stock_changes::remove(request, api, sku).await,
        ("POST", ["webhooks", provider]) => webhooks::receive(request, api, provider).await,
        ("GET", ["openapi.json"]) => Ok(document::serve(api, &api.settings.currencies().await?)),
        // A preflight request of a browser (CORS). API Gateway adds the headers that allow
        // origins; without them, the browser sends nothing more.
        ("OPTIONS", path) => match allowed_methods(path, &api.webhooks) {
            Some(methods) => {
                Ok(Response::empty(StatusCode::NO_CONTENT).with_header("allow", methods))
            }
            None => Err(Problem::not_found()),
        },
        // Public, like the page: a client may ask for the headers alone.
        ("HEAD", ["openapi.json"]) => {
            Ok(document::serve(api, &api.settings.currencies().await?).without_body())
        }

        (_, path) => Err(match allowed_methods(path, &api.webhooks) {
            Some(methods) => Problem::method_not_allowed(methods),
            None => Problem::not_found(),
        }),
    }
}

/// The methods of a path; `None` for an unknown path.
fn allowed_methods(path: &[&str], webhooks: &WebhookSources) -> Option<&'static str> {
    match path {
        ["orders"] => Some("GET, POST"),
        ["inventory", _] => Some("GET, PUT"),
        ["orders", _] | ["orders", _, "execution"] | ["board" | "inventory"] => Some("GET"),
        ["openapi.json"] => Some("GET, HEAD"),
        ["orders", _, "cancel" | "review" | "resume"] | ["inventory", _, "restock" | "remove"] => {
            Some("POST")
        }
        ["webhooks", provider] if webhooks.contains_key(provider) => Some("POST"),
        _ => None,
    }
}

/// Refuses a query parameter that the operation does not have, as a body's unknown field
/// is refused: a filter with a typo must not list everything. A webhook's URL is the
/// provider's to extend.
fn refuse_unknown_parameters(
    request: &Request,
    path: &[&str],
    webhooks: &WebhookSources,
) -> Result<(), Problem> {
    let known: &[&str] = match (request.method.as_str(), path) {
        ("GET", ["orders"]) => &list_orders::PARAMETERS,
        ("GET", ["inventory"]) => &inventory::PARAMETERS,
        (_, ["webhooks", _]) => return Ok(()),
        _ => &[],
    };
    let methods = allowed_methods(path, webhooks).unwrap_or_default();
    let unknown = request.query.keys().find(|name| !known.contains(&name.as_str()));
    match unknown.filter(|_| methods.split(", ").any(|method| method == request.method)) {
        Some(name) => {
            let detail = match known {
                [] => "this operation has no query parameters".to_owned(),
                known => format!("not a parameter: use {}", known.join(", ")),
            };
            Err(Problem::with_field(ProblemKind::InvalidRequest, field_of(name), detail))
        }
        None => Ok(()),
    }
}

/// The name of an unknown parameter in a problem. A name that is no plain word may be a
/// customer's data in the wrong place, and is not repeated.
fn field_of(name: &str) -> &str {
    let is_word = name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    if is_word { name } else { "query" }
}

/// The method and path for a log line, with everything that a client chose replaced
/// by `…`.
pub(crate) fn loggable_route(request: &Request, webhooks: &WebhookSources) -> String {
    const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "PUT"];
    const SEGMENTS: [&str; 12] = [
        "board",
        "console",
        "orders",
        "inventory",
        "execution",
        "review",
        "resume",
        "cancel",
        "restock",
        "remove",
        "webhooks",
        "openapi.json",
    ];
    let is_known = |segment: &str| SEGMENTS.contains(&segment) || webhooks.contains_key(segment);
    let path: Vec<_> = request
        .segments()
        .into_iter()
        .map(|segment| if is_known(segment) { segment } else { "…" })
        .collect();
    let method = METHODS.into_iter().find(|method| *method == request.method);
    format!("{} /{}", method.unwrap_or("…"), path.join("/"))
}
