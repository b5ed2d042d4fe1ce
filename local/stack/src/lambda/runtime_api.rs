//! Lambda's runtime API, as a worker process uses it
//! (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
//!
//! `GET …/invocation/next` waits for an invocation. `POST …/response` and `…/error` end
//! it. `POST …/init/error` reports that the worker cannot start. Each worker has a loopback
//! port, because `AWS_LAMBDA_RUNTIME_API` is a host and a port: runtimes of other languages
//! accept neither a scheme nor a path.
//!
//! A [`WorkerChannel`] connects the host with one worker.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use super::invocation::{Invocation, RESPONSE_LIMIT};
use crate::clock::wall_clock;
use crate::http::{
    Handler, Method, Reply, Request, Response, Server, StatusCode, add_header, response,
};
use crate::xray::trace_root;

/// The runtime API of one worker. It closes when it is dropped.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    server: Server,
}

impl RuntimeApi {
    /// Serves the channel on a free loopback port.
    pub(super) fn open(worker: u64, channel: Arc<WorkerChannel>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        Ok(Self { server: Server::start(listener, RuntimeApiHandler { worker, channel })? })
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }
}

/// Connects the host with one worker: invocations in one direction, responses in the
/// other.
#[derive(Debug)]
pub(super) struct WorkerChannel {
    sender: mpsc::UnboundedSender<QueuedInvocation>,
    receiver: tokio::sync::Mutex<mpsc::UnboundedReceiver<QueuedInvocation>>,
    current: Mutex<Option<InFlight>>,
}

/// An invocation that waits for the worker's next request.
#[derive(Debug)]
pub(super) struct QueuedInvocation {
    pub(super) invocation: Invocation,
    /// The time limit of the invocation, from its start.
    pub(super) limit: Duration,
    /// Notified when the worker receives the invocation.
    pub(super) started: oneshot::Sender<()>,
    pub(super) response: oneshot::Sender<RuntimeResponse>,
}

/// The response of a worker to an invocation.
#[derive(Debug)]
pub(super) enum RuntimeResponse {
    Success(Bytes),
    Error(Bytes),
}

/// The invocation that the worker is running.
#[derive(Debug)]
struct InFlight {
    request_id: String,
    order_id: Option<String>,
    response: oneshot::Sender<RuntimeResponse>,
}

impl WorkerChannel {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver: tokio::sync::Mutex::new(receiver), current: Mutex::new(None) }
    }

    pub(super) fn enqueue(&self, queued: QueuedInvocation) {
        // The receiver lives as long as the channel, so this does not fail.
        let _ = self.sender.send(queued);
    }

    /// The id of the running invocation.
    pub(super) fn request_id(&self) -> Option<String> {
        lock(&self.current).as_ref().map(|current| current.request_id.clone())
    }

    /// The order of the running invocation.
    pub(super) fn order_id(&self) -> Option<String> {
        lock(&self.current).as_ref().and_then(|current| current.order_id.clone())
    }

    /// Drops the running invocation after the worker has exited.
    pub(super) fn abandon_current(&self) {
        lock(&self.current).take();
    }

    /// Waits for the next invocation and marks it as running.
    async fn next(&self) -> Option<(Invocation, Duration)> {
        let queued = self.receiver.lock().await.recv().await?;
        let current = InFlight {
            request_id: queued.invocation.request_id.clone(),
            order_id: queued.invocation.order_id.clone(),
            response: queued.response,
        };
        lock(&self.current).replace(current);
        // The host may have stopped waiting. The worker learns that when it responds.
        let _ = queued.started.send(());
        Some((queued.invocation, queued.limit))
    }

    /// Ends the running invocation because its response is too large to be read.
    fn reject_response(&self) {
        if let Some(current) = lock(&self.current).take() {
            // The host may have stopped waiting.
            let _ = current.response.send(response_too_large());
        }
    }

    /// Ends the running invocation, if it has this request id.
    fn respond(&self, request_id: &str, response: RuntimeResponse) -> Response {
        let is_current = |current: &mut InFlight| current.request_id == request_id;
        let current = lock(&self.current).take_if(is_current);
        if current.is_some_and(|current| current.response.send(response).is_ok()) {
            accepted_response()
        } else {
            error_response(StatusCode::BAD_REQUEST, "InvalidRequestID")
        }
    }
}

/// Serves the runtime API to a worker.
#[derive(Debug)]
struct RuntimeApiHandler {
    worker: u64,
    channel: Arc<WorkerChannel>,
}

impl Handler for RuntimeApiHandler {
    // Above Lambda's limit, so that a response that is too large becomes an error of the
    // function.
    const BODY_LIMIT: usize = 2 * RESPONSE_LIMIT;

    async fn handle(&self, request: Request) -> Reply {
        let path: Vec<_> = request.uri().path().split('/').skip(1).collect();
        let ["2018-06-01", "runtime", operation @ ..] = path.as_slice() else {
            return error_response(StatusCode::NOT_FOUND, "NotFound").into();
        };
        let body = request.body().clone();
        match (request.method(), operation) {
            (&Method::GET, ["invocation", "next"]) => next_invocation(&self.channel).await,
            (&Method::POST, ["invocation", id, "response"]) => {
                self.channel.respond(id, success_or_too_large(body)).into()
            }
            (&Method::POST, ["invocation", id, "error"]) => {
                self.channel.respond(id, RuntimeResponse::Error(body)).into()
            }
            (&Method::POST, ["init", "error"]) => init_error(self.worker, &body).into(),
            _ => error_response(StatusCode::NOT_FOUND, "NotFound").into(),
        }
    }

    fn too_large(&self) -> Response {
        self.channel.reject_response();
        error_response(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge")
    }
}

async fn next_invocation(channel: &WorkerChannel) -> Reply {
    let Some((invocation, limit)) = channel.next().await else { return Reply::CloseConnection };
    let payload = invocation.payload.clone();
    let mut response = response(StatusCode::OK, "application/json", payload);
    for (name, value) in invocation_headers(&invocation, limit) {
        add_header(&mut response, name, &value);
    }
    response.into()
}

/// A response above the payload limit is an error of the function.
fn success_or_too_large(body: Bytes) -> RuntimeResponse {
    if body.len() > RESPONSE_LIMIT { response_too_large() } else { RuntimeResponse::Success(body) }
}

fn response_too_large() -> RuntimeResponse {
    let text = format!(
        "Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
    );
    let error = json!({ "errorType": "Function.ResponseSizeTooLarge", "errorMessage": text });
    RuntimeResponse::Error(Bytes::from(error.to_string()))
}

/// The worker exits after this request, and the host acts on its exit.
fn init_error(worker: u64, body: &[u8]) -> Response {
    tracing::warn!(worker, reason = %String::from_utf8_lossy(body), "a function did not start");
    accepted_response()
}

fn accepted_response() -> Response {
    json_response(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn error_response(status: StatusCode, error_type: &str) -> Response {
    json_response(status, &json!({ "errorType": error_type, "errorMessage": "Invalid request" }))
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    response(status, "application/json", body.to_string())
}

/// The headers of an invocation. The deadline is wall time, since it limits a process.
fn invocation_headers(invocation: &Invocation, limit: Duration) -> [(&'static str, String); 4] {
    let deadline = wall_clock() + limit;
    [
        ("lambda-runtime-aws-request-id", invocation.request_id.clone()),
        ("lambda-runtime-deadline-ms", deadline.as_millisecond().to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.arn.clone()),
        ("lambda-runtime-trace-id", format!("{};Sampled=0", trace_root(deadline))),
    ]
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
