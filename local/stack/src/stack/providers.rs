//! The Stripe and EasyPost emulators, wired to the stack's clock, counters and workers.
//!
//! A persistent stack appends every input of an emulator to a journal, one JSON object
//! a line, before the emulator answers. The next stack on the same folder replays the
//! journal, so a charge or a label survives `kill -9`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use emulators::easypost::EasyPostEmulator;
use emulators::emulator::{Emulator, JournalEntry, replay};
use emulators::http::{self, Hooks, SharedEmulator, SleepUntil, WebhookEndpoint, serve};
use emulators::stripe::StripeEmulator;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::error::StartError;
use super::secrets::{EASYPOST_WEBHOOK_SECRET, STRIPE_WEBHOOK_SECRET, is_api_key_of};
use super::services::SharedServices;
use super::state_folder::StateFolder;
use crate::clock::StackClock;
use crate::counters::{Counters, Provider, RECONCILER};
use crate::template::Template;
use crate::urls::Urls;

/// The seed of the emulators' ids.
const SEED: u64 = 1;

/// The two running emulators.
#[derive(Debug)]
pub(super) struct Providers {
    stripe: SharedEmulator<StripeEmulator>,
    easypost: SharedEmulator<EasyPostEmulator>,
    stop: watch::Sender<bool>,
    servers: JoinSet<io::Result<()>>,
}

impl Providers {
    pub(super) fn start(
        stripe: TcpListener,
        easypost: TcpListener,
        services: &SharedServices,
        urls: &Urls,
        template: &Template,
        folder: &StateFolder,
    ) -> Result<Self, StartError> {
        let webhook = |path: &str, secret: &str| webhook(template, urls, path, secret);
        let stripe_webhook = webhook("/webhooks/stripe", STRIPE_WEBHOOK_SECRET)?;
        let easypost_webhook = webhook("/webhooks/easypost", EASYPOST_WEBHOOK_SECRET)?;
        let mut providers = Self {
            stripe: SharedEmulator::new(StripeEmulator::new(SEED)),
            easypost: SharedEmulator::new(EasyPostEmulator::new(SEED)),
            stop: watch::Sender::new(false),
            servers: JoinSet::new(),
        };
        let stripe = (providers.stripe.clone(), stripe, Provider::Payment);
        let easypost = (providers.easypost.clone(), easypost, Provider::Shipping);
        providers.add(stripe, stripe_webhook, services, folder)?;
        providers.add(easypost, easypost_webhook, services, folder)?;
        Ok(providers)
    }

    /// The emulators, for readers of their ledgers and fault plans.
    pub(super) fn emulators(
        &self,
    ) -> (SharedEmulator<StripeEmulator>, SharedEmulator<EasyPostEmulator>) {
        (self.stripe.clone(), self.easypost.clone())
    }

    fn add<P: Emulator>(
        &mut self,
        (emulator, listener, provider): (SharedEmulator<P>, TcpListener, Provider),
        webhook: Option<WebhookEndpoint>,
        services: &SharedServices,
        folder: &StateFolder,
    ) -> Result<(), StartError> {
        let journal = open_journal(&mut *emulator.lock(), folder)?;
        count_calls(&services.counters, provider, emulator.clone());
        let clock = services.clock.clone();
        let clock = Arc::new(move || clock.now());
        let hooks = hooks(services, journal, webhook);
        let mut stop = self.stop.subscribe();
        let stopped = async move {
            let _ = stop.wait_for(|stop| *stop).await; // Also ends when the sender is dropped.
        };
        self.servers.spawn(serve(listener, emulator, clock, hooks, stopped));
        Ok(())
    }

    pub(super) async fn shutdown(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.servers.join_next().await {
            if let Ok(Err(error)) = ended {
                tracing::warn!(%error, "a provider emulator stopped with an error");
            }
        }
    }
}

fn hooks(
    services: &SharedServices,
    journal: Option<File>,
    webhook: Option<WebhookEndpoint>,
) -> Hooks {
    let (clock, lambda) = (services.clock.clone(), Arc::clone(&services.lambda));
    let journal = journal.map(Mutex::new);
    Hooks {
        kill_caller: Arc::new(move |order| lambda.kill_worker_for_order(order)),
        busy_guard: Arc::new(move || Box::new(clock.busy("a call to a provider"))),
        journal: Arc::new(move |entry| {
            if let Some(journal) = &journal {
                append(&mut journal.lock().unwrap_or_else(PoisonError::into_inner), entry);
            }
        }),
        webhook,
        sleep_until: Some(sleep(services.clock.clone())),
    }
}

/// The emulators' own timers run on the stack's clock.
fn sleep(clock: StackClock) -> SleepUntil {
    Arc::new(move |due| {
        let sleep = clock.sleep_until(due);
        Box::pin(async move { Box::new(sleep.await) as http::BusyGuard })
    })
}

/// Counts the calls to a provider from the emulator's own record. The API key of a call
/// names the function that made it; the reconciler's calls count for no order.
fn count_calls<P: Emulator>(counters: &Counters, provider: Provider, emulator: SharedEmulator<P>) {
    counters.count_calls_with(provider, move |order| {
        let calls = emulator.lock().calls_by_api_key(order);
        calls
            .iter()
            .filter(|(key, _)| !is_api_key_of(key, RECONCILER))
            .map(|(_, calls)| calls)
            .sum()
    });
}

/// The endpoint of a provider's webhooks, if the template has a route for them.
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

fn append(journal: &mut File, entry: &JournalEntry) {
    let line = serde_json::to_string(entry).map_err(io::Error::from);
    if let Err(error) = line.and_then(|line| writeln!(journal, "{line}")) {
        tracing::error!(%error, "the journal of a provider emulator could not be written");
    }
}

/// Replays an emulator's journal and opens it. A temporary stack has none.
fn open_journal(
    emulator: &mut dyn Emulator,
    folder: &StateFolder,
) -> Result<Option<File>, StartError> {
    let Some(path) = folder.persistent_path(&format!("{}.jsonl", emulator.name())) else {
        return Ok(None);
    };
    let reopened = reopen(&path, emulator).map_err(StartError::io(path.display().to_string()))?;
    Ok(Some(reopened))
}

/// Replays the journal and opens it for appending. An incomplete last line belongs to a
/// call that was never answered, and is removed.
fn reopen(path: &Path, emulator: &mut dyn Emulator) -> io::Result<File> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let complete = text.rfind('\n').map_or(0, |end| end + 1);
    let lines = text.get(..complete).unwrap_or_default().lines();
    let entries = lines.map(serde_json::from_str).collect::<Result<Vec<JournalEntry>, _>>()?;
    replay(emulator, entries);
    let file = File::options().create(true).append(true).open(path)?;
    file.set_len(u64::try_from(complete).unwrap_or_default())?;
    Ok(file)
}
