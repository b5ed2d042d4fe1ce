//! A model served over HTTP/1.1, misbehaviour included.
//!
//! Under `/_` is what the stack and its user ask for, everything else goes to the model:
//!
//! | request | answer |
//! |---|---|
//! | `GET /_ledger`, `?order=` | the book, of all orders or of one, with the calls that were counted |
//! | `GET /_faults` | the plan, with how often each fault was met |
//! | `POST /_faults` | adds faults: a list, or `{"faults": […]}`; answers with the plan |
//! | `PUT /_faults` | the same, in place of those that were there |
//! | `DELETE /_faults` | takes all faults away |
//! | `POST /_acts` | what happens in the world: an [`ControlAction`](crate::emulator::ControlAction) |
//!
//! The book is `{"provider", "at", "totals", "orders": {<order>: {…}}, "calls": {<point>: n}}`
//! and every object with its history: the gateway's `intents` and `refunds`, the carrier's
//! `shipments`. Totals are `{"authorized", "captured", "voided", "refunded"}` in minor units,
//! or `{"labels", "labelRefunds"}`; all are cumulative. No route writes it.
//!
//! What a fault does to the connection:
//! - `down` resets it (RST) instead of answering, and nothing of the call was processed. A
//!   plan is for an order, and the order is in the request, so the request is read first: the
//!   client sees a connection error, but cannot tell it from one that came after the effect. A
//!   carrier of calls in one process can ([`NetworkOutcome::ConnectionRefused`](crate::exchange::NetworkOutcome)).
//! - `hang` keeps it open and says nothing until the client has gone.
//! - `late` waits `delayMs` of real time, or until the client has gone.
//! - `drop-answer` and `kill` close it without an answer; `kill` asks the hook first.
//!
//! All calls go through one lock, in the order in which they came; the clock is asked inside
//! it, so times never go backwards.

mod connection;
mod control;
mod delivery;
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

/// How many deliveries may wait for the one before them.
const MAX_QUEUED_DELIVERIES: usize = 1_024;

/// A model that the face shares with whoever reads its ledger.
#[derive(Debug)]
pub struct SharedEmulator<P>(Arc<Mutex<P>>);

impl<P> SharedEmulator<P> {
    /// Shares a model.
    pub fn new(provider: P) -> Self {
        Self(Arc::new(Mutex::new(provider)))
    }

    /// The model, for as long as the guard is held. A holder that panicked has left it whole:
    /// no method of a model calls out.
    pub fn lock(&self) -> MutexGuard<'_, P> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P> Clone for SharedEmulator<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Tells the time, on the stack's clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Something that is held while a call or a delivery is in progress.
pub type BusyGuard = Box<dyn Any + Send>;

/// Waits until a time on the stack's clock, and returns what is held until the work that was
/// due then is done.
pub type SleepUntil =
    Arc<dyn Fn(Timestamp) -> Pin<Box<dyn Future<Output = BusyGuard> + Send>> + Send + Sync>;

/// Where events are delivered to.
#[derive(Clone)]
pub struct WebhookEndpoint {
    /// `http://127.0.0.1:8080/webhooks/stripe`.
    pub url: String,
    /// What they are signed with.
    pub secret: String,
}

impl fmt::Debug for WebhookEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What the face asks of the stack around it.
#[derive(Clone)]
pub struct Hooks {
    /// Kills the process that called for this order; empty where the call named none.
    pub kill_caller: Arc<dyn Fn(&str) + Send + Sync>,
    /// Called when a call begins; what it returns is held until the call has ended.
    pub busy_guard: Arc<dyn Fn() -> BusyGuard + Send + Sync>,
    /// Gets every input of the model, in order, before it is answered: the journal. It is
    /// called under the model's lock, so it must not ask for the model.
    pub journal: Arc<dyn Fn(&JournalEntry) + Send + Sync>,
    /// Where events go; without it they wait for `Emulator::take_events`.
    pub webhook: Option<WebhookEndpoint>,
    /// Wakes the delivery of what happens by itself (a lapse, a refund that becomes final). With
    /// it, such a time is a timer of the stack's clock, which may leap to it; without it, the
    /// face looks every 200 ms of real time whether one has passed. Only asked with a webhook:
    /// without one, what was due happens at the next call or look at the ledger.
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

/// Serves the model until `shutdown`; then every connection is dropped. Calls that a replayed
/// model still holds in flight are ended first: their connections are long gone.
///
/// The listener must be on the loopback interface: the control routes ask for no secret.
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
            "a look-alike listens on loopback only",
        ));
    }
    let (send, receive) = mpsc::channel(MAX_QUEUED_DELIVERIES);
    let server =
        Arc::new(EmulatorServer { state, clock, hooks, deliveries: send, changed: Notify::new() });
    let left_behind = server.state.lock().in_flight();
    for in_flight in left_behind {
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
                // The client went away between its knock and our opening.
                Err(gone) if gone.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(broken) => return Err(broken),
            },
            Some(_) = tasks.join_next() => {}
        }
    }
    tasks.shutdown().await;
    Ok(())
}

struct Delivery {
    events: Vec<WebhookEvent>,
    /// Keeps the stack's clock from leaping over the delivery.
    guard: BusyGuard,
}

struct EmulatorServer<P> {
    state: SharedEmulator<P>,
    clock: Clock,
    hooks: Hooks,
    deliveries: mpsc::Sender<Delivery>,
    /// Something may be due earlier than before.
    changed: Notify,
}

impl<P: Emulator> EmulatorServer<P> {
    /// Gives the model one input, writes it down, and sends off what there is to tell.
    async fn apply(&self, input: Input) -> Outcome {
        let (came, events) = {
            let mut state = self.state.lock();
            let record = JournalEntry { at: (self.clock)(), input };
            let came = apply(&mut *state, &record);
            (self.hooks.journal)(&record);
            let events =
                if self.hooks.webhook.is_some() { state.take_events() } else { Vec::new() };
            (came, events)
        };
        self.changed.notify_one();
        if !events.is_empty() {
            // The deliverer ends only with the face itself, and then nothing is to be told.
            let _ =
                self.deliveries.send(Delivery { events, guard: (self.hooks.busy_guard)() }).await;
        }
        came
    }
}
