//! Lambda's runtime API, as a function's process sees it.
//!
//! `GET …/invocation/next` waits for work, `POST …/response` and `…/error` answer
//! it, `POST …/init/error` says that it will never come to that. All processes
//! share one loopback port; the first part of the path tells them apart, as the
//! runtime's base URL may have a path.
//!
//! [`Desk`] is where the host and one process meet.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::invocation::{Invocation, PAYLOAD_LIMIT};
use crate::clock::wall_clock;

/// The server and the desks of all living processes.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    address: SocketAddr,
    desks: Desks,
    server: JoinHandle<()>,
}

type Desks = Arc<Mutex<BTreeMap<u64, Arc<Desk>>>>;

impl RuntimeApi {
    pub(super) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let desks = Desks::default();
        let routes = routes(Arc::clone(&desks));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                tracing::error!(%error, "the runtime API ended");
            }
        });
        Ok(Self { address, desks, server })
    }

    /// The base URL for the process with this desk.
    pub(super) fn url(&self, process: u64) -> String {
        format!("http://{}/{process}", self.address)
    }

    pub(super) fn open_desk(&self, process: u64, desk: Arc<Desk>) {
        lock(&self.desks).insert(process, desk);
    }

    pub(super) fn close_desk(&self, process: u64) {
        lock(&self.desks).remove(&process);
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Where the host puts work for one process, and the process its answers.
#[derive(Debug)]
pub(super) struct Desk {
    put: mpsc::UnboundedSender<Work>,
    take: tokio::sync::Mutex<mpsc::UnboundedReceiver<Work>>,
    current: Mutex<Option<Current>>,
}

/// Work that waits for the process to ask for it.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) invocation: Invocation,
    /// The time that it may take once it is taken.
    pub(super) limit: Duration,
    /// Told when the process has taken it.
    pub(super) taken: oneshot::Sender<()>,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What a process says to its invocation.
#[derive(Debug)]
pub(super) enum Answer {
    Done(Bytes),
    Failed(Bytes),
}

#[derive(Debug)]
struct Current {
    request_id: String,
    order_id: Option<String>,
    answer: oneshot::Sender<Answer>,
}

impl Desk {
    pub(super) fn new() -> Self {
        let (put, take) = mpsc::unbounded_channel();
        Self { put, take: tokio::sync::Mutex::new(take), current: Mutex::new(None) }
    }

    pub(super) fn put(&self, work: Work) {
        // The receiver lives as long as the desk.
        let _ = self.put.send(work);
    }

    /// The invocation that the process is at work on.
    pub(super) fn request_id(&self) -> Option<String> {
        lock(&self.current).as_ref().map(|current| current.request_id.clone())
    }

    /// The order that the process is at work on.
    pub(super) fn order_id(&self) -> Option<String> {
        lock(&self.current).as_ref().and_then(|current| current.order_id.clone())
    }

    /// Forgets the invocation in hand: its process is gone.
    pub(super) fn clear(&self) {
        lock(&self.current).take();
    }

    /// Waits for work and remembers it as the one in hand.
    async fn next(&self) -> Option<(Invocation, Duration)> {
        let work = self.take.lock().await.recv().await?;
        let current = Current {
            request_id: work.invocation.request_id.clone(),
            order_id: work.invocation.order_id.clone(),
            answer: work.answer,
        };
        lock(&self.current).replace(current);
        // The host may have stopped waiting; the process finds out when it answers.
        let _ = work.taken.send(());
        Some((work.invocation, work.limit))
    }

    /// Whether there was such an invocation to answer.
    fn answer(&self, request_id: &str, answer: Answer) -> bool {
        let ours = |current: &mut Current| current.request_id == request_id;
        let current = lock(&self.current).take_if(ours);
        current.is_some_and(|current| current.answer.send(answer).is_ok())
    }
}

fn routes(desks: Desks) -> Router {
    Router::new()
        .route("/{process}/2018-06-01/runtime/invocation/next", get(next))
        .route("/{process}/2018-06-01/runtime/invocation/{request}/response", post(response))
        .route("/{process}/2018-06-01/runtime/invocation/{request}/error", post(error))
        .route("/{process}/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(PAYLOAD_LIMIT + 1024))
        .with_state(desks)
}

async fn next(State(desks): State<Desks>, Path(process): Path<u64>) -> Response {
    let desk = lock(&desks).get(&process).cloned();
    let Some(desk) = desk else { return refused(StatusCode::GONE, "Runtime.Gone") };
    match desk.next().await {
        Some((invocation, limit)) => {
            (headers_of(&invocation, limit), invocation.payload).into_response()
        }
        None => refused(StatusCode::GONE, "Runtime.Gone"),
    }
}

async fn response(
    State(desks): State<Desks>,
    Path((process, request)): Path<(u64, String)>,
    body: Bytes,
) -> Response {
    answer(&desks, process, &request, Answer::Done(body))
}

async fn error(
    State(desks): State<Desks>,
    Path((process, request)): Path<(u64, String)>,
    body: Bytes,
) -> Response {
    answer(&desks, process, &request, Answer::Failed(body))
}

/// The process ends itself after this; its end is what the host acts on.
async fn init_error(Path(process): Path<u64>, body: Bytes) -> Response {
    tracing::warn!(process, reason = %String::from_utf8_lossy(&body), "a function did not start");
    accepted()
}

fn answer(desks: &Desks, process: u64, request: &str, answer: Answer) -> Response {
    let desk = lock(desks).get(&process).cloned();
    if desk.is_some_and(|desk| desk.answer(request, answer)) {
        accepted()
    } else {
        refused(StatusCode::BAD_REQUEST, "InvalidRequestID")
    }
}

fn accepted() -> Response {
    said(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn refused(status: StatusCode, error_type: &str) -> Response {
    let body = json!({ "errorType": error_type, "errorMessage": "Invalid request ID" });
    said(status, &body)
}

fn said(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// What the function learns beside its payload. The deadline is the wall's time:
/// it binds the process.
fn headers_of(invocation: &Invocation, limit: Duration) -> HeaderMap {
    let deadline = wall_clock() + limit;
    let pairs = [
        ("lambda-runtime-aws-request-id", invocation.request_id.clone()),
        ("lambda-runtime-deadline-ms", deadline.as_millisecond().to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.arn.clone()),
        ("lambda-runtime-trace-id", trace_id()),
        (header::CONTENT_TYPE.as_str(), "application/json".to_owned()),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    headers
}

/// A trace of X-Ray's form that is not sampled.
fn trace_id() -> String {
    let id = Uuid::new_v4().simple().to_string();
    let (time, rest) = id.split_at(8);
    let (root, _) = rest.split_at(24);
    format!("Root=1-{time}-{root};Sampled=0")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
