//! HTTP/1 servers on loopback, for all servers of this package.
//!
//! A [`Handler`] receives a complete request and returns a [`Reply`]. A reply may also
//! close the connection without a response, or never respond: failures of real networks
//! that web frameworks cannot produce. A request with a foreign `Host` or `Origin` gets a
//! 403 ([`guard`]) on every server.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use emulators::http::guard;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

pub(crate) use hyper::{HeaderMap, Method, StatusCode};

/// A request with its body read.
pub(crate) type Request = hyper::Request<Bytes>;
/// A response with a complete body.
pub(crate) type Response = hyper::Response<Full<Bytes>>;

/// How a request ends.
#[derive(Debug)]
pub(crate) enum Reply {
    Response(Response),
    /// Closes the connection without a response.
    CloseConnection,
    /// Sends nothing until the client disconnects.
    NeverRespond,
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

/// Handles the requests of a server.
pub(crate) trait Handler: Send + Sync + 'static {
    /// The size limit of a request body, in bytes.
    const BODY_LIMIT: usize;

    /// Handles a request. The future is dropped when the client disconnects.
    fn handle(&self, request: Request) -> impl Future<Output = Reply> + Send;

    /// The response to a body above the limit.
    fn too_large(&self) -> Response {
        response(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "Payload Too Large")
    }
}

/// A running server. Dropping it closes all its connections.
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

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL without a trailing slash.
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
                // Probably out of file handles: the next connection that ends frees one.
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
    // Without it, a response in two parts waits for the client's delayed ACK.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| respond(request, Arc::clone(&handler)));
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended with an error");
    }
}

/// The handler closed the connection.
#[derive(Debug, thiserror::Error)]
#[error("closed without a response")]
struct ClosedWithoutResponse;

async fn respond<H: Handler>(
    request: hyper::Request<Incoming>,
    handler: Arc<H>,
) -> Result<Response, ClosedWithoutResponse> {
    if let Err(foreign) = guard::check(request.headers()) {
        let body = json!({ "message": foreign.to_string() });
        return Ok(response(StatusCode::FORBIDDEN, "application/json", body.to_string()));
    }
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

/// A response with this content type and body.
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

/// Adds a header, unless the value is invalid.
pub(crate) fn add_header(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// The value of a header; empty if the header is missing or not text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Decodes percent escapes in a path or a query. Invalid UTF-8 is replaced.
pub(crate) fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_escapes_are_decoded_and_other_percent_signs_stay() {
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
