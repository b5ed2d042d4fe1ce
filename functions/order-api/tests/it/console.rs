//! The web page: what is served, in which encoding, with which headers, and to whom.

use std::io::Read as _;
use std::path::Path;

use aws::configuration::{OAuthClient, SignIn};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use order_api::console::{FILES, serve_unembedded};
use order_api::event::Request;
use serde_json::{Value, json};
use testing::samples;

use crate::support::{TestApi, TestBed, TestRequest, TestResponse, send};

/// The response, and its decoded body.
async fn get(api: &TestApi, path: &str, encodings: &str) -> (TestResponse, Vec<u8>) {
    let request = TestRequest::new("GET", path).header("accept-encoding", encodings);
    let response = send(api, request).await;
    let body = BASE64_STANDARD.decode(&response.text).unwrap();
    (response, body)
}

fn path_of(name: &str) -> String {
    format!("/console/{name}")
}

fn decompress(encoding: &str, body: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    match encoding {
        "br" => brotli::BrotliDecompress(&mut &*body, &mut file).unwrap(),
        "gzip" => drop(flate2::read::GzDecoder::new(body).read_to_end(&mut file).unwrap()),
        other => panic!("{other}"),
    }
    file
}

#[tokio::test]
async fn every_file_is_served_in_the_smallest_encoding_that_the_client_accepts() {
    let api = TestBed::new();
    for file in FILES {
        let (plain, body) = get(&api, &path_of(file.name), "identity").await;
        assert_eq!((plain.status, body.as_slice()), (200, file.identity), "{}", file.name);
        assert_eq!(plain.headers["vary"], "accept-encoding");
        let mut tags = vec![plain.headers["etag"].clone()];
        for (accepted, encoding) in
            [("gzip, deflate", "gzip"), ("gzip;q=0, br", "br"), ("gzip, deflate, br", "br")]
        {
            let (compressed, body) = get(&api, &path_of(file.name), accepted).await;
            // A tiny file may grow when compressed: it is then sent as it is.
            let Some(used) = compressed.headers["content-encoding"].as_str() else { continue };
            assert!(used == encoding || accepted.starts_with("gzip, deflate, br"), "{used}");
            assert!(body.len() < file.identity.len());
            assert_eq!(decompress(used, &body), file.identity, "{}", file.name);
            tags.push(compressed.headers["etag"].clone());
        }
        tags.dedup();
        let distinct: std::collections::BTreeSet<_> = tags.iter().map(Value::to_string).collect();
        assert!(distinct.len() > 1 || file.identity.len() < 200, "one tag an encoding: {tags:?}");
    }
}

#[tokio::test]
async fn the_root_is_the_page_and_workflow_json_is_the_state_machine_that_ships() {
    let api = TestBed::new();
    let (page, body) = get(&api, "/", "").await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert!(String::from_utf8(body).unwrap().starts_with("<!doctype html>"));
    let (workflow, body) = get(&api, "/console/workflow.json", "").await;
    assert_eq!(workflow.headers["content-type"], "application/json");
    assert_eq!(body, include_bytes!("../../../../statemachine.asl.json"));
    for missing in ["/console/no.js", "/console/../Cargo.toml", "/console/local/panel.js"] {
        send(&api, TestRequest::new("GET", missing)).await.assert_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_client_that_has_the_file_gets_304_and_a_head_gets_no_body() {
    let api = TestBed::new();
    for path in ["/", "/console/workflow.json", "/console/config.json"] {
        let (full, _) = get(&api, path, "br").await;
        let tag = full.headers["etag"].as_str().unwrap().to_owned();
        let conditional = TestRequest::new("GET", path)
            .header("accept-encoding", "br")
            .header("if-none-match", &format!("\"other\", W/{tag}"));
        let unchanged = send(&api, conditional).await;
        assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
        let head = send(&api, TestRequest::new("HEAD", path).header("accept-encoding", "br")).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        assert_eq!(head.headers, full.headers, "{path}");
        let post = send(&api, TestRequest::new("POST", path)).await;
        post.assert_problem(405, "method-not-allowed");
        assert_eq!(post.headers["allow"], "GET, HEAD");
    }
    let document = send(&api, TestRequest::new("HEAD", "/openapi.json")).await;
    assert_eq!((document.status, document.text.as_str()), (200, ""));
}

/// A deployment with an issuer.
fn with_issuer() -> TestApi {
    let at = |path: &str| format!("https://id.example.com{path}");
    let client = OAuthClient {
        issuer: at(""),
        client_id: "page".to_owned(),
        authorize_url: at("/oauth2/authorize"),
        token_url: at("/oauth2/token"),
        logout_url: None,
        callback_url: Some("https://signin.example.com/signed-in".to_owned()),
        scopes: "openid orders/read".to_owned(),
    };
    TestApi { sign_in: SignIn::OAuth(client), ..TestBed::new() }
}

#[tokio::test]
async fn the_page_is_told_how_to_sign_in() {
    let config = async |api: &TestApi| -> Value {
        let (_, body) = get(api, "/console/config.json", "").await;
        serde_json::from_slice(&body).unwrap()
    };
    assert_eq!(config(&TestBed::new()).await, json!({"signIn": "development"}));
    let unset = TestApi { sign_in: SignIn::NotConfigured, ..TestBed::new() };
    assert_eq!(config(&unset).await, json!({"signIn": "none"}));
    assert_eq!(
        config(&with_issuer()).await,
        json!({
            "signIn": "oauth",
            "issuer": "https://id.example.com",
            "clientId": "page",
            "authorizeUrl": "https://id.example.com/oauth2/authorize",
            "tokenUrl": "https://id.example.com/oauth2/token",
            "logoutUrl": null,
            "redirectUri": "https://signin.example.com/signed-in",
            "scopes": "openid orders/read",
        })
    );
}

#[tokio::test]
async fn the_issuer_s_redirect_leads_to_the_page_of_this_api_with_the_code() {
    let api = with_issuer();
    let check = async |query: &str, expected: &str| {
        let mut request =
            TestRequest::new("GET", "/console/signed-in").header("host", "evil.example");
        request.event["rawQueryString"] = json!(query);
        request.event["requestContext"]["domainName"] = json!("api.example.com");
        let response = send(&api, request).await;
        assert_eq!((response.status, response.text.as_str()), (303, ""));
        assert_eq!(response.headers["location"], expected);
        assert_eq!(response.headers["cache-control"], "no-store", "the code stays private");
    };
    check("code=a-b&state=c%20d", "https://api.example.com/?code=a-b&state=c%20d").await;
    check("", "https://api.example.com/").await;
    check("code=a\r\nset-cookie: x", "https://api.example.com/").await;
}

#[tokio::test]
async fn every_file_has_a_strict_policy_that_allows_the_token_endpoint_and_nothing_else() {
    let policy = |response: &TestResponse| -> Vec<String> {
        let policy = response.headers["content-security-policy"].as_str().unwrap();
        policy.split("; ").map(str::to_owned).collect()
    };
    let mut expected = vec![
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "img-src 'self' data:",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
    ];
    let (page, _) = get(&TestBed::new(), "/", "").await;
    assert_eq!(policy(&page), expected);
    let (page, _) = get(&with_issuer(), "/", "").await;
    expected[7] = "connect-src 'self' https://id.example.com/oauth2/token";
    assert_eq!(policy(&page), expected);
    for (header, value) in [
        ("cache-control", "no-cache"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.headers[header], value);
    }
    assert!(page.headers["permissions-policy"].as_str().unwrap().contains("camera=()"));
}

#[tokio::test]
async fn a_file_from_the_disk_is_answered_like_the_embedded_one() {
    let console = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../console");
    for file in FILES.iter().filter(|file| file.name != "workflow.json") {
        let on_disk = std::fs::read(console.join(file.name)).unwrap();
        assert!(on_disk == file.identity, "{}: build again", file.name);
        let request = TestRequest::new("GET", &path_of(file.name));
        let parsed = Request::parse(&request.event, samples::placed_at).unwrap();
        let from_disk =
            serve_unembedded(&parsed, file.name, &on_disk, &SignIn::Development).unwrap();
        let api = TestBed::new();
        let embedded = order_api::handle(&request.event, &api, samples::placed_at);
        assert_eq!(from_disk.into_event(), embedded.await.unwrap(), "{}", file.name);
    }
    let names: Vec<_> = FILES.iter().map(|file| file.name).collect();
    assert!(names.contains(&"index.html") && names.is_sorted(), "{names:?}");
}
