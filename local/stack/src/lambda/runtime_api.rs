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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::invocation::{Invocation, PAYLOAD_LIMIT};
use crate::clock::wall_clock;
use crate::http::{
    Handler, Method, Reply, Request, Response, Server, StatusCode, add_header, response,
};

/// The server and the desks of all living processes.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    desks: Arc<Mutex<BTreeMap<u64, Arc<Desk>>>>,
    server: Server,
}

impl RuntimeApi {
    pub(super) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let desks = Arc::default();
        let server = Server::start(listener, Desks(Arc::clone(&desks)))?;
        Ok(Self { desks, server })
    }

    /// The base URL for the process with this desk.
    pub(super) fn url(&self, process: u64) -> String {
        format!("{}/{process}", self.server.url())
    }

    pub(super) fn open_desk(&self, process: u64, desk: Arc<Desk>) {
        lock(&self.desks).insert(process, desk);
    }

    pub(super) fn close_desk(&self, process: u64) {
        lock(&self.desks).remove(&process);
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

    /// Takes the process's answer, if it is one to the invocation in hand.
    fn respond(&self, request_id: &str, answer: Answer) -> Response {
        let ours = |current: &mut Current| current.request_id == request_id;
        let current = lock(&self.current).take_if(ours);
        if current.is_some_and(|current| current.answer.send(answer).is_ok()) {
            accepted()
        } else {
            refused(StatusCode::BAD_REQUEST, "InvalidRequestID")
        }
    }
}

/// Serves all desks.
#[derive(Debug)]
struct Desks(Arc<Mutex<BTreeMap<u64, Arc<Desk>>>>);

impl Handler for Desks {
    // Over Lambda's limit, so that an answer that is too large can be refused.
    const BODY_LIMIT: usize = 2 * PAYLOAD_LIMIT;

    async fn handle(&self, request: Request) -> Reply {
        let path: Vec<_> = request.uri().path().split('/').skip(1).collect();
        let [process, "2018-06-01", "runtime", what @ ..] = path.as_slice() else {
            return refused(StatusCode::NOT_FOUND, "NotFound").into();
        };
        let desk =
            process.parse().ok().and_then(|process: u64| lock(&self.0).get(&process).cloned());
        let Some(desk) = desk else { return refused(StatusCode::GONE, "Gone").into() };
        let body = request.body().clone();
        match (request.method(), what) {
            (&Method::GET, ["invocation", "next"]) => next(&desk).await,
            (&Method::POST, ["invocation", id, "response"]) => desk.respond(id, done(body)).into(),
            (&Method::POST, ["invocation", id, "error"]) => {
                desk.respond(id, Answer::Failed(body)).into()
            }
            (&Method::POST, ["init", "error"]) => init_error(process, &body).into(),
            _ => refused(StatusCode::NOT_FOUND, "NotFound").into(),
        }
    }
}

async fn next(desk: &Desk) -> Reply {
    let Some((invocation, limit)) = desk.next().await else { return Reply::Close };
    let payload = invocation.payload.clone();
    let mut answer = response(StatusCode::OK, "application/json", payload);
    for (name, value) in headers_of(&invocation, limit) {
        add_header(&mut answer, name, &value);
    }
    answer.into()
}

/// An answer over the limit is an error of the function.
fn done(body: Bytes) -> Answer {
    if body.len() <= PAYLOAD_LIMIT {
        return Answer::Done(body);
    }
    let text = format!(
        "Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
    );
    let error = json!({ "errorType": "Function.ResponseSizeTooLarge", "errorMessage": text });
    Answer::Failed(Bytes::from(error.to_string()))
}

/// The process ends itself after this; its end is what the host acts on.
fn init_error(process: &str, body: &[u8]) -> Response {
    tracing::warn!(process, reason = %String::from_utf8_lossy(body), "a function did not start");
    accepted()
}

fn accepted() -> Response {
    said(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn refused(status: StatusCode, error_type: &str) -> Response {
    said(status, &json!({ "errorType": error_type, "errorMessage": "Invalid request" }))
}

fn said(status: StatusCode, body: &Value) -> Response {
    response(status, "application/json", body.to_string())
}

/// What the function learns beside its payload. The deadline is the wall's time:
/// it binds the process.
fn headers_of(invocation: &Invocation, limit: Duration) -> [(&'static str, String); 4] {
    let deadline = wall_clock() + limit;
    [
        ("lambda-runtime-aws-request-id", invocation.request_id.clone()),
        ("lambda-runtime-deadline-ms", deadline.as_millisecond().to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.arn.clone()),
        ("lambda-runtime-trace-id", trace_id()),
    ]
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
