//! The [`Transport`] port over HTTPS, for the calls to the providers.
//!
//! Each request is sent once: no retries, no redirects (a provider's API has none, and
//! an API key must not follow one), no proxies. TLS is rustls with ring and Mozilla's
//! root certificates, compiled in. Every response is bounded in time and size.
//!
//! An error is [`TransportError::NotSent`] only if the request certainly never left.
//! Every other error is [`TransportError::NoResponse`], after which the caller retrieves
//! the object to learn what happened.

use std::time::Duration;

use domain::ports::{Method, Request, Response, Transport, TransportError};

/// The maximum size of a response body, in bytes: 1 MiB.
pub const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// The maximum duration of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect, TLS handshake included.
    pub connect: Duration,
    /// For the whole call, connecting included.
    pub total: Duration,
}

/// An HTTPS client with its own connection pool. Use one per provider.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
}

/// The client could not be created.
#[derive(Debug, thiserror::Error)]
#[error("the HTTPS client could not be created: {0}")]
pub struct HttpClientError(String);

impl HttpClient {
    /// Creates a client with these timeouts.
    ///
    /// # Errors
    /// If the TLS configuration is rejected.
    pub fn new(timeouts: Timeouts) -> Result<Self, HttpClientError> {
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config()?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .build()
            .map(|client| Self { client })
            .map_err(|error| HttpClientError(error.to_string()))
    }

    /// Opens a connection before the first call, so the TLS handshake happens while the
    /// function starts, when Lambda gives it more CPU. The result is ignored. Without
    /// TLS there is no handshake, and this does nothing.
    pub async fn preconnect(&self, base_url: &str) {
        if base_url.starts_with("https://") {
            let _ignored = self.client.head(base_url).send().await;
        }
    }
}

fn tls_config() -> Result<rustls::ClientConfig, HttpClientError> {
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
        let response = outgoing.send().await.map_err(|error| send_error(&error))?;
        let status = response.status().as_u16();
        let headers = text_headers(response.headers());
        let body = read_body(response).await?;
        Ok(Response { status, headers, body })
    }
}

/// The headers whose values are text.
fn text_headers(headers: &reqwest::header::HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
}

/// Reads the body; an error if it is too long or the connection breaks.
async fn read_body(mut response: reqwest::Response) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| no_response(&error))? {
        if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
            return Err(TransportError::NoResponse("the response is longer than 1 MiB".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A request was certainly not sent only if no connection was made or the request could
/// not be built.
fn send_error(error: &reqwest::Error) -> TransportError {
    if error.is_connect() {
        TransportError::NotSent("no connection could be made".to_owned())
    } else if error.is_builder() {
        TransportError::NotSent("the request could not be built".to_owned())
    } else {
        no_response(error)
    }
}

/// reqwest's message is left out: it may quote the URL with an id in it.
fn no_response(error: &reqwest::Error) -> TransportError {
    let reason = if error.is_timeout() { "timed out" } else { "the connection was lost" };
    TransportError::NoResponse(reason.to_owned())
}
