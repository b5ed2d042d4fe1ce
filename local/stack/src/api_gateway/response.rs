//! Converts a function's response to an HTTP response.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue, SET_COOKIE};
use serde_json::{Map, Value};

use crate::http::{Response, StatusCode, add_header, response};
use crate::lambda::InvokeOutcome;

/// The HTTP response for a function's payload, or `None` for an invalid payload.
///
/// As in payload format 2.0, an object with a `statusCode` describes the response; any
/// other JSON is the body of a 200.
pub(super) fn from_outcome(outcome: &InvokeOutcome) -> Option<Response> {
    let payload: Value = serde_json::from_slice(&outcome.payload).ok()?;
    let mut response = from_payload(&payload)?;
    add_header(&mut response, "apigw-requestid", &outcome.request_id);
    Some(response)
}

/// The same, for a payload that no invocation returned.
pub(super) fn from_payload(payload: &Value) -> Option<Response> {
    match payload {
        Value::Object(fields) if fields.contains_key("statusCode") => structured_response(fields),
        _ => Some(response(StatusCode::OK, "application/json", payload.to_string())),
    }
}

fn structured_response(payload: &Map<String, Value>) -> Option<Response> {
    let status = u16::try_from(payload["statusCode"].as_u64()?).ok()?;
    let status = StatusCode::from_u16(status).ok()?;
    let mut response = response(status, "text/plain; charset=utf-8", body(payload)?);
    for (name, value) in payload.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let name = HeaderName::try_from(name).ok()?;
        response.headers_mut().insert(name, HeaderValue::try_from(text(value)).ok()?);
    }
    for cookie in payload.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        let cookie = HeaderValue::try_from(text(cookie)).ok()?;
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Some(response)
}

fn body(payload: &Map<String, Value>) -> Option<Bytes> {
    let body = payload.get("body").map(text).unwrap_or_default();
    match payload.get("isBase64Encoded") {
        Some(Value::Bool(true)) => STANDARD.decode(body).ok().map(Bytes::from),
        _ => Some(Bytes::from(body)),
    }
}

/// Converts numbers and booleans to text, and null to an empty text.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;

    fn outcome(payload: &Value) -> InvokeOutcome {
        InvokeOutcome {
            payload: Bytes::from(payload.to_string()),
            function_error: None,
            executed_version: "$LATEST".to_owned(),
            request_id: "r1".to_owned(),
        }
    }

    async fn body_of(response: Response) -> Bytes {
        response.into_body().collect().await.expect("a complete body").to_bytes()
    }

    #[tokio::test]
    async fn a_payload_with_a_status_code_describes_the_response() {
        let payload = json!({
            "statusCode": 202,
            "headers": { "content-type": "application/json", "etag": "\"3\"" },
            "cookies": ["a=1", "b=2"],
            "body": "{}",
        });
        let response = from_outcome(&outcome(&payload)).expect("a valid payload");
        assert_eq!(response.status(), 202);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.headers()["etag"], "\"3\"");
        assert_eq!(response.headers()["apigw-requestid"], "r1");
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert_eq!(body_of(response).await, "{}");
    }

    #[tokio::test]
    async fn base64_bodies_are_decoded_and_other_json_is_the_body() {
        async fn check(payload: Value, content_type: &str, expected: &str) {
            let response = from_outcome(&outcome(&payload)).expect("a valid payload");
            assert_eq!(response.headers()["content-type"], content_type, "{payload}");
            assert_eq!(body_of(response).await, expected, "{payload}");
        }
        let encoded = json!({ "statusCode": 200, "body": "YWJj", "isBase64Encoded": true });
        check(encoded, "text/plain; charset=utf-8", "abc").await;
        check(json!({ "a": 1 }), "application/json", r#"{"a":1}"#).await;
        check(json!("hello"), "application/json", r#""hello""#).await;
    }

    #[test]
    fn an_invalid_payload_has_no_response() {
        fn check(payload: &Value) {
            assert!(from_outcome(&outcome(payload)).is_none(), "{payload}");
        }
        check(&json!({ "statusCode": "200" }));
        check(&json!({ "statusCode": 9_999 }));
        check(&json!({ "statusCode": 200, "body": "§", "isBase64Encoded": true }));
        check(&json!({ "statusCode": 200, "headers": { "a b": "c" } }));
    }
}
