//! A plain HTTP/1 client: one connection a request, complete bodies, no TLS.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Builds and sends a request.
pub(crate) struct RequestBuilder {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Bytes,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The connection closed without a response.
#[derive(Debug)]
pub(crate) struct NoResponse;

pub(crate) fn get(url: impl Into<String>) -> RequestBuilder {
    RequestBuilder::new(Method::GET, url.into())
}

pub(crate) fn post(url: impl Into<String>) -> RequestBuilder {
    RequestBuilder::new(Method::POST, url.into())
}

pub(crate) fn delete(url: impl Into<String>) -> RequestBuilder {
    RequestBuilder::new(Method::DELETE, url.into())
}

impl RequestBuilder {
    fn new(method: Method, url: String) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Adds a header, also if the request has another one with this name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        self.headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) async fn send(self) -> Response {
        self.try_send().await.expect("a response")
    }

    pub(crate) async fn try_send(self) -> Result<Response, NoResponse> {
        self.exchange().await.map_err(|_lost| NoResponse)
    }

    async fn exchange(self) -> Result<Response, Box<dyn std::error::Error>> {
        let rest = self.url.strip_prefix("http://").ok_or("only http")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let stream = TokioIo::new(TcpStream::connect(host).await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
        tokio::spawn(connection);
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = format!("/{path}").parse()?;
        *request.headers_mut() = self.headers;
        request.headers_mut().entry(HOST).or_insert(HeaderValue::from_str(host)?);
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Response { status: head.status.as_u16(), headers: head.headers, body })
    }
}

impl Response {
    /// The value of a header; empty if it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}
