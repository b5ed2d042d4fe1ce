//! HTTP/1 over loopback, for every server of this package.
//!
//! A handler is given a whole request and gives a [`Reply`], which may also be to
//! close the connection without a word, or to say nothing for ever: what real
//! networks do, and what a web framework does not let one do.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

pub(crate) use hyper::{HeaderMap, Method, StatusCode};

/// A request with its body read.
pub(crate) type Request = hyper::Request<Bytes>;
/// A response with its body at hand.
pub(crate) type Response = hyper::Response<Full<Bytes>>;

/// How a request ends.
#[derive(Debug)]
pub(crate) enum Reply {
    Response(Response),
    /// The connection is closed without an answer.
    CloseConnection,
    /// Nothing comes, until the client goes.
    NeverRespond,
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

/// What a server does with its requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// The largest body that is read, in bytes.
    const BODY_LIMIT: usize;

    /// Answers a request. The future is dropped when the client goes away.
    fn handle(&self, request: Request) -> impl Future<Output = Reply> + Send;

    /// Answers a request whose body is over the limit.
    fn too_large(&self) -> Response {
        response(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "Payload Too Large")
    }
}

/// A running server; it ends, with all its connections, when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    accepting: AbortHandle,
}

impl Server {
    pub(crate) fn start(listener: TcpListener, handler: impl Handler) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, Arc::new(handler))).abort_handle();
        Ok(Self { address, accepting })
    }

    /// Its base URL, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, handler: Arc<impl Handler>) {
    let mut connections = JoinSet::new(); // Aborted when it is dropped.
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(serve_connection(stream, Arc::clone(&handler)))),
                // Out of file handles, most likely: the next that ends gives one back.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    let _ = connections.join_next().await;
                }
            },
            Some(_) = connections.join_next() => (),
        }
    }
}

async fn serve_connection<H: Handler>(stream: TcpStream, handler: Arc<H>) {
    // Without it an answer in two parts waits for the client's delayed ACK.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| respond(request, Arc::clone(&handler)));
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Why there is no response: the handler wants the connection closed.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
struct ClosedWithoutResponse;

async fn respond<H: Handler>(
    request: hyper::Request<Incoming>,
    handler: Arc<H>,
) -> Result<Response, ClosedWithoutResponse> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, H::BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            return Ok(handler.too_large());
        }
        Err(_) => return Err(ClosedWithoutResponse),
    };
    match handler.handle(Request::from_parts(head, body)).await {
        Reply::Response(response) => Ok(response),
        Reply::CloseConnection => Err(ClosedWithoutResponse),
        Reply::NeverRespond => Ok(std::future::pending::<Result<Response, Infallible>>().await?),
    }
}

impl From<Infallible> for ClosedWithoutResponse {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// A response of this type and with this body.
pub(crate) fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Adds a header, unless the value cannot be one.
pub(crate) fn add_header(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// A header's text; empty when it is missing or no text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Takes `%41` for `A`, as paths and queries have it; what is no UTF-8 is replaced.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let pair = (byte == b'%').then(|| hex(ahead.next()).zip(hex(ahead.next()))).flatten();
        match pair {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                bytes = ahead;
            }
            None => decoded.push(byte),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digit: Option<u8>) -> Option<u8> {
    let value = char::from(digit?).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_taken_away_where_they_mean_something() {
        fn check(text: &str, expected: &str) {
            assert_eq!(percent_decoded(text), expected);
        }
        check("arn%3Aaws%3alambda", "arn:aws:lambda");
        check("%E2%82%AC", "€");
        check("100%", "100%");
        check("%4", "%4");
        check("%zz", "%zz");
        check("%%41", "%A");
        check("%ff", "\u{fffd}");
    }
}
