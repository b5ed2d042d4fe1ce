//! `GET /openapi.json`: the OpenAPI 3.1 document of this API.
//!
//! It is made from the types that the handlers read and write: their schemas are
//! derived where they stand, the lists of words are the domain's, the kinds of
//! problems are [`Kind::ALL`](crate::problem::Kind::ALL). What no type says, which route answers what, is in
//! [`operations`], one entry a route. `tests/document.rs` holds that nothing of it
//! differs from what the code does.

mod operation;
mod operations;

use domain::Currency;
use utoipa::ToSchema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, RefOr, Schema, Server,
};

use crate::event::Reply;
use crate::problem::ProblemView;
use crate::schema;
use crate::webhooks::WebhookSources;

/// The name of the one way to say who is asking.
const TOKEN: &str = "token";

/// `GET /openapi.json`
pub fn serve(currencies: &[Currency], webhooks: &WebhookSources) -> Reply {
    Reply::json(200, &describe(currencies, webhooks))
}

/// The document of a deployment that takes these currencies.
fn describe(currencies: &[Currency], webhooks: &WebhookSources) -> OpenApi {
    let mut components = ComponentsBuilder::new()
        .security_scheme(TOKEN, token())
        .schema(schema::TAKEN, schema::taken(currencies))
        .schemas_from_iter(named::<operation::GatewayMessage>())
        .schemas_from_iter(named::<ProblemView<'_>>())
        .schemas_from_iter(named::<schema::CurrencyCode>());
    let mut paths = utoipa::openapi::Paths::new();
    for operation in operations::all(webhooks) {
        components = components.schemas_from_iter(operation.schemas.clone());
        let (path, method) = (operation.path.clone(), vec![operation.method.clone()]);
        paths.add_path_operation(path, method, operation.build());
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

const ABOUT: &str = "The orders of a shop and its stock. \
    Every answer that says no is a problem of RFC 9457 that names the field at fault; those that \
    API Gateway gives by itself are a `message`. A path of this document under another method is \
    answered 405 with `Allow` (`urn:problem-type:order-api:method-not-allowed`). \
    A write refuses fields that it does not know and fields that are given twice. \
    A run of 13 to 19 digits that may be the number of a card is refused wherever it stands in a \
    body, but in a phone number that begins with `+`.";

fn token() -> SecurityScheme {
    let about = "A JWT of the configured issuer. An operation lists the scopes any one of which it \
                 takes; an empty list is any token.";
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    SecurityScheme::Http(scheme.description(Some(about)).build())
}

/// A type and all that it is made of, by their names in the document.
fn named<T: ToSchema>() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    schemas
}
