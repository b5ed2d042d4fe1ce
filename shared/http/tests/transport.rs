//! The transport against real servers on loopback that refuse, hang, drop,
//! answer late, redirect and say too much: what was surely never sent is told
//! from what may have been.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

use std::time::Duration;

use domain::ports::{Method, Request, Response, Transport, TransportError};
use http_client::HttpClient;
use http_client::{MAX_RESPONSE_BYTES, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LIMITS: Timeouts =
    Timeouts { connect: Duration::from_millis(300), total: Duration::from_millis(600) };

fn request(port: u16) -> Request {
    Request {
        method: Method::Post,
        url: format!("http://127.0.0.1:{port}/v1/things"),
        headers: vec![("authorization", "Bearer secret".to_owned())],
        body: b"amount=100".to_vec(),
    }
}

/// Sends one request to a server that does this with the connection, once the
/// request is there; gives back how it went and what the server read.
async fn meet<F>(act: impl FnOnce(TcpStream) -> F + Send + 'static) -> (Outcome, String)
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"amount=100") {
            let mut chunk = [0; 1024];
            let n = stream.read(&mut chunk).await.unwrap();
            assert!(n > 0, "the request came whole");
            read.extend_from_slice(&chunk[..n]);
        }
        act(stream).await;
        String::from_utf8(read).unwrap()
    });
    let outcome = HttpClient::new(LIMITS).unwrap().send(request(port)).await;
    (outcome, server.await.unwrap())
}

type Outcome = Result<Response, TransportError>;

async fn say(mut stream: TcpStream, answer: &[u8]) {
    // A client that has heard enough hangs up; that is no failure of the test.
    let _hung_up = stream.write_all(answer).await;
    let _hung_up = stream.shutdown().await;
}

#[track_caller]
fn lost(outcome: Outcome, expected: &str) {
    match outcome {
        Err(TransportError::NoResponse(why)) => assert_eq!(why, expected),
        other => panic!("lost, not {other:?}"),
    }
}

#[tokio::test]
async fn a_request_arrives_as_it_was_given_and_the_answer_comes_back_whole() {
    let answer =
        b"HTTP/1.1 402 Payment Required\r\nRequest-Id: req_1\r\nContent-Length: 4\r\n\r\nbody";
    let (outcome, read) = meet(|stream| say(stream, answer)).await;
    let response = outcome.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (402, &b"body"[..]));
    assert_eq!(response.header("request-id"), Some("req_1"));
    assert!(read.starts_with("POST /v1/things HTTP/1.1\r\n"), "{read}");
    assert!(read.contains("authorization: Bearer secret\r\n"), "{read}");
}

#[tokio::test]
async fn a_refused_connection_was_never_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let outcome = HttpClient::new(LIMITS).unwrap().send(request(port)).await;
    assert!(matches!(outcome, Err(TransportError::NotSent(_))), "{outcome:?}");
}

#[tokio::test]
async fn an_address_that_is_none_was_never_sent() {
    let bad = Request { url: "not an address".to_owned(), ..request(1) };
    let outcome = HttpClient::new(LIMITS).unwrap().send(bad).await;
    assert!(matches!(outcome, Err(TransportError::NotSent(_))), "{outcome:?}");
}

#[tokio::test]
async fn an_answer_that_never_comes_is_lost_at_the_limit() {
    let (outcome, _) = meet(async |mut stream: TcpStream| {
        // Silent until the client gives up.
        let _ended = stream.read(&mut [0; 1]).await;
    })
    .await;
    lost(outcome, "timed out");
}

#[tokio::test]
async fn an_answer_that_begins_and_hangs_is_lost_at_the_limit() {
    let (outcome, _) = meet(async |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await.unwrap();
        let _ended = stream.read(&mut [0; 1]).await;
    })
    .await;
    lost(outcome, "timed out");
}

#[tokio::test]
async fn a_connection_that_drops_after_the_request_is_lost() {
    let (outcome, _) = meet(async |stream| drop(stream)).await;
    lost(outcome, "the connection was lost");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_lost() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    let (outcome, _) = meet(|stream| say(stream, answer)).await;
    lost(outcome, "the connection was lost");
}

#[tokio::test]
async fn garbage_instead_of_http_is_lost() {
    let (outcome, _) = meet(|stream| say(stream, b"\x00\x01 what is this\r\n\r\n")).await;
    lost(outcome, "the connection was lost");
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_lost_whether_it_says_so_or_not() {
    let long = vec![b'x'; MAX_RESPONSE_BYTES + 1];
    let declared = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", long.len());
    for head in [declared, "HTTP/1.1 200 OK\r\n\r\n".to_owned()] {
        let answer = [head.into_bytes(), long.clone()].concat();
        let (outcome, _) = meet(async move |stream| say(stream, &answer).await).await;
        lost(outcome, "the answer is longer than 1 MiB");
    }
}

#[tokio::test]
async fn an_answer_of_just_the_longest_length_is_read() {
    let body = vec![b'x'; MAX_RESPONSE_BYTES];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let answer = [head.into_bytes(), body].concat();
    let (outcome, _) = meet(async move |stream| say(stream, &answer).await).await;
    assert_eq!(outcome.unwrap().body.len(), MAX_RESPONSE_BYTES);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    let answer = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:{port}/\r\nContent-Length: 0\r\n\r\n"
    );
    let (outcome, _) = meet(async move |stream| say(stream, answer.as_bytes()).await).await;
    assert_eq!(outcome.unwrap().status, 307);
    let followed = tokio::time::timeout(Duration::from_millis(100), elsewhere.accept()).await;
    assert!(followed.is_err(), "nobody came");
}

#[tokio::test]
async fn no_error_quotes_the_address_or_a_header() {
    let (outcome, _) = meet(async |stream| drop(stream)).await;
    let error = format!("{0} {0:?}", outcome.unwrap_err());
    assert!(!error.contains("127.0.0.1") && !error.contains("secret"), "{error}");
}
