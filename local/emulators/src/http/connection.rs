//! One connection: passes requests to the emulator and applies faults to the socket.

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

use super::guard;
use super::response::{BodyResponse, into_hyper, plain, refused};
use super::{EmulatorServer, control};
use crate::emulator::{Emulator, Input, JournalEntry, Outcome};
use crate::exchange::{HttpRequest, InFlightCall, NetworkOutcome};

/// The maximum size of a request body. The server rejects larger bodies with 413.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Closes the connection without a response.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without a response")]
pub(super) struct ClosedWithoutResponse;

pub(super) async fn run<P: Emulator>(server: Arc<EmulatorServer<P>>, stream: TcpStream) {
    // Sends small responses at once. If that cannot be set, they are only slower.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(ResettableStream { stream, reset: Arc::clone(&reset) });
    let service = service_fn(move |request| {
        let (server, reset) = (Arc::clone(&server), Arc::clone(&reset));
        async move { respond(&server, request, &reset).await }
    });
    // An error means that the connection ended early, by a fault or because the client left.
    let _ = http1::Builder::new().serve_connection(io, service).await;
}

async fn respond<P: Emulator>(
    server: &Arc<EmulatorServer<P>>,
    incoming: Request<Incoming>,
    reset: &AtomicBool,
) -> Result<BodyResponse, ClosedWithoutResponse> {
    if let Err(foreign) = guard::check(incoming.headers()) {
        return Ok(refused(&foreign));
    }
    let is_control_request = incoming.uri().path().starts_with("/_");
    let busy = (server.hooks.busy_guard)();
    let Some(request) = read(incoming).await? else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is over 1 MiB"));
    };
    if is_control_request {
        return Ok(control::respond(server, &request).await);
    }
    let Outcome::Network(outcome) = server.apply(Input::Request(request)).await else {
        return Err(ClosedWithoutResponse);
    };
    let response = deliver(server, outcome, reset).await;
    drop(busy);
    response
}

async fn deliver<P: Emulator>(
    server: &Arc<EmulatorServer<P>>,
    outcome: NetworkOutcome,
    reset: &AtomicBool,
) -> Result<BodyResponse, ClosedWithoutResponse> {
    match outcome {
        NetworkOutcome::Response(response) => Ok(into_hyper(response)),
        NetworkOutcome::ConnectionRefused => {
            reset.store(true, Ordering::Release);
            Err(ClosedWithoutResponse)
        }
        NetworkOutcome::Hang(in_flight) => {
            let _guard = InFlightGuard { server: Arc::clone(server), in_flight };
            // hyper drops this future when the client disconnects.
            let never: Infallible = std::future::pending().await;
            match never {}
        }
        NetworkOutcome::Delayed { response, delay_ms, in_flight } => {
            let guard = InFlightGuard { server: Arc::clone(server), in_flight };
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            drop(guard);
            Ok(into_hyper(response))
        }
        NetworkOutcome::ConnectionClosed => Err(ClosedWithoutResponse),
        NetworkOutcome::CallerKilled { order } => {
            (server.hooks.kill_caller)(order.as_deref().unwrap_or(""));
            Err(ClosedWithoutResponse)
        }
    }
}

/// Releases a call in flight when it ends, for any reason.
struct InFlightGuard<P: Emulator> {
    server: Arc<EmulatorServer<P>>,
    in_flight: InFlightCall,
}

impl<P: Emulator> Drop for InFlightGuard<P> {
    fn drop(&mut self) {
        let mut state = self.server.state.lock();
        state.release(&self.in_flight);
        let entry = JournalEntry {
            at: (self.server.clock)(),
            input: Input::Release(self.in_flight.clone()),
        };
        (self.server.hooks.journal)(&entry);
    }
}

/// Reads the request. Returns `None` if its body is too large.
async fn read(incoming: Request<Incoming>) -> Result<Option<HttpRequest>, ClosedWithoutResponse> {
    let (head, body) = incoming.into_parts();
    let body = match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => return Ok(None),
        // The client disconnected while it sent the request.
        Err(_) => return Err(ClosedWithoutResponse),
    };
    let headers = head.headers.iter().filter_map(|(name, value)| {
        // The providers read only text headers, so others are skipped.
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

/// A socket that a fault can close with a reset.
struct ResettableStream {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for ResettableStream {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Acquire) {
            // If this cannot be set, the client sees an orderly close without a response.
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
