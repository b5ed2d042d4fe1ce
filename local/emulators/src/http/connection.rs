//! One connection: requests to the model, and what faults do to the socket.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::{Face, control};
use crate::emulator::{Emulator, Input, JournalEntry, Outcome};
use crate::exchange::{HttpRequest, HttpResponse, InFlightCall, NetworkOutcome};

/// The largest request body; more is answered with 413.
const BODY_AT_MOST: usize = 1 << 20;

/// An answer on its way out.
pub(super) type Reply = Response<Full<Bytes>>;

/// Says that the connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without an answer")]
pub(super) struct NoAnswer;

pub(super) async fn run<P: Emulator>(face: Arc<Face<P>>, stream: TcpStream) {
    // Small answers go out at once. Where that cannot be set, they go out a little later.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let wire = TokioIo::new(Wire { stream, reset: Arc::clone(&reset) });
    let service = service_fn(move |request| {
        let (face, reset) = (Arc::clone(&face), Arc::clone(&reset));
        async move { answer(&face, request, &reset).await }
    });
    // An error is a connection that ended early: by a fault, or because the client left.
    let _ = http1::Builder::new().serve_connection(wire, service).await;
}

async fn answer<P: Emulator>(
    face: &Arc<Face<P>>,
    request: Request<Incoming>,
    reset: &AtomicBool,
) -> Result<Reply, NoAnswer> {
    let asked_of_us = request.uri().path().starts_with("/_");
    let busy = (face.hooks.busy_guard)();
    let Some(call) = read(request).await? else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is over 1 MiB"));
    };
    if asked_of_us {
        return Ok(control::answer(face, &call).await);
    }
    let Outcome::Network(delivery) = face.give(Input::Request(call)).await else {
        return Err(NoAnswer);
    };
    let reply = deliver(face, delivery, reset).await;
    drop(busy);
    reply
}

async fn deliver<P: Emulator>(
    face: &Arc<Face<P>>,
    delivery: NetworkOutcome,
    reset: &AtomicBool,
) -> Result<Reply, NoAnswer> {
    match delivery {
        NetworkOutcome::Response(answer) => Ok(reply(answer)),
        NetworkOutcome::ConnectionRefused => {
            reset.store(true, Ordering::Release);
            Err(NoAnswer)
        }
        NetworkOutcome::Hang(ticket) => {
            let _held = Held { face: Arc::clone(face), ticket };
            // Until the client goes, and hyper drops this with the connection.
            let never: Infallible = std::future::pending().await;
            match never {}
        }
        NetworkOutcome::Delayed { response: answer, delay_ms, in_flight: ticket } => {
            let held = Held { face: Arc::clone(face), ticket };
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            drop(held);
            Ok(reply(answer))
        }
        NetworkOutcome::ConnectionClosed => Err(NoAnswer),
        NetworkOutcome::CallerKilled { order } => {
            (face.hooks.kill_caller)(order.as_deref().unwrap_or(""));
            Err(NoAnswer)
        }
    }
}

/// Gives a ticket back when the call has ended, however it does.
struct Held<P: Emulator> {
    face: Arc<Face<P>>,
    ticket: InFlightCall,
}

impl<P: Emulator> Drop for Held<P> {
    fn drop(&mut self) {
        let mut state = self.face.state.lock();
        state.release(&self.ticket);
        let record =
            JournalEntry { at: (self.face.clock)(), input: Input::Release(self.ticket.clone()) };
        (self.face.hooks.journal)(&record);
    }
}

/// The request as the model takes it; none when its body is too large.
async fn read(request: Request<Incoming>) -> Result<Option<HttpRequest>, NoAnswer> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_AT_MOST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(wrong) if wrong.is::<http_body_util::LengthLimitError>() => return Ok(None),
        // The client went away in the middle of its request.
        Err(_) => return Err(NoAnswer),
    };
    let headers = head.headers.iter().filter_map(|(name, value)| {
        // A header that is no text is none that a provider reads.
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    });
    Ok(Some(HttpRequest {
        method: head.method.as_str().to_owned(),
        path_and_query: head
            .uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string),
        headers: headers.collect(),
        body: body.to_vec(),
    }))
}

fn reply(answer: HttpResponse) -> Reply {
    let mut builder = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    // A key with a character that no header can hold was echoed; the answer goes without.
    builder
        .body(Full::from(answer.body))
        .unwrap_or_else(|_| plain(StatusCode::BAD_REQUEST, "unspeakable header"))
}

fn plain(status: StatusCode, text: &'static str) -> Reply {
    let mut reply = Response::new(Full::from(text));
    *reply.status_mut() = status;
    reply
}

/// The socket; closed with a reset where a fault asks for it.
struct Wire {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Acquire) {
            // Where that cannot be set, the client sees an orderly close without an answer.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
