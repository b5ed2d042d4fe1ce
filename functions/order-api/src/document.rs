//! `GET /openapi.json`: the OpenAPI 3.1 document of this API.
//!
//! It is built from the types that the handlers read and write, from the domain's
//! enums, from [`ProblemKind`](crate::problem::ProblemKind) and from the webhook
//! contracts of the providers. What no type says, such as which route returns which
//! type, is in [`operations`], one function per route. The tests in
//! `tests/it/document.rs` compare the document with the code's behavior.

mod operation;
mod operations;

use domain::Currency;
use lambda_http::http::StatusCode;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, Paths, Schema, Server,
};

use self::operation::{GatewayMessage, SECURITY_SCHEME, component};
use crate::api::Api;
use crate::event::Response;
use crate::problem::ProblemResponse;
use crate::schema;

const ABOUT: &str = "The orders and the inventory of a shop. \
    Every error is a problem (RFC 9457) that names the invalid field; errors that API Gateway \
    returns itself have a `message`. A path of this document with another method returns 405 \
    with `Allow` (`urn:problem-type:order-api:method-not-allowed`). \
    A write refuses unknown fields and repeated fields. \
    It also refuses any run of 13 to 19 digits that may be a card number, except in a phone \
    number that begins with `+`.";

/// `GET /openapi.json`, for a shop that accepts these currencies.
pub fn serve<O, I, W>(api: &Api<O, I, W>, currencies: &[Currency]) -> Response {
    Response::json(StatusCode::OK, &describe(api, currencies))
}

fn describe<O, I, W>(api: &Api<O, I, W>, currencies: &[Currency]) -> OpenApi {
    let mut components = ComponentsBuilder::new()
        .security_scheme(SECURITY_SCHEME, bearer_token())
        .schemas_from_iter(component::<GatewayMessage>())
        .schemas_from_iter(component::<ProblemResponse<'_>>())
        .schemas_from_iter(component::<schema::CurrencySchema>());
    for (name, object) in schema::of_deployment(currencies, api.payment_ids) {
        components = components.schema(name, Schema::Object(object));
    }
    let mut paths = Paths::new();
    for operation in operations::all(&api.webhooks) {
        components = components.schemas_from_iter(operation.schemas.clone());
        let (path, methods) = (operation.path.clone(), vec![operation.method.clone()]);
        paths.add_path_operation(path, methods, operation.build());
    }
    let info = InfoBuilder::new()
        .title("Orders")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(License::new(env!("CARGO_PKG_LICENSE"))));
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([Server::new("/")]))
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

fn bearer_token() -> SecurityScheme {
    let about = "A JWT of the configured issuer. An operation lists its scopes; one of them is \
                 enough. An empty list accepts any token.";
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    SecurityScheme::Http(scheme.description(Some(about)).build())
}
