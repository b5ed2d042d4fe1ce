//! Requests and responses of a test.

use domain::{CustomerId, OrderId, Timestamp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use testing::samples;

use super::{ADA, TestApi, document};

/// A request as an HTTP API v2 event.
#[derive(Clone)]
pub(crate) struct TestRequest {
    pub(crate) event: Value,
}

impl TestRequest {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let at = samples::placed_at().to_jiff().as_millisecond();
        Self {
            event: json!({
                "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
                "headers": {"host": "api.example"},
                "requestContext": {
                    "http": {"method": method, "path": path}, "stage": "$default", "timeEpoch": at,
                },
                "isBase64Encoded": false,
            }),
        }
    }

    /// Adds the token of this caller, with these scopes.
    pub(crate) fn by(mut self, sub: &str, scopes: &str) -> Self {
        let claims = json!({"sub": sub, "scope": scopes});
        self.event["requestContext"]["authorizer"] =
            json!({"jwt": {"claims": claims, "scopes": null}});
        self
    }

    /// The same request to another path.
    pub(crate) fn path(mut self, path: &str) -> Self {
        self.event["rawPath"] = json!(path);
        self
    }

    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.event["queryStringParameters"][name] = json!(value);
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.event["headers"][name] = json!(value);
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.event["headers"].as_object_mut().unwrap().remove(name);
        self
    }

    pub(crate) fn at(mut self, at: Timestamp) -> Self {
        self.event["requestContext"]["timeEpoch"] = json!(at.to_jiff().as_millisecond());
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    pub(crate) fn text(mut self, body: &str) -> Self {
        self.event["body"] = json!(body);
        self.header("content-type", "application/json")
    }
}

/// A response of the function.
#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: u64,
    pub(crate) headers: Value,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl TestResponse {
    /// The fields at fault.
    pub(crate) fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array();
        errors.into_iter().flatten().filter_map(|error| error["field"].as_str()).collect()
    }

    /// Asserts that it is a problem of this status and kind, in the form of RFC 9457.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u64, kind: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["type"], format!("urn:problem-type:order-api:{kind}"));
        assert_eq!(self.body["status"], status);
        for name in ["title", "detail"] {
            assert!(self.body[name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        }
    }
}

/// Sends a request. Also asserts that the OpenAPI document describes the response.
pub(crate) async fn send(api: &TestApi, request: TestRequest) -> TestResponse {
    // Boxed, as in the shipped binary: the future is large.
    let event =
        Box::pin(order_api::handle(&request.event, api, || panic!("the event carries a time")))
            .await
            .unwrap();
    let text = event["body"].as_str().unwrap().to_owned();
    let response = TestResponse {
        status: event["statusCode"].as_u64().unwrap(),
        headers: event["headers"].clone(),
        body: serde_json::from_str(&text).unwrap_or_default(),
        text,
    };
    assert_documented(&request, &response);
    response
}

/// Asserts that the document describes the status, the content type and the headers.
#[track_caller]
fn assert_documented(request: &TestRequest, response: &TestResponse) {
    let path = request.event["rawPath"].as_str().unwrap();
    let method = request.event["requestContext"]["http"]["method"].as_str().unwrap();
    let fits = |template: &str| {
        let parts = template.split('/').zip(path.split('/'));
        template.split('/').count() == path.split('/').count() && { parts }
            .all(|(part, given)| part == given || part.starts_with('{'))
    };
    let paths = document()["paths"].as_object().unwrap();
    let Some((template, item)) = paths.iter().find(|(template, _)| fits(template)) else { return };
    let Some(operation) = item.get(method.to_lowercase()) else { return };
    let documented = &operation["responses"][response.status.to_string()];
    assert!(documented.is_object(), "{method} {template} does not document {}", response.status);
    let content_type = response.headers["content-type"].as_str();
    let contents = documented["content"].as_object().cloned().unwrap_or_default();
    let is_documented = content_type.is_none_or(|sent| contents.contains_key(sent));
    assert!(is_documented, "{method} {template} {} {content_type:?}", response.status);
    for header in ["ETag", "Location", "Retry-After", "WWW-Authenticate"] {
        let is_sent = response.headers.get(header.to_lowercase()).is_some();
        let is_documented = documented["headers"].get(header).is_some();
        assert!(is_documented || !is_sent, "{method} {template} {} {header}", response.status);
    }
}

/// The body of an order for two mugs and a shirt.
pub(crate) fn order_body() -> Value {
    json!({
        "customer": {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+14155550123"},
        "shippingAddress": {
            "street1": "417 Montgomery St", "city": "San Francisco", "state": "CA",
            "postalCode": "94104", "country": "US",
        },
        "items": [{"sku": "MUG", "quantity": 2}, {"sku": "TEE", "quantity": 1}],
        "paymentMethod": "pm_card_visa",
        "shippingService": "standard",
    })
}

/// `POST /orders` by Ada, with this body and idempotency key.
pub(crate) fn place_order(body: &Value, key: &str) -> TestRequest {
    TestRequest::new("POST", "/orders")
        .by(ADA, "orders/write")
        .header("idempotency-key", key)
        .json(body)
}

/// The id of Ada's order with this idempotency key.
pub(crate) fn id_of(key: &str) -> OrderId {
    OrderId::for_request(&CustomerId::parse(ADA).unwrap(), key)
}

/// The HMAC-SHA256 in hexadecimal digits, as both providers sign.
pub(crate) fn hmac(secret: &str, signed: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed);
    hex::encode(mac.finalize().into_bytes())
}
