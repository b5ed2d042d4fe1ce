//! One connection: requests to the model, and what faults do to the socket.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::response::{BodyResponse, plain, reply};
use super::{EmulatorServer, control};
use crate::emulator::{Emulator, Input, JournalEntry, Outcome};
use crate::exchange::{HttpRequest, InFlightCall, NetworkOutcome};

/// The largest request body; more is answered with 413.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Says that the connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without an answer")]
pub(super) struct ClosedWithoutResponse;

pub(super) async fn run<P: Emulator>(server: Arc<EmulatorServer<P>>, stream: TcpStream) {
    // Small answers go out at once. Where that cannot be set, they go out a little later.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let wire = TokioIo::new(ResettableStream { stream, reset: Arc::clone(&reset) });
    let service = service_fn(move |request| {
        let (server, reset) = (Arc::clone(&server), Arc::clone(&reset));
        async move { answer(&server, request, &reset).await }
    });
    // An error is a connection that ended early: by a fault, or because the client left.
    let _ = http1::Builder::new().serve_connection(wire, service).await;
}

async fn answer<P: Emulator>(
    server: &Arc<EmulatorServer<P>>,
    request: Request<Incoming>,
    reset: &AtomicBool,
) -> Result<BodyResponse, ClosedWithoutResponse> {
    let is_control_request = request.uri().path().starts_with("/_");
    let busy = (server.hooks.busy_guard)();
    let Some(call) = read(request).await? else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is over 1 MiB"));
    };
    if is_control_request {
        return Ok(control::answer(server, &call).await);
    }
    let Outcome::Network(delivery) = server.apply(Input::Request(call)).await else {
        return Err(ClosedWithoutResponse);
    };
    let reply = deliver(server, delivery, reset).await;
    drop(busy);
    reply
}

async fn deliver<P: Emulator>(
    server: &Arc<EmulatorServer<P>>,
    delivery: NetworkOutcome,
    reset: &AtomicBool,
) -> Result<BodyResponse, ClosedWithoutResponse> {
    match delivery {
        NetworkOutcome::Response(answer) => Ok(reply(answer)),
        NetworkOutcome::ConnectionRefused => {
            reset.store(true, Ordering::Release);
            Err(ClosedWithoutResponse)
        }
        NetworkOutcome::Hang(in_flight) => {
            let _held = InFlightGuard { server: Arc::clone(server), in_flight };
            // Until the client goes, and hyper drops this with the connection.
            let never: Infallible = std::future::pending().await;
            match never {}
        }
        NetworkOutcome::Delayed { response: answer, delay_ms, in_flight } => {
            let held = InFlightGuard { server: Arc::clone(server), in_flight };
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            drop(held);
            Ok(reply(answer))
        }
        NetworkOutcome::ConnectionClosed => Err(ClosedWithoutResponse),
        NetworkOutcome::CallerKilled { order } => {
            (server.hooks.kill_caller)(order.as_deref().unwrap_or(""));
            Err(ClosedWithoutResponse)
        }
    }
}

/// Gives a ticket back when the call has ended, however it does.
struct InFlightGuard<P: Emulator> {
    server: Arc<EmulatorServer<P>>,
    in_flight: InFlightCall,
}

impl<P: Emulator> Drop for InFlightGuard<P> {
    fn drop(&mut self) {
        let mut state = self.server.state.lock();
        state.release(&self.in_flight);
        let record = JournalEntry {
            at: (self.server.clock)(),
            input: Input::Release(self.in_flight.clone()),
        };
        (self.server.hooks.journal)(&record);
    }
}

/// The request as the model takes it; none when its body is too large.
async fn read(request: Request<Incoming>) -> Result<Option<HttpRequest>, ClosedWithoutResponse> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => return Ok(None),
        // The client went away in the middle of its request.
        Err(_) => return Err(ClosedWithoutResponse),
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

/// The socket; closed with a reset where a fault asks for it.
struct ResettableStream {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for ResettableStream {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Acquire) {
            // Where that cannot be set, the client sees an orderly close without an answer.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for ResettableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for ResettableStream {
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
