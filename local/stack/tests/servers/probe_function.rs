//! The probe function: runs the command in its event, for the tests of the Lambda host.
//!
//! It uses the runtime API without a library, one request a connection. The event's `do`
//! is `echo`, `fail`, `exit`, `abort`, `hang`, `print`, `environment`, `headers`, `pid`,
//! `call` (a GET of `url`; returns the body), `hold` (a connection to `url` until the process
//! ends), `size` (an answer of that many `bytes`) or `aws` (a signed call of `target` with
//! `body` at the AWS endpoint; returns the response).
//!
//! Two environment variables apply to all events: `PRINT_EVENTS` prints each event, and
//! `FAIL_FIRST` is the number of events that fail.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use serde_json::{Value, json};

fn main() {
    let base = variable("AWS_LAMBDA_RUNTIME_API");
    let mut handled = 0;
    while let Some(event) = get(&format!("{base}/2018-06-01/runtime/invocation/next")) {
        handled += 1;
        let request = event.header("lambda-runtime-aws-request-id").to_owned();
        let (kind, body) = handle(&event, handled);
        post(&format!("{base}/2018-06-01/runtime/invocation/{request}/{kind}"), &body.to_string());
    }
}

fn handle(event: &Answer, handled: u32) -> (&'static str, Value) {
    if !variable("PRINT_EVENTS").is_empty() {
        print_line(&event.body);
    }
    if variable("FAIL_FIRST").parse().is_ok_and(|first: u32| handled <= first) {
        return ("error", json!({ "errorType": "Asked", "errorMessage": "to fail" }));
    }
    let payload: Value = serde_json::from_str(&event.body).unwrap_or_default();
    let answer = match payload["do"].as_str().unwrap_or("echo") {
        "fail" => return ("error", json!({ "errorType": "Asked", "errorMessage": "to fail" })),
        "exit" => leave(payload["code"].as_i64()),
        "abort" => std::process::abort(),
        "hang" => loop {
            std::thread::park();
        },
        "print" => print(payload["text"].as_str().unwrap_or_default()),
        "environment" => environment(),
        "headers" => json!(event.head),
        "pid" => json!({ "pid": std::process::id(), "handled": handled }),
        "hold" => hold(payload["url"].as_str().unwrap_or_default()),
        "size" => sized(payload["bytes"].as_u64().unwrap_or_default()),
        "call" => call(payload["url"].as_str().unwrap_or_default()),
        "aws" => aws(&payload),
        _ => payload,
    };
    ("response", answer)
}

#[expect(clippy::exit, reason = "a test requests it")]
fn leave(code: Option<i64>) -> ! {
    std::process::exit(code.and_then(|code| i32::try_from(code).ok()).unwrap_or(1))
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a test requests it")]
fn print(text: &str) -> Value {
    println!("{text} on stdout");
    eprintln!("{text} on stderr");
    Value::Null
}

#[expect(clippy::print_stdout, reason = "a test requests it")]
fn print_line(text: &str) {
    println!("{text}");
}

#[expect(clippy::disallowed_methods, reason = "a test checks the environment")]
fn environment() -> Value {
    std::env::vars()
        .map(|(name, value)| (name, json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn call(url: &str) -> Value {
    json!(get(url).map(|answer| answer.body))
}

fn hold(url: &str) -> Value {
    std::mem::forget(TcpStream::connect(url.trim_start_matches("http://").trim_end_matches('/')));
    Value::Null
}

/// A JSON text of this many bytes with its quotes.
fn sized(bytes: u64) -> Value {
    json!("x".repeat(usize::try_from(bytes).unwrap_or_default().saturating_sub(2)))
}

/// A request as an SDK signs it, at a fixed time, which the stack does not compare with its own.
fn aws(payload: &Value) -> Value {
    let identity = Credentials::builder()
        .access_key_id(variable("AWS_ACCESS_KEY_ID"))
        .secret_access_key(variable("AWS_SECRET_ACCESS_KEY"))
        .session_token(variable("AWS_SESSION_TOKEN"))
        .provider_name("environment")
        .build()
        .into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("aws")
        .time(SystemTime::UNIX_EPOCH + Duration::from_hours(498_720))
        .settings(SigningSettings::default())
        .build()
        .expect("all parameters")
        .into();
    let url = format!("{}/", payload["endpoint"].as_str().unwrap_or(&variable("AWS_ENDPOINT_URL")));
    let (target, body) =
        (payload["target"].as_str().unwrap_or_default(), payload["body"].to_string());
    let target = [("x-amz-target", target)];
    let signable = SignableBody::Bytes(body.as_bytes());
    let request =
        SignableRequest::new("POST", &url, target.into_iter(), signable).expect("a request");
    let (instructions, _) = sign(request, &parameters).expect("a signature").into_parts();
    let headers: String = target
        .into_iter()
        .chain(instructions.headers())
        .flat_map(|(name, value)| [name, ": ", value, "\r\n"])
        .collect();
    json!(send("POST", &url, &headers, &body).map(|answer| answer.body))
}

struct Answer {
    head: Vec<String>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let of = |line: &'_ String| line.split_once(": ").is_some_and(|(found, _)| found == name);
        let line = self.head.iter().find(|line| of(line));
        line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
    }
}

fn get(url: &str) -> Option<Answer> {
    send("GET", url, "", "")
}

fn post(url: &str, body: &str) {
    send("POST", url, "", body);
}

/// Sends one request. Returns `None` if the server is gone.
fn send(method: &str, url: &str, headers: &str, body: &str) -> Option<Answer> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (host, path) = rest.split_once('/')?;
    let mut stream = TcpStream::connect(host).ok()?;
    let length = body.len();
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some(Answer { head: head.lines().map(str::to_owned).collect(), body: body.to_owned() })
}
