//! Converts a request to an HTTP API event, payload format 2.0
//! (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
//!
//! Paths are decoded and queries are not, and only a few content types stay text, as in events
//! that others captured behind real HTTP APIs.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::identity::Identity;
use super::routes::RouteMatch;
use crate::http::{Request, header, percent_decoded};
use crate::xray::trace_root;

/// A request with its route and its caller.
pub(super) struct HttpApiRequest<'a> {
    pub(super) request: &'a Request,
    pub(super) route_match: &'a RouteMatch<'a>,
    pub(super) identity: Option<Identity>,
    /// The time of the request on the stack's clock.
    pub(super) at: Timestamp,
}

impl HttpApiRequest<'_> {
    /// The event. Fields that the request does not have are left out.
    pub(super) fn event(&self) -> Value {
        let route = self.route_match.route;
        let mut event = json!({
            "version": "2.0",
            "routeKey": format!("{} {}", route.method, route.path),
            "rawPath": self.path(),
            "rawQueryString": self.request.uri().query().unwrap_or_default(),
            "headers": self.headers(),
            "requestContext": self.context(),
            "isBase64Encoded": false,
        });
        let parameters = self.route_match.parameters.iter().cloned();
        add(&mut event, "pathParameters", texts(parameters.collect()));
        add(&mut event, "queryStringParameters", texts(self.query()));
        add(&mut event, "cookies", self.cookies());
        self.add_body(&mut event);
        event
    }

    fn path(&self) -> String {
        percent_decoded(self.request.uri().path())
    }

    /// Names in lower case, values of one name joined with commas, without cookies, and the
    /// headers that the gateway adds.
    fn headers(&self) -> BTreeMap<&str, String> {
        let mut headers = BTreeMap::new();
        for (name, value) in self.request.headers() {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            join(&mut headers, name.as_str(), text);
        }
        headers.remove("cookie");
        headers.entry("content-length").or_insert_with(|| self.request.body().len().to_string());
        headers.entry("x-amzn-trace-id").or_insert_with(|| trace_root(self.at));
        headers.insert("x-forwarded-for", SOURCE_IP.to_owned());
        headers.insert("x-forwarded-port", self.port());
        headers.insert("x-forwarded-proto", "http".to_owned());
        headers
    }

    /// The port to which the client sent the request.
    fn port(&self) -> String {
        let host = header(self.request.headers(), "host");
        let port = host.parse::<Uri>().ok().and_then(|host| host.port_u16());
        port.unwrap_or(80).to_string()
    }

    fn query(&self) -> BTreeMap<String, String> {
        let query = self.request.uri().query().unwrap_or_default();
        // An invalid query has no parameters; `rawQueryString` still contains it.
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs {
            join(&mut parameters, name, value);
        }
        parameters
    }

    fn cookies(&self) -> Option<Value> {
        let lines = self.request.headers().get_all("cookie").iter();
        let texts = lines.filter_map(|line| line.to_str().ok());
        let cookies: Vec<_> = texts.flat_map(|text| text.split(';')).map(str::trim).collect();
        (!cookies.is_empty()).then(|| json!(cookies))
    }

    fn context(&self) -> Value {
        let headers = self.request.headers();
        let route = self.route_match.route;
        let host = header(headers, "host");
        let mut context = json!({
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": host,
            "domainPrefix": "local",
            "http": {
                "method": self.request.method().as_str(),
                "path": self.path(),
                "protocol": "HTTP/1.1",
                "sourceIp": SOURCE_IP,
                "userAgent": header(headers, "user-agent"),
            },
            "requestId": Uuid::new_v4().to_string(),
            "routeKey": format!("{} {}", route.method, route.path),
            "stage": "$default",
            "time": self.at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": self.at.as_millisecond(),
        });
        add(&mut context, "authorizer", self.identity.as_ref().map(Identity::authorizer));
        context
    }

    /// A text body stays text. Other content types and invalid UTF-8 become base64.
    fn add_body(&self, event: &mut Value) {
        let body = self.request.body();
        if body.is_empty() {
            return;
        }
        let content_type = header(self.request.headers(), "content-type");
        match std::str::from_utf8(body) {
            Ok(text) if is_text(content_type) => event["body"] = json!(text),
            _ => {
                event["body"] = json!(STANDARD.encode(body));
                event["isBase64Encoded"] = json!(true);
            }
        }
    }
}

/// Every caller is on this machine.
const SOURCE_IP: &str = "127.0.0.1";

/// Whether API Gateway passes this content type as text. Forms, `application/problem+json` and
/// a missing type are base64, as measured behind an HTTP API
/// (github.com/ministackorg/ministack/issues/766).
fn is_text(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || ["application/json", "application/xml", "application/javascript"].contains(&&*kind)
}

fn join<Name: Ord>(into: &mut BTreeMap<Name, String>, name: Name, value: String) {
    into.entry(name)
        .and_modify(|joined| {
            joined.push(',');
            joined.push_str(&value);
        })
        .or_insert(value);
}

fn texts(pairs: BTreeMap<String, String>) -> Option<Value> {
    let fields: Map<_, _> =
        pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    (!fields.is_empty()).then_some(Value::Object(fields))
}

fn add(to: &mut Value, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        to[name] = value;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::template::TemplateRoute;

    fn event(request: &Request) -> Value {
        let route = TemplateRoute {
            function: "order-api".to_owned(),
            method: "GET".to_owned(),
            path: "/orders/{orderId}".to_owned(),
            requires_token: true,
            scopes: vec!["orders/read".to_owned()],
        };
        let token = "Bearer dev:alice:orders/read,orders/write";
        let identity = Identity::authorize(token, &route).expect("an authorized caller");
        let parameters = vec![("orderId".to_owned(), "o 1".to_owned())];
        let at = Timestamp::from_millisecond(1_795_392_000_123).expect("a time");
        HttpApiRequest {
            request,
            route_match: &RouteMatch { route: &route, parameters },
            identity,
            at,
        }
        .event()
    }

    fn request(uri: &str, headers: &[(&str, &str)], body: &'static [u8]) -> Request {
        let mut request = Request::new(Bytes::from_static(body));
        *request.uri_mut() = uri.parse().expect("a URI");
        for (name, value) in headers {
            let name: hyper::header::HeaderName = name.parse().expect("a name");
            request.headers_mut().append(name, value.parse().expect("a value"));
        }
        request
    }

    #[test]
    fn a_request_becomes_the_event_that_api_gateway_sends() {
        let headers = [
            ("Host", "127.0.0.1:8080"),
            ("X-Two", "a"),
            ("X-Two", "b"),
            ("Cookie", "a=1; b=2"),
            ("User-Agent", "curl"),
            ("X-Amzn-Trace-Id", "Root=1-6a123456-000000000000000000000000"),
        ];
        let mut event = event(&request("/orders/o%201?b=2&a=x%20y&b=3", &headers, b""));
        let id = event["requestContext"]["requestId"].take();
        assert!(id.as_str().is_some_and(|id| !id.is_empty()));
        let expected = json!({
            "version": "2.0",
            "routeKey": "GET /orders/{orderId}",
            "rawPath": "/orders/o 1",
            "rawQueryString": "b=2&a=x%20y&b=3",
            "headers": {
                "content-length": "0",
                "host": "127.0.0.1:8080",
                "user-agent": "curl",
                "x-amzn-trace-id": "Root=1-6a123456-000000000000000000000000",
                "x-forwarded-for": "127.0.0.1",
                "x-forwarded-port": "8080",
                "x-forwarded-proto": "http",
                "x-two": "a,b",
            },
            "cookies": ["a=1", "b=2"],
            "queryStringParameters": { "a": "x y", "b": "2,3" },
            "pathParameters": { "orderId": "o 1" },
            "isBase64Encoded": false,
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "authorizer": { "jwt": {
                    "claims": {
                        "aud": "local",
                        "iss": "https://issuer.local",
                        "scope": "orders/read orders/write",
                        "sub": "alice",
                    },
                    "scopes": ["orders/read", "orders/write"],
                } },
                "domainName": "127.0.0.1:8080",
                "domainPrefix": "local",
                "http": {
                    "method": "GET",
                    "path": "/orders/o 1",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "curl",
                },
                "requestId": null,
                "routeKey": "GET /orders/{orderId}",
                "stage": "$default",
                "time": "23/Nov/2026:00:00:00 +0000",
                "timeEpoch": 1_795_392_000_123_i64,
            },
        });
        assert_eq!(event, expected);
    }

    #[test]
    fn a_body_is_text_if_its_content_type_and_its_bytes_are() {
        fn check(content_type: &str, body: &'static [u8], expected: &(Value, bool)) {
            let event = event(&request("/", &[("content-type", content_type)], body));
            let seen = (event["body"].clone(), event["isBase64Encoded"] == true);
            assert_eq!(&seen, expected, "{content_type}");
        }
        check("application/json", b"{}", &(json!("{}"), false));
        check("Application/JSON; charset=utf-8", b"{}", &(json!("{}"), false));
        check("text/csv", b"a,b", &(json!("a,b"), false));
        check("application/xml", b"<a/>", &(json!("<a/>"), false));
        check("application/javascript", b"a", &(json!("a"), false));
        check("application/problem+json", b"{}", &(json!("e30="), true));
        check("application/vnd.api+json", b"{}", &(json!("e30="), true));
        check("application/x-www-form-urlencoded", b"a=b", &(json!("YT1i"), true));
        check("", b"abc", &(json!("YWJj"), true));
        check("application/json", b"\xff", &(json!("/w=="), true));
        check("image/png", b"abc", &(json!("YWJj"), true));
        check("application/json", b"", &(Value::Null, false));
    }
}
