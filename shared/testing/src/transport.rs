//! Transports that respond from memory and record the requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ports::{Request, Response, Transport, TransportError};
use serde_json::Value;

/// Gives every request the same response, and records the requests.
#[derive(Debug, Clone)]
pub struct FixedTransport {
    /// The response to every request.
    pub response: Result<Response, TransportError>,
    /// The requests so far.
    pub requests: Arc<Mutex<Vec<Request>>>,
}

impl Transport for FixedTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        lock(&self.requests).push(request);
        self.response.clone()
    }
}

/// Gives the nth request the nth response, and times out after the last.
#[derive(Debug, Clone, Default)]
pub struct ScriptedTransport {
    responses: Arc<Mutex<VecDeque<(u16, Value)>>>,
    urls: Arc<Mutex<Vec<String>>>,
}

impl ScriptedTransport {
    /// A transport with one response: a status code and a JSON body.
    pub fn with_response(status: u16, body: &Value) -> Self {
        let transport = Self::default();
        transport.push_response(status, body);
        transport
    }

    /// Adds a response after the others.
    pub fn push_response(&self, status: u16, body: &Value) {
        lock(&self.responses).push_back((status, body.clone()));
    }

    /// The URLs of the requests so far, in order.
    pub fn urls(&self) -> Vec<String> {
        lock(&self.urls).clone()
    }
}

impl Transport for ScriptedTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        lock(&self.urls).push(request.url);
        let next = lock(&self.responses).pop_front();
        let (status, body) = next.ok_or(TransportError::NoResponse("timed out".to_owned()))?;
        Ok(Response { status, headers: Vec::new(), body: body.to_string().into_bytes() })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
