//! Delivers webhook events to the product: signed, one at a time, at least once, five seconds of
//! the stack's clock after they happened.
//!
//! A delivery without a 2xx response is retried after one and two seconds of real time, and then
//! dropped. The product must work without webhooks.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use url::Url;

use super::{BusyGuard, Clock, Delivery, EmulatorServer, WebhookEndpoint};
use crate::emulator::Emulator;
use crate::schedule::Schedule;
use crate::webhooks::WebhookEvent;

/// The maximum duration of one attempt.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);
/// The delay before each further attempt.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];
/// How often to poll for scheduled changes without the stack's clock.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Why an event was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The URL does not have the form `http://host:port/path`.
    #[error("the webhook URL must be http://host:port/path")]
    InvalidUrl,
    /// The connection was refused or broke.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// The endpoint did not respond in time.
    #[error("no response within {} s", DELIVERY_TIMEOUT.as_secs())]
    Timeout,
}

/// Delivers one event, once, signed at `at`. Returns the status of the response.
///
/// # Errors
///
/// If the URL is invalid, the connection fails, or there is no response within 10 seconds.
pub async fn deliver(
    webhook: &WebhookEndpoint,
    event: &WebhookEvent,
    at: Timestamp,
) -> Result<u16, DeliveryError> {
    match tokio::time::timeout(DELIVERY_TIMEOUT, post(webhook, event, at)).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(DeliveryError::Timeout),
    }
}

async fn post(
    webhook: &WebhookEndpoint,
    event: &WebhookEvent,
    at: Timestamp,
) -> Result<u16, DeliveryError> {
    let url = Url::parse(&webhook.url)
        .ok()
        .filter(|url| url.scheme() == "http")
        .ok_or(DeliveryError::InvalidUrl)?;
    let host = url.host_str().ok_or(DeliveryError::InvalidUrl)?;
    let port = url.port_or_known_default().ok_or(DeliveryError::InvalidUrl)?;
    let mut request = Request::post(url.path()).header("host", format!("{host}:{port}"));
    for (name, value) in event.headers(&webhook.secret, at) {
        request = request.header(name, value);
    }
    let request = request
        .body(Full::<Bytes>::from(event.body.clone()))
        .ok()
        .ok_or(DeliveryError::InvalidUrl)?;
    let connection_error =
        |error: &dyn std::error::Error| DeliveryError::Connection(error.to_string());
    let stream =
        TcpStream::connect((host, port)).await.map_err(|error| connection_error(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| connection_error(&error))?;
    let mut background = JoinSet::new();
    background.spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| connection_error(&error))?;
    let status = response.status().as_u16();
    // The status is known, so an incomplete body does not matter.
    let _ = response.into_body().collect().await;
    Ok(status)
}

/// How long after an event it is delivered, on the stack's clock. Real providers are no faster, and
/// a clock that skips ahead then has no other work at that time.
const DELIVERY_DELAY: SignedDuration = SignedDuration::from_secs(5);

/// Delivers the events of calls and of scheduled changes.
pub(super) async fn run<P: Emulator>(
    server: Arc<EmulatorServer<P>>,
    webhook: WebhookEndpoint,
    mut deliveries: mpsc::Receiver<Delivery>,
) {
    let mut scheduled = Schedule::new();
    let mut busy = None;
    loop {
        let next =
            [server.state.lock().next_scheduled(), scheduled.next_at()].into_iter().flatten().min();
        let due = next_wakeup(&server, next);
        // Drop the guard only after the timer is set, or the clock could skip past it.
        drop(busy.take());
        tokio::select! {
            Some(Delivery { events, guard }) = deliveries.recv() => {
                enqueue(&server, &mut scheduled, events);
                busy = Some(guard);
            }
            guard = due => {
                let now = (server.clock)();
                let events = {
                    let mut state = server.state.lock();
                    state.advance_to(now);
                    state.take_events()
                };
                enqueue(&server, &mut scheduled, events);
                while let Some((_, event)) = scheduled.pop_due(now) {
                    deliver_with_retries(&server.clock, &webhook, &event).await;
                }
                busy = Some(guard);
            }
            () = server.changed.notified() => {}
        }
    }
}

/// Schedules events for delivery; without the stack's clock, at once.
fn enqueue<P: Emulator>(
    server: &EmulatorServer<P>,
    scheduled: &mut Schedule<WebhookEvent>,
    events: Vec<WebhookEvent>,
) {
    let delay =
        if server.hooks.sleep_until.is_some() { DELIVERY_DELAY } else { SignedDuration::ZERO };
    for event in events {
        scheduled.insert(event.at.saturating_add(delay).unwrap_or(event.at), event);
    }
}

/// Sleeps until the next change may be due. The call sets the timer, not the first poll.
fn next_wakeup<P: Emulator>(
    server: &EmulatorServer<P>,
    due: Option<Timestamp>,
) -> Pin<Box<dyn Future<Output = BusyGuard> + Send>> {
    match (&server.hooks.sleep_until, due) {
        (Some(sleep), Some(due)) => sleep(due),
        (Some(_), None) => Box::pin(std::future::pending()),
        (None, _) => {
            let busy = Arc::clone(&server.hooks.busy_guard);
            Box::pin(async move {
                tokio::time::sleep(POLL_INTERVAL).await;
                busy()
            })
        }
    }
}

async fn deliver_with_retries(clock: &Clock, webhook: &WebhookEndpoint, event: &WebhookEvent) {
    for pause in RETRY_DELAYS.iter().map(Some).chain([None]) {
        let status = deliver(webhook, event, clock()).await;
        if status.is_ok_and(|status| (200..300).contains(&status)) {
            break;
        }
        if let Some(pause) = pause {
            tokio::time::sleep(*pause).await;
        }
    }
}
