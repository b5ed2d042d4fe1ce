//! Events, delivered to the product's webhooks: signed, one after the other, at least once.
//!
//! A delivery that is not answered with 2xx is tried again twice, a second and two seconds of
//! real time later, and then given up: a webhook is a hint, and the product must do without.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use url::Url;

use super::{Clock, Delivery, Face, Guard, Webhook};
use crate::provider::Provider;
use crate::webhooks::Event;

/// How long a delivery may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before each further attempt.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];
/// How often to look for what happened while nobody called.
const GLANCE: Duration = Duration::from_millis(200);

/// Why an event did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The address is no `http://host:port/path`.
    #[error("the webhook's URL must be http://host:port/path")]
    Url,
    /// Nobody listens, or the connection broke.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// No answer in time.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    TooSlow,
}

/// Delivers one event, once, signed at the clock's time; returns the status of the answer.
pub async fn deliver(
    webhook: &Webhook,
    event: &Event,
    at: Timestamp,
) -> Result<u16, DeliveryError> {
    match tokio::time::timeout(PATIENCE, post(webhook, event, at)).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(DeliveryError::TooSlow),
    }
}

async fn post(webhook: &Webhook, event: &Event, at: Timestamp) -> Result<u16, DeliveryError> {
    let url = Url::parse(&webhook.url)
        .ok()
        .filter(|url| url.scheme() == "http")
        .ok_or(DeliveryError::Url)?;
    let host = url.host_str().ok_or(DeliveryError::Url)?;
    let port = url.port_or_known_default().ok_or(DeliveryError::Url)?;
    let mut request = Request::post(url.path()).header("host", format!("{host}:{port}"));
    for (name, value) in event.headers(&webhook.secret, at) {
        request = request.header(name, value);
    }
    let request =
        request.body(Full::<Bytes>::from(event.body.clone())).ok().ok_or(DeliveryError::Url)?;
    let broken = |wrong: &dyn std::error::Error| DeliveryError::Connection(wrong.to_string());
    let stream = TcpStream::connect((host, port)).await.map_err(|wrong| broken(&wrong))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|wrong| broken(&wrong))?;
    let mut background = JoinSet::new();
    background.spawn(connection);
    let answer = sender.send_request(request).await.map_err(|wrong| broken(&wrong))?;
    let status = answer.status().as_u16();
    // Whether the rest of the answer comes changes nothing.
    let _ = answer.into_body().collect().await;
    Ok(status)
}

/// Delivers what calls left behind, and what happened while nobody called.
pub(super) async fn run<P: Provider>(
    face: Arc<Face<P>>,
    webhook: Webhook,
    mut waiting: mpsc::Receiver<Delivery>,
) {
    loop {
        let due = face.state.lock().next_due();
        tokio::select! {
            Some(Delivery { events, guard }) = waiting.recv() => {
                deliver_all(&face.clock, &webhook, &events).await;
                drop(guard);
            }
            guard = until(&face, due) => {
                let events = {
                    let mut state = face.state.lock();
                    state.advance((face.clock)());
                    state.take_events()
                };
                deliver_all(&face.clock, &webhook, &events).await;
                drop(guard);
            }
            () = face.changed.notified() => {}
        }
    }
}

/// Until something is due, or may be.
async fn until<P: Provider>(face: &Face<P>, due: Option<Timestamp>) -> Guard {
    match (&face.hooks.sleep_until, due) {
        (Some(sleep), Some(due)) => sleep(due).await,
        (Some(_), None) => std::future::pending().await,
        (None, _) => {
            tokio::time::sleep(GLANCE).await;
            (face.hooks.busy)()
        }
    }
}

async fn deliver_all(clock: &Clock, webhook: &Webhook, events: &[Event]) {
    for event in events {
        for pause in AGAIN_AFTER.iter().map(Some).chain([None]) {
            let arrived = deliver(webhook, event, clock()).await;
            if arrived.is_ok_and(|status| (200..300).contains(&status)) {
                break;
            }
            if let Some(pause) = pause {
                tokio::time::sleep(*pause).await;
            }
        }
    }
}
