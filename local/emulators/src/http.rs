//! An emulator served over HTTP/1.1, injected faults included. Start with [`serve`].
//!
//! Paths under `/_` control the emulator. Every other path goes to the provider's API.
//!
//! | request | response |
//! |---|---|
//! | `GET /_ledger`, `?order=` | the ledger of all orders or of one, with the call counts |
//! | `GET /_faults` | the fault plan, with trigger counts |
//! | `POST /_faults` | adds faults, a list or `{"faults": […]}`; returns the plan |
//! | `PUT /_faults` | replaces the faults; returns the plan |
//! | `DELETE /_faults`, `?order=` | removes all faults, or those of one order; returns the plan |
//! | `POST /_acts` | performs a [`ControlAction`](crate::emulator::ControlAction) |
//!
//! The ledger is `{"provider", "at", "totals", "orders": {<order>: {…}}, "calls": {<point>: n}}`
//! and every object with its history: `intents` and `refunds` for Stripe, `shipments` for EasyPost.
//! Totals are `{"authorized", "captured", "voided", "refunded"}` in minor units, or `{"labels",
//! "labelRefunds"}`. All are cumulative. No route writes the ledger.
//!
//! Faults act on the connection as follows:
//! - `down` resets it (RST), and the call has no effect. A fault can be limited to an order, so the
//!   server reads the request first. The client therefore cannot tell this from a reset after the
//!   effect. An in-process client can
//!   ([`NetworkOutcome::ConnectionRefused`](crate::exchange::NetworkOutcome)).
//! - `hang` keeps it open without a response until the client disconnects.
//! - `late` waits `delayMs` of real time, or until the client disconnects.
//! - `drop-answer` and `kill` close it without a response. `kill` first calls
//!   [`Hooks::kill_caller`].
//!
//! A request with a foreign `Host` or `Origin` is answered with 403 ([`guard`]).
//!
//! One lock serializes all calls in the order of their arrival. The server reads the clock under
//! that lock, so times never go backwards.

mod connection;
mod control;
mod delivery;
pub mod guard;
mod response;

use std::any::Any;
use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

pub use self::delivery::{DeliveryError, deliver};
use crate::emulator::{Emulator, Input, JournalEntry, Outcome, apply};
use crate::webhooks::WebhookEvent;

/// How many batches of events can wait for delivery.
const DELIVERY_QUEUE_CAPACITY: usize = 1_024;

/// An emulator that the server shares with readers of its ledger.
#[derive(Debug)]
pub struct SharedEmulator<P>(Arc<Mutex<P>>);

impl<P> SharedEmulator<P> {
    /// Shares an emulator.
    pub fn new(emulator: P) -> Self {
        Self(Arc::new(Mutex::new(emulator)))
    }

    /// Locks the emulator. Ignores a poisoned lock: no method of an emulator leaves it half
    /// changed.
    pub fn lock(&self) -> MutexGuard<'_, P> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P> Clone for SharedEmulator<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Returns the current time of the stack's clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// While it is held, the stack's clock does not skip ahead.
pub type BusyGuard = Box<dyn Any + Send>;

/// Sleeps until a time of the stack's clock. The returned guard is held until the work that was due
/// is done.
pub type SleepUntil =
    Arc<dyn Fn(Timestamp) -> Pin<Box<dyn Future<Output = BusyGuard> + Send>> + Send + Sync>;

/// Where webhook events are delivered.
#[derive(Clone)]
pub struct WebhookEndpoint {
    /// The URL, such as `http://127.0.0.1:8080/webhooks/stripe`.
    pub url: String,
    /// The signing secret.
    pub secret: String,
}

impl fmt::Debug for WebhookEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookEndpoint").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The server's connections to the stack.
#[derive(Clone)]
pub struct Hooks {
    /// Kills the process that made the call for this order. The order is empty if the call named
    /// none.
    pub kill_caller: Arc<dyn Fn(&str) + Send + Sync>,
    /// Called when a call begins. The guard is held until the call has ended.
    pub busy_guard: Arc<dyn Fn() -> BusyGuard + Send + Sync>,
    /// Receives every input of the emulator, in order, before the response is sent. The server
    /// calls it under the emulator's lock, so it must not lock the emulator.
    pub journal: Arc<dyn Fn(&JournalEntry) + Send + Sync>,
    /// Where events are delivered. If `None`, they stay queued for `Emulator::take_events`.
    pub webhook: Option<WebhookEndpoint>,
    /// Sleeps until the next scheduled change, such as an expired authorization or a final refund.
    /// With it, the stack's clock may skip ahead to that time. Without it, the server polls every
    /// 200 ms of real time. Used only with a webhook; without one, scheduled changes apply at the
    /// next call or ledger read.
    pub sleep_until: Option<SleepUntil>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            kill_caller: Arc::new(|_| {}),
            busy_guard: Arc::new(|| Box::new(())),
            journal: Arc::new(|_| {}),
            webhook: None,
            sleep_until: None,
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("webhook", &self.webhook).finish_non_exhaustive()
    }
}

/// Serves the emulator until `shutdown`, then drops every connection. First ends the calls that a
/// restored emulator still holds in flight, because their connections are gone.
///
/// # Errors
///
/// If the listener is not on the loopback interface (the control routes need no API key), or
/// accepting a connection fails.
pub async fn serve<P: Emulator>(
    listener: TcpListener,
    state: SharedEmulator<P>,
    clock: Clock,
    hooks: Hooks,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    if !listener.local_addr()?.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a provider emulator listens on loopback only",
        ));
    }
    let (send, receive) = mpsc::channel(DELIVERY_QUEUE_CAPACITY);
    let server =
        Arc::new(EmulatorServer { state, clock, hooks, deliveries: send, changed: Notify::new() });
    let interrupted = server.state.lock().in_flight();
    for in_flight in interrupted {
        server.apply(Input::Release(in_flight)).await;
    }
    let mut tasks = JoinSet::new();
    if let Some(webhook) = server.hooks.webhook.clone() {
        tasks.spawn(delivery::run(Arc::clone(&server), webhook, receive));
    }
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tasks.spawn(connection::run(Arc::clone(&server), stream));
                }
                // The client disconnected before the server accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            },
            Some(_) = tasks.join_next() => {}
        }
    }
    tasks.shutdown().await;
    Ok(())
}

struct Delivery {
    events: Vec<WebhookEvent>,
    /// Keeps the stack's clock from skipping past the delivery.
    guard: BusyGuard,
}

struct EmulatorServer<P> {
    state: SharedEmulator<P>,
    clock: Clock,
    hooks: Hooks,
    deliveries: mpsc::Sender<Delivery>,
    /// Notified when a change may be due earlier than before.
    changed: Notify,
}

impl<P: Emulator> EmulatorServer<P> {
    /// Applies one input, journals it, and queues the resulting webhook events.
    async fn apply(&self, input: Input) -> Outcome {
        let (outcome, events) = {
            let mut state = self.state.lock();
            let entry = JournalEntry { at: (self.clock)(), input };
            let outcome = apply(&mut *state, &entry);
            (self.hooks.journal)(&entry);
            let events =
                if self.hooks.webhook.is_some() { state.take_events() } else { Vec::new() };
            (outcome, events)
        };
        self.changed.notify_one();
        if !events.is_empty() {
            // The receiver ends only with the server, and then no event is delivered.
            let _ =
                self.deliveries.send(Delivery { events, guard: (self.hooks.busy_guard)() }).await;
        }
        outcome
    }
}
