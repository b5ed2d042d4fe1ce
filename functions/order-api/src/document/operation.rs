//! A builder for the description of one operation.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{
    Content, ContentBuilder, Header, HeaderBuilder, HttpMethod, Ref, RefOr, Required,
    ResponseBuilder, Schema, SecurityRequirement,
};

use crate::caller::Scope;
use crate::etag;
use crate::problem::{ProblemKind, ProblemResponse};

/// The name of the document's only security scheme.
pub(super) const SECURITY_SCHEME: &str = "token";

/// The body of a response that API Gateway sends itself.
#[derive(ToSchema)]
#[expect(dead_code, reason = "API Gateway writes it; the document describes it")]
pub(super) struct GatewayMessage {
    /// For people.
    message: String,
}

/// A response header: its name, its description, and a pattern of its value.
pub(super) type HeaderText<'a> = (&'a str, &'a str, &'a str);

/// A type's schema and those that it refers to, by name.
pub(super) fn component<T: ToSchema>() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    schemas
}

/// An operation being described.
pub(super) struct OperationDoc {
    pub(super) path: String,
    pub(super) method: HttpMethod,
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
    builder: OperationBuilder,
    problems: BTreeMap<u16, Vec<ProblemKind>>,
    requires_token: bool,
}

impl OperationDoc {
    /// A public operation without a body.
    pub(super) fn new(
        method: HttpMethod,
        path: impl Into<String>,
        id: &str,
        (summary, description): (&str, &str),
    ) -> Self {
        let path = path.into();
        let tag = path.split('/').nth(1).unwrap_or_default().to_owned();
        let builder = OperationBuilder::new()
            .operation_id(Some(id))
            .tag(tag)
            .summary(Some(summary))
            .description(Some(description))
            .securities(Some([]));
        let operation = Self {
            path,
            method,
            schemas: vec![],
            builder,
            problems: BTreeMap::new(),
            requires_token: false,
        };
        // A query parameter that the operation does not have is refused.
        operation.problems(&[ProblemKind::Unavailable, ProblemKind::InvalidRequest])
    }

    /// Requires a token with one of these scopes; without scopes, any token.
    pub(super) fn token(mut self, any_of: &[Scope]) -> Self {
        self.requires_token = true;
        let requirements = match any_of {
            [] => vec![SecurityRequirement::new(SECURITY_SCHEME, [""; 0])],
            scopes => scopes
                .iter()
                .map(|scope| SecurityRequirement::new(SECURITY_SCHEME, [scope.name()]))
                .collect(),
        };
        self.builder = self.builder.securities(Some(requirements));
        let operation = self.problems(&[ProblemKind::Unauthenticated]);
        if any_of.is_empty() { operation } else { operation.problems(&[ProblemKind::Forbidden]) }
    }

    /// Adds a path parameter.
    pub(super) fn path_parameter<T: ToSchema>(mut self, name: &str, example: &str) -> Self {
        self.schemas.extend(component::<T>());
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(Ref::from_schema_name(T::name())))
            .example(Some(json!(example)));
        self.builder = self.builder.parameter(parameter);
        self
    }

    /// Adds an optional query parameter.
    pub(super) fn query_parameter(
        mut self,
        name: &str,
        about: &str,
        schema: impl Into<RefOr<Schema>>,
    ) -> Self {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(about))
            .schema(Some(schema));
        self.builder = self.builder.parameter(parameter);
        self
    }

    /// Adds a request header.
    pub(super) fn header(
        mut self,
        name: &str,
        required: Required,
        about: &str,
        schema: Object,
    ) -> Self {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(required)
            .description(Some(about))
            .schema(Some(Schema::Object(schema)));
        self.builder = self.builder.parameter(parameter);
        self
    }

    /// Requires a body of this type.
    pub(super) fn body<T: ToSchema>(mut self, example: Value) -> Self {
        self.schemas.extend(component::<T>());
        self.json_body(&T::name(), example)
    }

    /// Requires a body that fits this JSON Schema.
    pub(super) fn body_of_schema(mut self, name: &str, schema: Value, example: Value) -> Self {
        // A schema that OpenAPI cannot hold becomes one that accepts anything. The
        // test that each webhook requires an id then fails.
        let schema: Schema = serde_json::from_value(schema).unwrap_or_default();
        self.schemas.push((name.to_owned(), schema.into()));
        self.json_body(name, example)
    }

    fn json_body(mut self, schema: &str, example: Value) -> Self {
        let schema = Ref::from_schema_name(schema);
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        let body = RequestBodyBuilder::new()
            .required(Some(Required::True))
            .content("application/json", content);
        self.builder = self.builder.request_body(Some(body.build()));
        self.problems(&[ProblemKind::InvalidRequest, ProblemKind::TooLarge])
    }

    /// Adds a successful response with a body of this type.
    pub(super) fn response<T: ToSchema>(
        mut self,
        status: &str,
        about: &str,
        headers: &[HeaderText<'_>],
    ) -> Self {
        self.schemas.extend(component::<T>());
        let mut response = ResponseBuilder::new()
            .description(about)
            .content("application/json", content::<T>().build());
        for (name, about, pattern) in headers {
            response = response.header(*name, response_header(about, Some(pattern)));
        }
        self.builder = self.builder.response(status, response);
        self
    }

    /// Adds a 304 response.
    pub(super) fn not_modified(mut self) -> Self {
        let about = "The versions that you have.";
        let any_text = ObjectBuilder::new().schema_type(Type::String).build();
        self = self.header("If-None-Match", Required::False, about, any_text);
        let etag = response_header("The version that you have.", Some(etag::PATTERN));
        let response = ResponseBuilder::new()
            .description("You have this version already.")
            .header("ETag", etag);
        self.builder = self.builder.response("304", response);
        self
    }

    /// Adds problems.
    pub(super) fn problems(mut self, kinds: &[ProblemKind]) -> Self {
        for kind in kinds {
            let kinds = self.problems.entry(kind.status().as_u16()).or_default();
            if !kinds.contains(kind) {
                kinds.push(*kind);
            }
        }
        self
    }

    pub(super) fn build(self) -> Operation {
        let gateway_sends = |status: &u16| match status {
            401 | 403 => self.requires_token,
            // An unknown route; a body over 10 MB; too many requests; a timeout of the function.
            404 | 413 | 429 | 503 => true,
            _ => false,
        };
        let throttled = ResponseBuilder::new()
            .description("API Gateway throttles this client.")
            .content("application/json", content::<GatewayMessage>().build());
        let mut builder = self.builder.response("429", throttled);
        for (status, kinds) in &self.problems {
            let response = problem_response(kinds, gateway_sends(status));
            builder = builder.response(status.to_string(), response);
        }
        builder.build()
    }
}

fn content<T: ToSchema>() -> ContentBuilder {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name())))
}

/// The problems of one status, with an example of each.
fn problem_response(kinds: &[ProblemKind], gateway_sends: bool) -> ResponseBuilder {
    let examples = kinds.iter().map(|kind| {
        let example = ExampleBuilder::new()
            .summary(format!("{} {}", kind.status().as_u16(), kind.title()))
            .value(Some(json!(ProblemResponse::example(*kind))));
        (kind.name(), RefOr::T(example.build()))
    });
    let problem = content::<ProblemResponse<'_>>().examples_from_iter(examples).build();
    let titles: Vec<_> = kinds.iter().map(|kind| kind.title()).collect();
    let mut response = ResponseBuilder::new()
        .description(format!("{}.", titles.join(". Or: ")))
        .content("application/problem+json", problem);
    if gateway_sends {
        let message: Content = content::<GatewayMessage>().build();
        response = response.content("application/json", message);
    }
    if kinds.contains(&ProblemKind::Unavailable) || kinds.contains(&ProblemKind::TooManyOrders) {
        let about = "The number of seconds to wait.";
        response = response.header("Retry-After", response_header(about, Some("^[0-9]+$")));
    }
    if kinds.contains(&ProblemKind::Unauthenticated) || kinds.contains(&ProblemKind::Forbidden) {
        let about = "The required authentication scheme.";
        response = response.header("WWW-Authenticate", response_header(about, None));
    }
    response
}

fn response_header(about: &str, pattern: Option<&str>) -> Header {
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(pattern);
    HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build()
}
