//! Events, delivered to the product's webhooks: signed, one after the other, at least once,
//! some seconds of the stack's clock after they happened.
//!
//! A delivery that is not answered with 2xx is tried again twice, a second and two seconds of
//! real time later, and then given up: a webhook is a hint, and the product must do without.

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

/// How long a delivery may take.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before each further attempt.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];
/// How often to look for what happened while nobody called.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Why an event did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The address is no `http://host:port/path`.
    #[error("the webhook's URL must be http://host:port/path")]
    InvalidUrl,
    /// Nobody listens, or the connection broke.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// No answer in time.
    #[error("no answer within {} s", DELIVERY_TIMEOUT.as_secs())]
    Timeout,
}

/// Delivers one event, once, signed at the clock's time; returns the status of the answer.
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
    let broken = |error: &dyn std::error::Error| DeliveryError::Connection(error.to_string());
    let stream = TcpStream::connect((host, port)).await.map_err(|error| broken(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    let mut background = JoinSet::new();
    background.spawn(connection);
    let answer = sender.send_request(request).await.map_err(|error| broken(&error))?;
    let status = answer.status().as_u16();
    // Whether the rest of the answer comes changes nothing.
    let _ = answer.into_body().collect().await;
    Ok(status)
}

/// How long after it happened an event is told, on the stack's clock. A provider is not faster,
/// and a stack whose clock leaps is then busy with nothing else when it comes.
const DELIVERY_DELAY: SignedDuration = SignedDuration::from_secs(5);

/// Delivers what calls left behind, and what happened while nobody called.
pub(super) async fn run<P: Emulator>(
    server: Arc<EmulatorServer<P>>,
    webhook: WebhookEndpoint,
    mut waiting: mpsc::Receiver<Delivery>,
) {
    let mut scheduled = Schedule::new();
    let mut held = None;
    loop {
        let next =
            [server.state.lock().next_scheduled(), scheduled.next_at()].into_iter().flatten().min();
        let due = until(&server, next);
        // Not before the timer is set: a clock that leaps would leap past it.
        drop(held.take());
        tokio::select! {
            Some(Delivery { events, guard }) = waiting.recv() => {
                put(&server, &mut scheduled, events);
                held = Some(guard);
            }
            guard = due => {
                let now = (server.clock)();
                let events = {
                    let mut state = server.state.lock();
                    state.advance_to(now);
                    state.take_events()
                };
                put(&server, &mut scheduled, events);
                while let Some((_, event)) = scheduled.pop_due(now) {
                    deliver_with_retries(&server.clock, &webhook, &event).await;
                }
                held = Some(guard);
            }
            () = server.changed.notified() => {}
        }
    }
}

/// Puts events in the queue of what is to be told; without the stack's clock, at once.
fn put<P: Emulator>(
    server: &EmulatorServer<P>,
    scheduled: &mut Schedule<WebhookEvent>,
    events: Vec<WebhookEvent>,
) {
    let later =
        if server.hooks.sleep_until.is_some() { DELIVERY_DELAY } else { SignedDuration::ZERO };
    for event in events {
        scheduled.insert(event.at.saturating_add(later).unwrap_or(event.at), event);
    }
}

/// Until something is due, or may be. The timer is set by the call, not by the first poll.
fn until<P: Emulator>(
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
        let arrived = deliver(webhook, event, clock()).await;
        if arrived.is_ok_and(|status| (200..300).contains(&status)) {
            break;
        }
        if let Some(pause) = pause {
            tokio::time::sleep(*pause).await;
        }
    }
}
