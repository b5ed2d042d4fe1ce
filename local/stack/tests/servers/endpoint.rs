//! The AWS endpoint, called as SDKs and the AWS CLI call it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::{Response, delete, get, post};
use crate::support::{TestHost, host, probe};

/// A request as an SDK signs it. The access key names the signer.
async fn json_1_0(url: &str, target: &str, key: &str, body: &str) -> Response {
    let credential = format!("Credential={key}/20261123/us-east-1/any/aws4_request");
    let signed = format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0");
    post(url)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", target)
        .header("x-amz-date", "20261123T000000Z")
        .header("authorization", &signed)
        .body(body.to_owned())
        .send()
        .await
}

async fn dynamodb(url: &str, operation: &str, body: Value) -> Response {
    json_1_0(url, &format!("DynamoDB_20120810.{operation}"), "AKIDEXAMPLE", &body.to_string()).await
}

#[tokio::test]
async fn dynamodb_responds_with_a_checksum_and_its_own_errors() {
    let hosted = host(probe());
    let endpoint = hosted.endpoint().await;
    let url = endpoint.url();
    let item = json!({ "orderId": { "S": "o1" }, "note": { "S": "grüße" } });
    let put = json!({ "TableName": "Orders", "Item": item });
    assert_eq!(dynamodb(&url, "PutItem", put).await.status, 200);

    let read = json!({ "TableName": "Orders", "Key": { "orderId": { "S": "o1" } } });
    let found = dynamodb(&url, "GetItem", read).await;
    assert_eq!(found.header("content-type"), "application/x-amz-json-1.0");
    assert!(!found.header("x-amzn-requestid").is_empty());
    let checksum = found.header("x-amz-crc32");
    assert_eq!(checksum, crc32(&found.body).to_string());
    assert_eq!(found.json()["Item"], item);

    let listed = dynamodb(&url, "ListTables", json!({})).await.json();
    assert_eq!(listed["TableNames"], json!(["Inventory", "Orders"]));
    let refused = dynamodb(&url, "DescribeTable", json!({ "TableName": "Nowhere" })).await;
    assert_eq!(refused.status, 400);
    let error: Value = refused.json();
    assert!(
        error["__type"].as_str().is_some_and(|kind| kind.ends_with("#ResourceNotFoundException"))
    );
}

#[tokio::test]
async fn unknown_operations_and_invalid_bodies_get_awss_errors() {
    async fn check(url: &str, target: &str, body: &str, code: &str) {
        let refused = json_1_0(url, target, "AKIDEXAMPLE", body).await;
        assert_eq!(refused.status, 400, "{target}");
        let error: Value = refused.json();
        let kind = error["__type"].as_str().expect("a type");
        assert_eq!(kind.rsplit('#').next(), Some(code), "{target}");
    }
    let hosted = host(probe());
    let endpoint = hosted.endpoint().await;
    let url = endpoint.url();
    check(&url, "DynamoDB_20120810.Conjure", "{}", "UnknownOperationException").await;
    check(&url, "AmazonSQS.SendMessage", "{}", "UnknownOperationException").await;
    check(&url, "", "", "UnknownOperationException").await;
    check(&url, "DynamoDB_20120810.GetItem", "{", "SerializationException").await;
    check(&url, "AWSStepFunctions.StartExecution", "[", "SerializationException").await;
}

#[tokio::test]
async fn the_target_header_selects_step_functions() {
    let hosted = host(probe());
    let endpoint = hosted.endpoint().await;
    let body = json!({ "name": "o1" });
    let target = "AWSStepFunctions.StartExecution";
    let answer = json_1_0(&endpoint.url(), target, "any", &body.to_string()).await;
    assert_eq!(answer.status, 200);
    let answer: Value = answer.json();
    assert_eq!(answer, json!({ "operation": "StartExecution", "body": body }));

    let target = "AWSStepFunctions.DescribeExecution";
    let refused = json_1_0(&endpoint.url(), target, "any", "{}").await;
    assert_eq!(refused.status, 400);
    let error: Value = refused.json();
    assert_eq!(error["__type"], "ExecutionDoesNotExist");
}

#[tokio::test]
async fn invoke_responds_as_lambda_does() {
    let hosted = host(probe());
    let endpoint = hosted.endpoint().await;
    let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aprocess-payment";
    for (name, version) in
        [("process-payment", "$LATEST"), (arn, "$LATEST"), ("process-payment?Qualifier=1", "1")]
    {
        let (name, query) = name.split_once('?').map_or((name, ""), |(name, query)| (name, query));
        let url = format!("{}/2015-03-31/functions/{name}/invocations?{query}", endpoint.url());
        let answer = post(url).body(r#"{"a":1}"#).send().await;
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(answer.header("x-amz-executed-version"), version);
        assert_eq!(answer.header("x-amz-function-error"), "");
        assert_eq!(answer.body, r#"{"a":1}"#);
    }
    let url =
        format!("{}/2015-03-31/functions/process-payment/invocations?Qualifier=7", endpoint.url());
    let refused = post(url).send().await;
    assert_eq!(refused.status, 404);
    assert_eq!(refused.header("x-amzn-errortype"), "ResourceNotFoundException");
    hosted.host.shutdown().await;
}

#[tokio::test]
async fn a_function_error_is_a_200_with_a_header_and_the_log_tail_is_returned_on_request() {
    let hosted = host(probe());
    let endpoint = hosted.endpoint().await;
    let failed = invoke(&endpoint.url(), "process-payment", &[], json!({ "do": "fail" })).await;
    assert_eq!(failed.status, 200);
    assert_eq!(failed.header("x-amz-function-error"), "Unhandled");
    let error: Value = failed.json();
    assert_eq!(error["errorType"], "Asked");

    let tail = [("x-amz-log-type", "Tail")];
    let event = json!({ "do": "print", "text": "canary" });
    let printed = invoke(&endpoint.url(), "process-payment", &tail, event).await;
    let log = STANDARD.decode(printed.header("x-amz-log-result")).expect("base64");
    let log = String::from_utf8(log).expect("text");
    assert!(log.contains("canary on stdout") && log.contains("canary on stderr"), "{log}");
    hosted.host.shutdown().await;
}

#[tokio::test]
async fn events_and_dry_runs_return_at_once() {
    async fn check(hosted: &TestHost, url: &str, kind: &str, function: &str, status: u16) {
        let headers = [("x-amz-invocation-type", kind)];
        let answer = invoke(url, function, &headers, json!({ "orderId": kind })).await;
        assert_eq!(answer.status, status, "{kind} of {function}");
        assert_eq!(hosted.counters.for_order("DryRun").invocations, 0);
    }
    let hosted = host(probe());
    let endpoint = hosted.endpoint().await;
    let url = endpoint.url();
    check(&hosted, &url, "DryRun", "process-payment", 204).await;
    check(&hosted, &url, "DryRun", "unknown", 404).await;
    check(&hosted, &url, "Sideways", "process-payment", 400).await;
    check(&hosted, &url, "Event", "unknown", 404).await;
    check(&hosted, &url, "Event", "process-payment", 202).await;
    while !hosted.clock.pending().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(hosted.counters.for_order("Event").invocations, 1);
    hosted.host.shutdown().await;
}

#[tokio::test]
async fn an_unknown_function_gets_awss_error() {
    let hosted = host(probe());
    let endpoint = hosted.endpoint().await;
    let refused = invoke(&endpoint.url(), "unknown", &[], json!({})).await;
    assert_eq!(refused.status, 404);
    assert_eq!(refused.header("x-amzn-errortype"), "ResourceNotFoundException");
    let error: Value = refused.json();
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:unknown";
    assert_eq!(error, json!({ "Type": "User", "Message": format!("Function not found: {arn}") }));
    let other = get(format!("{}/2015-03-31/functions/", endpoint.url())).send().await;
    assert_eq!(other.status, 404);
}

#[tokio::test]
async fn the_access_key_identifies_the_caller() {
    let hosted = host(probe());
    let endpoint = hosted.endpoint().await;
    let read = json!({ "TableName": "Orders", "Key": { "orderId": { "S": "o1" } } });
    for key in ["AKIDEXAMPLE", ""] {
        json_1_0(&endpoint.url(), "DynamoDB_20120810.GetItem", key, &read.to_string()).await;
    }
    let signed = json!({
        "do": "aws", "endpoint": endpoint.url(), "target": "DynamoDB_20120810.GetItem", "body": read,
    });
    hosted.invoke(signed).await;
    assert_eq!(hosted.counters.for_order("o1").reads, 1, "only calls of the execution count");
}

#[tokio::test]
async fn faults_are_planned_listed_and_removed_over_http() {
    let hosted = host(probe());
    let endpoint = hosted.endpoint().await;
    let url = format!("{}/_faults", endpoint.url());
    let plan = |body: Value| post(&url).body(body.to_string()).send();
    let fault = json!({ "at": "store.GetItem", "calls": { "from": 1 }, "kind": "drop-answer" });
    let answer = plan(json!({ "faults": [fault] })).await;
    assert_eq!(answer.status, 200);
    let read = json!({ "TableName": "Orders", "Key": { "orderId": { "S": "o1" } } }).to_string();
    let lost = post(endpoint.url())
        .header("x-amz-target", "DynamoDB_20120810.GetItem")
        .body(read.clone())
        .try_send()
        .await;
    assert!(lost.is_err(), "the connection is closed");
    let shown = get(&url).send().await.json();
    assert_eq!(shown["met"], json!({ "drop-answer": 1 }));

    let wrong = plan(json!([{ "at": "moon.rise", "kind": "kill" }])).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(delete(&url).send().await.status, 200);
    let found = json_1_0(&endpoint.url(), "DynamoDB_20120810.GetItem", "any", &read).await;
    assert_eq!(found.status, 200);
}

#[tokio::test]
async fn a_body_above_the_limit_is_rejected() {
    let hosted = host(probe());
    let endpoint = hosted.endpoint().await;
    let large = " ".repeat(6 * 1024 * 1024 + 1);
    let url = format!("{}/2015-03-31/functions/process-payment/invocations", endpoint.url());
    let refused = post(url).body(large).send().await;
    assert_eq!(refused.status, 413);
    assert_eq!(refused.header("x-amzn-errortype"), "RequestTooLargeException");
}

async fn invoke(url: &str, name: &str, headers: &[(&'static str, &str)], event: Value) -> Response {
    let url = format!("{url}/2015-03-31/functions/{name}/invocations");
    let mut request = post(url).body(event.to_string());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.send().await
}

/// CRC-32, bit by bit, to check the checksum independently.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
