//! HTTPS to the providers: sends a request once and says honestly how it went.
//!
//! No redirects (a provider's API has none, and a key must not follow one), no
//! proxies, HTTP/1.1, rustls with ring and Mozilla's roots compiled in. Timeouts
//! of time and size hold for every answer. A request that surely never left is
//! [`TransportError::NotSent`]; whenever that is not sure, it is
//! [`TransportError::NoResponse`], and the caller looks the object up.

use std::time::Duration;

use domain::ports::{Method, Request, Response, Transport, TransportError};

/// The longest answer that is read, in bytes: 1 MiB.
pub const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect: Duration,
    /// From beginning to end, connecting included.
    pub total: Duration,
}

/// A client of one provider, with its pool of connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
}

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTPS client could not be made: {0}")]
pub struct HttpClientError(String);

impl HttpClient {
    /// A client with these limits.
    pub fn new(limits: Timeouts) -> Result<Self, HttpClientError> {
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            .build()
            .map(|client| Self { client })
            .map_err(|error| HttpClientError(error.to_string()))
    }

    /// Opens a connection ahead of the first call, so that its handshake is paid
    /// while the function starts, with all of the processor. What comes of it
    /// changes nothing. Without TLS there is no handshake to pay for.
    pub async fn preconnect(&self, base_url: &str) {
        if base_url.starts_with("https://") {
            let _whatever = self.client.head(base_url).send().await;
        }
    }
}

fn tls() -> Result<rustls::ClientConfig, HttpClientError> {
    let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect::<rustls::RootCertStore>();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpClientError(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

impl Transport for HttpClient {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let mut outgoing = self.client.request(method, &request.url).body(request.body);
        for (name, value) in request.headers {
            outgoing = outgoing.header(name, value);
        }
        let answer = outgoing.send().await.map_err(|error| no_response(&error))?;
        let status = answer.status().as_u16();
        let headers = readable(answer.headers());
        let body = capped(answer).await?;
        Ok(Response { status, headers, body })
    }
}

fn readable(headers: &reqwest::header::HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
}

/// The body, or nothing of it when it is too long or breaks off.
async fn capped(mut answer: reqwest::Response) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| lost(&error))? {
        if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
            return Err(TransportError::NoResponse("the answer is longer than 1 MiB".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Only a connection that never stood, or a request that could not even be
/// written down, is sure never to have been sent.
fn no_response(error: &reqwest::Error) -> TransportError {
    if error.is_connect() {
        TransportError::NotSent("no connection could be made".to_owned())
    } else if error.is_builder() {
        TransportError::NotSent("the request could not be built".to_owned())
    } else {
        lost(error)
    }
}

/// In words of ours: an error's own may quote the address with an id in it.
fn lost(error: &reqwest::Error) -> TransportError {
    let why = if error.is_timeout() { "timed out" } else { "the connection was lost" };
    TransportError::NoResponse(why.to_owned())
}
