//! One local stack: all services that orders need, started and stopped together.
//!
//! [`Stack::start`] opens the state folder and the four ports, then starts the clock,
//! the Lambda host, DynamoDB, the provider emulators, Step Functions with the state
//! machine that ships, the AWS endpoint, the HTTP API, and last the schedules and
//! event rules. [`Stack::shutdown`] stops them all. When it returns, no process and no
//! temporary file is left.
//!
//! A persistent stack survives `kill -9`: its folder holds the tables, the executions,
//! the journals of the emulators, the faults that are armed, and how far the clock runs
//! ahead of wall time.

mod clock_lead;
mod environment;
mod error;
mod listeners;
mod permissions;
mod providers;
mod secrets;
mod services;
mod settings;
mod state_folder;
mod workflow;

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::broadcast;

use crate::api_gateway::ApiGateway;
use crate::aws::Endpoint;
use crate::aws::error::AwsError;
use crate::clock::StackClock;
use crate::counters::Counters;
use crate::dynamodb::{DynamoDb, OrderWrite};
use crate::eventbridge::EventBridge;
use crate::faults::Faults;
use crate::functions::read_template;
use crate::iam::Permissions;
use crate::lambda::{HostSettings, LambdaHost};
use crate::panel::Panel;
use crate::secretsmanager::SecretsManager;
use crate::stack_handle::StackHandle;
use crate::state_file::StateFile;
use crate::stepfunctions::StepFunctions;
use crate::urls::Urls;
use clock_lead::ClockLeadWriter;
use listeners::Listeners;
use providers::Providers;
use services::SharedServices;
use state_folder::StateFolder;

pub use error::StartError;
pub use listeners::{PortError, Ports};
pub use secrets::{EASYPOST_WEBHOOK_SECRET, STRIPE_WEBHOOK_SECRET};
pub use settings::Settings;
pub use state_folder::FolderError;

/// A running stack.
#[derive(Debug)]
pub struct Stack {
    handle: StackHandle,
    services: SharedServices,
    providers: Providers,
    endpoint: Endpoint,
    api: ApiGateway,
    eventbridge: EventBridge,
    clock_lead: Option<ClockLeadWriter>,
    folder: StateFolder,
}

impl Stack {
    /// Starts all services.
    ///
    /// # Errors
    /// When a service does not start, or when Ctrl-C or SIGTERM arrives first.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        tokio::select! {
            started = Self::start_all(settings) => started,
            () = interrupted() => Err(StartError::Interrupted),
        }
    }

    async fn start_all(settings: Settings) -> Result<Self, StartError> {
        let folder = StateFolder::open(&settings.state)?;
        let listeners = Listeners::open(settings.ports).await?;
        let urls = listeners.urls();
        let template = read_template(&settings.root)?;
        let (clock, clock_lead) = clock_lead::clock(settings.clock, &folder)?;
        let (counters, faults) = (Counters::new(), Faults::new());
        let functions =
            environment::functions(&template, &settings.binaries, settings.max_age, &urls)?;
        let log_file = Some(folder.path("functions.log"));
        let host = HostSettings { functions, log_file, ..HostSettings::default() };
        let lambda = LambdaHost::start(host, clock.clone(), counters.clone(), faults.clone())
            .map_err(StartError::io("the Lambda host"))?;
        let permissions = permissions::of(&template, settings.enforces_policies)?;
        let services = SharedServices { clock, counters, faults, lambda, permissions };
        let dynamodb = services.dynamodb(&template, &folder).await?;
        let Listeners { api, aws, stripe, easypost } = listeners;
        let providers = Providers::start(stripe, easypost, &services, &urls, &template, &folder)?;
        let step_functions = services.step_functions(&dynamodb, &folder).await?;
        workflow::install(&step_functions, &template, &settings.root).await?;
        let secrets = services.secrets(&template, &folder)?;
        let endpoint = services.aws_endpoint(aws, &dynamodb, &step_functions, &secrets)?;
        let handle = services.handle(urls, dynamodb, step_functions, secrets);
        let (stripe, easypost) = providers.emulators();
        let root = settings.root.clone();
        let kept = folder.persistent_path("panel.json").map(StateFile::new);
        let panel = Panel::start(handle.clone(), stripe, easypost, root, kept)
            .map_err(StartError::io("the panel"))?;
        let api = services.api_gateway(api, &template, &settings.root, panel)?;
        let eventbridge = services.eventbridge(&template, &handle)?;
        Ok(Self { handle, services, providers, endpoint, api, eventbridge, clock_lead, folder })
    }

    /// The running services, for observers of orders.
    pub fn handle(&self) -> &StackHandle {
        &self.handle
    }

    /// The base URLs of all servers.
    pub fn urls(&self) -> Urls {
        self.handle.urls()
    }

    /// The stack's clock.
    pub fn clock(&self) -> &StackClock {
        self.handle.clock()
    }

    /// The counts of what each order has cost.
    pub fn counters(&self) -> &Counters {
        &self.services.counters
    }

    /// The fault plan for the stack's own services.
    pub fn faults(&self) -> &Faults {
        self.handle.faults()
    }

    /// The Lambda host.
    pub fn lambda(&self) -> &Arc<LambdaHost> {
        &self.services.lambda
    }

    /// The tables.
    pub fn dynamodb(&self) -> &Arc<DynamoDb> {
        self.handle.dynamodb()
    }

    /// The secrets.
    pub fn secrets(&self) -> &SecretsManager {
        self.handle.secrets()
    }

    /// What the functions and the state machine may call, if the stack enforces it.
    pub fn permissions(&self) -> Option<&Permissions> {
        self.services.permissions.as_deref()
    }

    /// The executions.
    pub fn step_functions(&self) -> &StepFunctions {
        self.handle.step_functions()
    }

    /// Subscribes to all later writes of orders; see [`StackHandle::order_writes`].
    pub fn order_writes(&self) -> broadcast::Receiver<OrderWrite> {
        self.handle.order_writes()
    }

    /// The folder with the persistent state and the log of the functions.
    pub fn folder(&self) -> &Path {
        self.folder.root()
    }

    /// The item with this key in DynamoDB's JSON, or null.
    ///
    /// # Errors
    /// When DynamoDB rejects the read, for example because there is no such table.
    pub async fn item(&self, table: &str, key: &Value) -> Result<Value, AwsError> {
        self.handle.item(table, key).await
    }

    /// All items of a table in DynamoDB's JSON.
    ///
    /// # Errors
    /// When DynamoDB rejects the scan, for example because there is no such table.
    pub async fn items(&self, table: &str) -> Result<Vec<Value>, AwsError> {
        self.handle.items(table).await
    }

    /// Stops everything: first the servers, then the worker processes, then the
    /// providers. Work in progress stops as `kill -9` would stop it; a stack that
    /// starts on the same folder continues it.
    pub async fn shutdown(self) {
        let Self {
            api,
            eventbridge,
            endpoint,
            handle,
            services,
            providers,
            clock_lead,
            folder,
            ..
        } = self;
        drop((api, eventbridge, endpoint));
        // Step Functions stops before the workers, or it would record their deaths as
        // failures of its tasks.
        handle.step_functions().halt().await;
        services.lambda.shutdown().await;
        providers.shutdown().await;
        drop(clock_lead);
        folder.close();
    }
}

/// Waits for Ctrl-C or SIGTERM.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate)] = signals else {
        // Without handlers, the signal itself ends the program.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => (),
        _ = terminate.recv() => (),
    }
}
