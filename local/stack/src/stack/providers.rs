//! The look-alikes of the gateway and the carrier, served, and wired to the stack.
//!
//! Kept stacks write down every input of a look-alike before it is answered, one
//! JSON a line, and bring it back from that: what a killed stack had sold is sold.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use emulators::easypost::EasyPostEmulator;
use emulators::emulator::{Emulator, JournalEntry, replay};
use emulators::http::{BusyGuard, Hooks, SharedEmulator, SleepUntil, WebhookEndpoint, serve};
use emulators::stripe::StripeEmulator;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::environment::is_key_of;
use super::{Base, Folder, StartError};
use crate::clock::StackClock;
use crate::counters::{Called, Counters, RECONCILER};
use crate::template::Template;
use crate::urls::Urls;

/// What the gateway's webhooks are signed with.
pub const STRIPE_WEBHOOK_SECRET: &str = "whsec_local";
/// What the carrier's webhooks are signed with.
pub const EASYPOST_WEBHOOK_SECRET: &str = "local-webhook-secret";

/// From which the look-alikes draw their ids.
const SEED: u64 = 1;

/// The two faces, serving.
#[derive(Debug)]
pub(super) struct Providers {
    end: watch::Sender<bool>,
    serving: JoinSet<io::Result<()>>,
}

impl Providers {
    pub(super) fn start(
        gateway: TcpListener,
        carrier: TcpListener,
        base: &Base,
        urls: &Urls,
        template: &Template,
        folder: &Folder,
    ) -> Result<Self, StartError> {
        let mut providers = Self { end: watch::Sender::new(false), serving: JoinSet::new() };
        let webhook = |path: &str, secret: &str| webhook(template, urls, path, secret);
        let stripe = webhook("/webhooks/stripe", STRIPE_WEBHOOK_SECRET)?;
        let easypost = webhook("/webhooks/easypost", EASYPOST_WEBHOOK_SECRET)?;
        let gateway = (StripeEmulator::new(SEED), gateway, Called::Gateway);
        let carrier = (EasyPostEmulator::new(SEED), carrier, Called::Carrier);
        providers.add(gateway, stripe, base, folder)?;
        providers.add(carrier, easypost, base, folder)?;
        Ok(providers)
    }

    fn add<P: Emulator>(
        &mut self,
        (mut model, listener, called): (P, TcpListener, Called),
        webhook: Option<WebhookEndpoint>,
        base: &Base,
        folder: &Folder,
    ) -> Result<(), StartError> {
        let journal = journal(&mut model, folder)?;
        let model = SharedEmulator::new(model);
        count(&base.counters, called, model.clone());
        let clock = base.clock.clone();
        let clock = Arc::new(move || clock.now());
        let hooks = hooks(base, journal, webhook);
        let mut end = self.end.subscribe();
        let end = async move {
            let _ = end.wait_for(|end| *end).await; // Also when the stack is gone.
        };
        self.serving.spawn(serve(listener, model, clock, hooks, end));
        Ok(())
    }

    pub(super) async fn shutdown(mut self) {
        self.end.send_replace(true);
        while let Some(ended) = self.serving.join_next().await {
            if let Ok(Err(error)) = ended {
                tracing::warn!(%error, "a look-alike ended badly");
            }
        }
    }
}

fn hooks(base: &Base, journal: Option<File>, webhook: Option<WebhookEndpoint>) -> Hooks {
    let (clock, lambda) = (base.clock.clone(), Arc::clone(&base.lambda));
    let journal = journal.map(Mutex::new);
    Hooks {
        kill_caller: Arc::new(move |order| lambda.kill_order(order)),
        busy_guard: Arc::new(move || Box::new(clock.busy("a call to a provider"))),
        journal: Arc::new(move |record| {
            if let Some(journal) = &journal {
                write_down(&mut journal.lock().unwrap_or_else(PoisonError::into_inner), record);
            }
        }),
        webhook,
        sleep_until: Some(sleep(base.clock.clone())),
    }
}

/// What is due at a provider by itself is a timer of the stack's clock.
fn sleep(clock: StackClock) -> SleepUntil {
    Arc::new(move |due| {
        let sleep = clock.sleep_until(due);
        Box::pin(async move { Box::new(sleep.await) as BusyGuard })
    })
}

/// What an order's calls come to is asked of the model itself: it knows whose they are,
/// and by their keys which function made them. The reconciler's are not the order's.
fn count<P: Emulator>(counters: &Counters, called: Called, model: SharedEmulator<P>) {
    counters.ask(called, move |order| {
        let calls = model.lock().calls_by_api_key(order);
        calls.iter().filter(|(key, _)| !is_key_of(key, RECONCILER)).map(|(_, calls)| calls).sum()
    });
}

/// Where a provider's events go, if the template has a route for them.
fn webhook(
    template: &Template,
    urls: &Urls,
    path: &str,
    secret: &str,
) -> Result<Option<WebhookEndpoint>, StartError> {
    let routed = template.routes()?.iter().any(|route| route.path == path);
    let webhook =
        || WebhookEndpoint { url: format!("{}{path}", urls.api), secret: secret.to_owned() };
    Ok(routed.then(webhook))
}

fn write_down(journal: &mut File, record: &JournalEntry) {
    let line = serde_json::to_string(record).map_err(io::Error::from);
    if let Err(error) = line.and_then(|line| writeln!(journal, "{line}")) {
        tracing::error!(%error, "a look-alike's journal could not be written");
    }
}

/// A model's journal, where the stack is kept, with the model brought to its end.
fn journal(model: &mut dyn Emulator, folder: &Folder) -> Result<Option<File>, StartError> {
    let Some(path) = folder.kept(&format!("{}.jsonl", model.name())) else { return Ok(None) };
    let reopened = reopen(&path, model).map_err(StartError::io(path.display().to_string()))?;
    Ok(Some(reopened))
}

/// Brings a model to where its journal ends, and opens the journal for more. A last
/// line that is not whole was never answered, and is taken away.
fn reopen(path: &Path, model: &mut dyn Emulator) -> io::Result<File> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let lines = text.get(..whole).unwrap_or_default().lines();
    let records = lines.map(serde_json::from_str).collect::<Result<Vec<JournalEntry>, _>>()?;
    replay(model, records);
    let file = File::options().create(true).append(true).open(path)?;
    file.set_len(u64::try_from(whole).unwrap_or_default())?;
    Ok(file)
}
