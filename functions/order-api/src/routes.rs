//! Every route, on one screen.

use crate::event::{Reply, Request};
use crate::problem::{Kind, Problem};
use crate::{Api, Inventory, Orders, Workflow};
use crate::{
    cancel, document, execution, inventory, listing, orders, restock, resume, review, webhooks,
};

/// Answers a request.
pub(crate) async fn answer<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
) -> Result<Reply, Problem> {
    let segments = request.segments();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["orders"]) => listing::list(request, api).await,
        ("POST", ["orders"]) => orders::place(request, api).await,
        ("GET", ["orders", id]) => orders::show(request, api, id).await,
        ("GET", ["orders", id, "execution"]) => execution::show(request, api, id).await,
        ("POST", ["orders", id, "cancel"]) => cancel::cancel(request, api, id).await,
        ("POST", ["orders", id, "review"]) => review::decide(request, api, id).await,
        ("POST", ["orders", id, "resume"]) => resume::decide(request, api, id).await,
        ("GET", ["inventory"]) => inventory::list(request, api).await,
        ("GET", ["inventory", sku]) => inventory::show(request, api, sku).await,
        ("PUT", ["inventory", sku]) => inventory::put(request, api, sku).await,
        ("POST", ["inventory", sku, "restock"]) => restock::restock(request, api, sku).await,
        ("POST", ["webhooks", provider]) => webhooks::receive(request, api, provider).await,
        ("GET", ["openapi.json"]) => Ok(document::serve(&api.currencies, &api.webhooks)),

        (_, ["orders"]) => Err(only("GET, POST")),
        (_, ["orders", _, "cancel" | "review" | "resume"] | ["inventory", _, "restock"]) => {
            Err(only("POST"))
        }
        (_, ["orders", _] | ["orders", _, "execution"] | ["inventory" | "openapi.json"]) => {
            Err(only("GET"))
        }
        (_, ["webhooks", provider]) if api.webhooks.contains_key(provider) => Err(only("POST")),
        (_, ["inventory", _]) => Err(only("GET, PUT")),
        _ => Err(Problem::not_found()),
    }
}

fn only(methods: &str) -> Problem {
    Problem {
        headers: vec![("allow", methods.to_owned())],
        ..Problem::new(Kind::MethodNotAllowed, format!("use {methods}"))
    }
}
