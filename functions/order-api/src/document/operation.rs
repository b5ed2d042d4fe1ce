//! How an operation is described: what it takes, what it answers, how it refuses.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{
    Content, ContentBuilder, Header, HeaderBuilder, HttpMethod, Ref, RefOr, Required,
    ResponseBuilder, Schema, SecurityRequirement,
};

use super::{TOKEN, named};
use crate::caller::Scope;
use crate::problem::{Kind, ProblemView};

/// What API Gateway answers by itself, before a request reaches the function.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the gateway writes it, and it is described here")]
pub(super) struct GatewayMessage {
    /// For people.
    message: String,
}

/// An operation while it is described.
pub(super) struct Described {
    pub(super) path: String,
    pub(super) method: HttpMethod,
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
    builder: OperationBuilder,
    refusals: BTreeMap<u16, Vec<Kind>>,
    needs_token: bool,
}

impl Described {
    /// An operation that anybody may ask for, as long as nothing else is said.
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
        let described = Self {
            path,
            method,
            schemas: vec![],
            builder,
            refusals: BTreeMap::new(),
            needs_token: false,
        };
        described.refuses(&[Kind::Unavailable])
    }

    /// It takes a token with any of these scopes; with none listed, any token.
    pub(super) fn takes_token(mut self, any_of: &[Scope]) -> Self {
        self.needs_token = true;
        let all = match any_of {
            [] => vec![SecurityRequirement::new(TOKEN, [""; 0])],
            some => {
                some.iter().map(|scope| SecurityRequirement::new(TOKEN, [scope.name()])).collect()
            }
        };
        self.builder = self.builder.securities(Some(all));
        let described = self.refuses(&[Kind::Unauthenticated]);
        if any_of.is_empty() { described } else { described.refuses(&[Kind::Forbidden]) }
    }

    /// It takes this in its path.
    pub(super) fn takes_path<T: ToSchema>(mut self, name: &str, example: &str) -> Self {
        self.schemas.extend(named::<T>());
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(Ref::from_schema_name(T::name())))
            .example(Some(json!(example)));
        self.builder = self.builder.parameter(parameter);
        self
    }

    /// It may be given this in its query.
    pub(super) fn takes_query(
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

    /// It takes this header.
    pub(super) fn takes_header(
        mut self,
        name: &str,
        required: bool,
        about: &str,
        schema: Object,
    ) -> Self {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(if required { Required::True } else { Required::False })
            .description(Some(about))
            .schema(Some(Schema::Object(schema)));
        self.builder = self.builder.parameter(parameter);
        self
    }

    /// It takes a body of this type; what is none is refused.
    pub(super) fn takes_body<T: ToSchema>(mut self, example: Value) -> Self {
        self.schemas.extend(named::<T>());
        self.takes_json(&T::name(), example)
    }

    /// It takes a body of this name and JSON Schema.
    pub(super) fn takes_body_of(mut self, (name, schema): (String, Value), example: Value) -> Self {
        // A schema that OpenAPI cannot hold becomes one that admits anything; a test
        // of the document notices.
        let schema: Schema = serde_json::from_value(schema).unwrap_or_default();
        self.schemas.push((name.clone(), schema.into()));
        self.takes_json(&name, example)
    }

    fn takes_json(mut self, name: &str, example: Value) -> Self {
        let schema = Ref::from_schema_name(name);
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        let body = RequestBodyBuilder::new()
            .required(Some(Required::True))
            .content("application/json", content);
        self.builder = self.builder.request_body(Some(body.build()));
        self.refuses(&[Kind::Invalid, Kind::TooLarge])
    }

    /// It answers this.
    pub(super) fn answers<T: ToSchema>(
        mut self,
        status: &str,
        about: &str,
        headers: &[(&str, &str, &str)],
    ) -> Self {
        self.schemas.extend(named::<T>());
        let mut response = ResponseBuilder::new()
            .description(about)
            .content("application/json", of::<T>().build());
        for (name, about, pattern) in headers {
            response = response.header(*name, header(about, Some(pattern)));
        }
        self.builder = self.builder.response(status, response);
        self
    }

    /// It answers without a body.
    pub(super) fn answers_nothing(mut self, status: &str, about: &str, etag: &str) -> Self {
        let response = ResponseBuilder::new().description(about);
        let response = response.header("ETag", header("The version that you have.", Some(etag)));
        self.builder = self.builder.response(status, response);
        self
    }

    /// It refuses in these ways.
    pub(super) fn refuses(mut self, kinds: &[Kind]) -> Self {
        for kind in kinds {
            self.refusals.entry(kind.parts().1).or_default().push(*kind);
        }
        self
    }

    pub(super) fn build(self) -> Operation {
        let gateways_own = |status: &u16| match status {
            401 | 403 => self.needs_token,
            // No such route; a body over 10 MB; the function too late.
            404 | 413 | 503 => true,
            _ => false,
        };
        let mut builder = self.builder;
        for (status, kinds) in &self.refusals {
            let response = refusal(kinds, gateways_own(status));
            builder = builder.response(status.to_string(), response);
        }
        let throttled = ResponseBuilder::new()
            .description("Too many requests, as API Gateway finds.")
            .content("application/json", of::<GatewayMessage>().build());
        builder.response("429", throttled).build()
    }
}

fn of<T: ToSchema>() -> ContentBuilder {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name())))
}

/// The problems of one status, each with what it looks like.
fn refusal(kinds: &[Kind], gateways_too: bool) -> ResponseBuilder {
    let examples = kinds.iter().map(|kind| {
        let (name, status, title) = kind.parts();
        let view = ProblemView::example(*kind);
        let example = utoipa::openapi::example::ExampleBuilder::new()
            .summary(format!("{status} {title}"))
            .value(Some(json!(view)));
        (name, RefOr::T(example.build()))
    });
    let content = of::<ProblemView<'_>>().examples_from_iter(examples).build();
    let titles: Vec<_> = kinds.iter().map(|kind| kind.parts().2).collect();
    let mut response = ResponseBuilder::new()
        .description(format!("{}.", titles.join(". Or: ")))
        .content("application/problem+json", content);
    if gateways_too {
        let message: Content = of::<GatewayMessage>().build();
        response = response.content("application/json", message);
    }
    if kinds.contains(&Kind::Unavailable) {
        response = response.header("Retry-After", header("In so many seconds.", Some("^[0-9]+$")));
    }
    if kinds.contains(&Kind::Unauthenticated) || kinds.contains(&Kind::Forbidden) {
        response = response.header("WWW-Authenticate", header("How to say who you are.", None));
    }
    response
}

fn header(about: &str, pattern: Option<&str>) -> Header {
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(pattern);
    HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build()
}
