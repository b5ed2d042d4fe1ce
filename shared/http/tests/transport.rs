//! The transport against servers on localhost that refuse, hang, drop the connection,
//! respond late, redirect and send too much. A request that was certainly never sent is
//! distinguished from one that may have been.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

use std::time::Duration;

use domain::ports::{Method, Request, Response, Transport, TransportError};
use http_client::HttpClient;
use http_client::{MAX_RESPONSE_BYTES, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_millis(300), total: Duration::from_millis(600) };

fn request(port: u16) -> Request {
    Request {
        method: Method::Post,
        url: format!("http://127.0.0.1:{port}/v1/things"),
        headers: vec![("authorization", "Bearer secret".to_owned())],
        body: b"amount=100".to_vec(),
    }
}

/// Sends one request to a server that runs `handle` on the connection after it has read
/// the request. Returns the client's result and what the server read.
async fn exchange<F>(handle: impl FnOnce(TcpStream) -> F + Send + 'static) -> (SendResult, String)
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
            assert!(n > 0, "the whole request arrives");
            read.extend_from_slice(&chunk[..n]);
        }
        handle(stream).await;
        String::from_utf8(read).unwrap()
    });
    let result = HttpClient::new(TIMEOUTS).unwrap().send(request(port)).await;
    (result, server.await.unwrap())
}

type SendResult = Result<Response, TransportError>;

async fn respond(mut stream: TcpStream, response: &[u8]) {
    // The client may close the connection early; that does not fail the test.
    let _closed = stream.write_all(response).await;
    let _closed = stream.shutdown().await;
}

#[track_caller]
fn assert_no_response(result: SendResult, expected: &str) {
    match result {
        Err(TransportError::NoResponse(reason)) => assert_eq!(reason, expected),
        other => panic!("NoResponse was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn a_request_arrives_unchanged_and_the_whole_response_is_returned() {
    let response =
        b"HTTP/1.1 402 Payment Required\r\nRequest-Id: req_1\r\nContent-Length: 4\r\n\r\nbody";
    let (result, read) = exchange(|stream| respond(stream, response)).await;
    let response = result.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (402, &b"body"[..]));
    assert_eq!(response.header("request-id"), Some("req_1"));
    assert!(read.starts_with("POST /v1/things HTTP/1.1\r\n"), "{read}");
    assert!(read.contains("authorization: Bearer secret\r\n"), "{read}");
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let result = HttpClient::new(TIMEOUTS).unwrap().send(request(port)).await;
    assert!(matches!(result, Err(TransportError::NotSent(_))), "{result:?}");
}

#[tokio::test]
async fn an_invalid_url_is_not_sent() {
    let bad = Request { url: "not a URL".to_owned(), ..request(1) };
    let result = HttpClient::new(TIMEOUTS).unwrap().send(bad).await;
    assert!(matches!(result, Err(TransportError::NotSent(_))), "{result:?}");
}

#[tokio::test]
async fn a_missing_response_times_out() {
    let (result, _) = exchange(async |mut stream: TcpStream| {
        // Sends nothing until the client disconnects.
        let _ended = stream.read(&mut [0; 1]).await;
    })
    .await;
    assert_no_response(result, "timed out");
}

#[tokio::test]
async fn a_response_that_stalls_times_out() {
    let (result, _) = exchange(async |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await.unwrap();
        let _ended = stream.read(&mut [0; 1]).await;
    })
    .await;
    assert_no_response(result, "timed out");
}

#[tokio::test]
async fn a_connection_that_drops_after_the_request_gives_no_response() {
    let (result, _) = exchange(async |stream| drop(stream)).await;
    assert_no_response(result, "the connection was lost");
}

#[tokio::test]
async fn a_truncated_response_is_no_response() {
    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    let (result, _) = exchange(|stream| respond(stream, response)).await;
    assert_no_response(result, "the connection was lost");
}

#[tokio::test]
async fn a_response_that_is_not_http_is_no_response() {
    let (result, _) = exchange(|stream| respond(stream, b"\x00\x01 not HTTP\r\n\r\n")).await;
    assert_no_response(result, "the connection was lost");
}

#[tokio::test]
async fn a_response_that_is_too_long_is_no_response_with_or_without_a_content_length() {
    let long = vec![b'x'; MAX_RESPONSE_BYTES + 1];
    let declared = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", long.len());
    for head in [declared, "HTTP/1.1 200 OK\r\n\r\n".to_owned()] {
        let response = [head.into_bytes(), long.clone()].concat();
        let (result, _) = exchange(async move |stream| respond(stream, &response).await).await;
        assert_no_response(result, "the response is longer than 1 MiB");
    }
}

#[tokio::test]
async fn a_response_of_the_maximum_length_is_read() {
    let body = vec![b'x'; MAX_RESPONSE_BYTES];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let response = [head.into_bytes(), body].concat();
    let (result, _) = exchange(async move |stream| respond(stream, &response).await).await;
    assert_eq!(result.unwrap().body.len(), MAX_RESPONSE_BYTES);
}

#[tokio::test]
async fn a_redirect_is_returned_and_not_followed() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = target.local_addr().unwrap().port();
    let response = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:{port}/\r\nContent-Length: 0\r\n\r\n"
    );
    let (result, _) =
        exchange(async move |stream| respond(stream, response.as_bytes()).await).await;
    assert_eq!(result.unwrap().status, 307);
    let followed = tokio::time::timeout(Duration::from_millis(100), target.accept()).await;
    assert!(followed.is_err(), "no request to the redirect target");
}

#[tokio::test]
async fn no_error_quotes_the_url_or_a_header() {
    let (result, _) = exchange(async |stream| drop(stream)).await;
    let error = format!("{0} {0:?}", result.unwrap_err());
    assert!(!error.contains("127.0.0.1") && !error.contains("secret"), "{error}");
}
