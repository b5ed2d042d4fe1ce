//! One local stack: everything that is needed to run orders, started and ended
//! together.
//!
//! [`Stack::start`] brings up, in this order: the state's folder, the four ports,
//! the clock, the Lambda host, the tables, the look-alikes, Step Functions with the
//! state machine that ships, the AWS endpoint, the API, and last what invokes functions
//! by itself, schedules and rules over events. [`Stack::shutdown`] ends them and
//! returns when no process and no temporary file is left.
//!
//! What is kept in the folder is enough to go on after `kill -9`: the tables, the
//! executions, the look-alikes' journals, and how far the clock was ahead.

mod ahead;
mod environment;
mod folder;
mod listeners;
mod providers;
mod workflow;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::api_front::ApiFront;
use crate::aws::{AwsError, Endpoint, Services, StatesApi};
use crate::clock::{ClockSettings, StackClock};
use crate::counters::Counters;
use crate::dynamodb::{self, Caller, DynamoDb, OrderWritten, Store};
use crate::events::{self, Events};
use crate::faults::Faults;
use crate::functions::{Binaries, BuildError, read_template};
use crate::lambda::{HostSettings, LambdaHost};
use crate::stepfunctions::{self, Place, StepFunctions, StoreError};
use crate::template::{Template, TemplateError};
use crate::urls::Urls;
use ahead::Ahead;
use folder::Folder;
use listeners::Listeners;
use providers::Providers;

pub use folder::FolderError;
pub use listeners::{PortError, Ports};
pub use providers::{EASYPOST_WEBHOOK_SECRET, STRIPE_WEBHOOK_SECRET};

/// What stack to start.
#[derive(Debug, Clone)]
pub struct Settings {
    root: PathBuf,
    binaries: Binaries,
    ports: Ports,
    clock: ClockSettings,
    state: State,
}

/// Where the state is kept.
#[derive(Debug, Clone)]
enum State {
    /// Nowhere; a temporary folder holds the log.
    Temporary,
    /// In this folder; `fresh` empties it first.
    Kept { folder: PathBuf, fresh: bool },
}

impl Settings {
    /// A stack that keeps nothing, on free ports, with a clock that leaps.
    pub fn fresh(root: &Path, binaries: Binaries) -> Self {
        let clock = ClockSettings { skip: true, ..ClockSettings::default() };
        let (root, ports) = (root.to_owned(), Ports::default());
        Self { root, binaries, ports, clock, state: State::Temporary }
    }

    /// A stack that goes on where the last one in this folder ended.
    pub fn kept(
        root: &Path,
        binaries: Binaries,
        ports: Ports,
        clock: ClockSettings,
        folder: PathBuf,
        fresh: bool,
    ) -> Self {
        let state = State::Kept { folder, fresh };
        Self { root: root.to_owned(), binaries, ports, clock, state }
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: ClockSettings) -> Self {
        self.clock = clock;
        self
    }
}

/// Why a stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder of the state.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A port.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The template, or a file that it names.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The template's content.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A function of the template was not built.
    #[error("there is no program for the function {0}")]
    NoBinary(String),
    /// The template keeps a secret that the stack has no test value for.
    #[error("the local stack has no test key for {0}, which template.yaml gives by its ARN")]
    NoTestKey(String),
    /// The tables or Step Functions refused what they were told.
    #[error("{what}: {source}")]
    Refused {
        /// What was being done.
        what: String,
        /// Their answer.
        source: AwsError,
    },
    /// The store of executions.
    #[error(transparent)]
    Executions(#[from] StoreError),
    /// A socket or a file.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it did not work.
        source: std::io::Error,
    },
    /// Ctrl-C or SIGTERM came first.
    #[error("interrupted while starting")]
    Interrupted,
}

impl StartError {
    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    fn refused(what: impl Into<String>) -> impl FnOnce(AwsError) -> Self {
        let what = what.into();
        move |source| Self::Refused { what, source }
    }
}

/// A running stack.
#[derive(Debug)]
pub struct Stack {
    urls: Urls,
    base: Base,
    dynamodb: Arc<DynamoDb>,
    step_functions: StepFunctions,
    providers: Providers,
    endpoint: Endpoint,
    api: ApiFront,
    events: Events,
    ahead: Option<Ahead>,
    folder: Folder,
}

impl Stack {
    /// Starts everything, unless Ctrl-C or SIGTERM comes first.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        tokio::select! {
            started = Self::bring_up(settings) => started,
            () = interrupted() => Err(StartError::Interrupted),
        }
    }

    async fn bring_up(settings: Settings) -> Result<Self, StartError> {
        let folder = Folder::open(&settings.state)?;
        let listeners = Listeners::open(settings.ports).await?;
        let urls = listeners.urls();
        let template = read_template(&settings.root)?;
        let (clock, ahead) = ahead::clock(settings.clock, &folder)?;
        let (counters, faults) = (Counters::new(), Faults::new());
        let functions = environment::functions(&template, &settings.binaries, &urls)?;
        let host = HostSettings { functions, log_file: Some(folder.path("functions.log")) };
        let lambda = LambdaHost::start(host, clock.clone(), counters.clone(), faults.clone())
            .await
            .map_err(StartError::io("the Lambda host"))?;
        let base = Base { clock, counters, faults, lambda };
        let dynamodb = base.tables(&template, &folder).await?;
        let Listeners { api, aws, gateway, carrier } = listeners;
        let providers = Providers::start(gateway, carrier, &base, &urls, &template, &folder)?;
        let step_functions = base.step_functions(&dynamodb, &folder).await?;
        workflow::install(&step_functions, &template, &settings.root).await?;
        let endpoint = base.endpoint(aws, &dynamodb, &step_functions)?;
        let api = base.api(api, &template)?;
        let events = base.events(&template, &dynamodb, &step_functions)?;
        Ok(Self {
            urls,
            base,
            dynamodb,
            step_functions,
            providers,
            endpoint,
            api,
            events,
            ahead,
            folder,
        })
    }

    /// Where everything answers.
    pub fn urls(&self) -> Urls {
        self.urls.clone()
    }

    /// The stack's clock.
    pub fn clock(&self) -> &StackClock {
        &self.base.clock
    }

    /// What each order has cost.
    pub fn counters(&self) -> &Counters {
        &self.base.counters
    }

    /// The plan of the stack's own faults.
    pub fn faults(&self) -> &Faults {
        &self.base.faults
    }

    /// The functions.
    pub fn lambda(&self) -> &Arc<LambdaHost> {
        &self.base.lambda
    }

    /// The tables.
    pub fn dynamodb(&self) -> &Arc<DynamoDb> {
        &self.dynamodb
    }

    /// The executions.
    pub fn step_functions(&self) -> &StepFunctions {
        &self.step_functions
    }

    /// Every write of an order from now on, as it happens: whoever is told can act at
    /// that very moment, because with `--skip` the clock stands while the guard in
    /// the message is held. A watcher that lags far behind misses some.
    pub fn order_writes(&self) -> broadcast::Receiver<OrderWritten> {
        self.dynamodb.order_writes()
    }

    /// Where it writes: the state it keeps, and what the functions print.
    pub fn folder(&self) -> &Path {
        self.folder.root()
    }

    /// The item of this key, in DynamoDB's JSON; null when there is none.
    pub async fn row(&self, table: &str, key: &Value) -> Result<Value, AwsError> {
        let mut answer =
            self.dynamodb.look("GetItem", json!({"TableName": table, "Key": key})).await?;
        Ok(answer["Item"].take())
    }

    /// All items of a table, in DynamoDB's JSON.
    pub async fn rows(&self, table: &str) -> Result<Vec<Value>, AwsError> {
        let mut rows = Vec::new();
        let mut scan = json!({ "TableName": table });
        loop {
            let mut page = self.dynamodb.call("Scan", &scan, Caller::Other).await?;
            if let Value::Array(items) = page["Items"].take() {
                rows.extend(items);
            }
            match page["LastEvaluatedKey"].take() {
                Value::Null => return Ok(rows),
                last => scan["ExclusiveStartKey"] = last,
            }
        }
    }

    /// Ends everything: first what takes requests, then the processes, then what
    /// they called. Work under way is left as `kill -9` would leave it, and goes on
    /// when a stack is started on the same folder.
    pub async fn shutdown(self) {
        let Self { api, events, endpoint, step_functions, base, providers, ahead, folder, .. } =
            self;
        drop((api, events, endpoint));
        // Before the processes, whose deaths it would take for failures of its tasks.
        step_functions.halt().await;
        base.lambda.shutdown().await;
        providers.shutdown().await;
        drop(ahead);
        folder.close();
    }
}

/// What the services stand on.
#[derive(Debug)]
struct Base {
    clock: StackClock,
    counters: Counters,
    faults: Faults,
    lambda: Arc<LambdaHost>,
}

impl Base {
    async fn tables(
        &self,
        template: &Template,
        folder: &Folder,
    ) -> Result<Arc<DynamoDb>, StartError> {
        let deps = dynamodb::Deps {
            clock: self.clock.clone(),
            counters: self.counters.clone(),
            faults: self.faults.clone(),
            functions: Some(Arc::clone(&self.lambda)),
        };
        let file = folder.kept("tables.sqlite");
        let store = file.as_deref().map_or(Store::Memory, Store::File);
        let tables = DynamoDb::open(store, deps).map_err(StartError::refused("the tables"))?;
        for definition in template.tables() {
            let what = format!("the table {}", definition["TableName"]);
            tables.create_table(&definition).await.map_err(StartError::refused(what))?;
        }
        Ok(Arc::new(tables))
    }

    async fn step_functions(
        &self,
        dynamodb: &Arc<DynamoDb>,
        folder: &Folder,
    ) -> Result<StepFunctions, StartError> {
        let deps = stepfunctions::Deps {
            clock: self.clock.clone(),
            lambda: Arc::clone(&self.lambda) as _,
            dynamodb: Arc::clone(dynamodb),
            store: folder.kept("executions.sqlite").map_or(Place::Memory, Place::File),
            counters: self.counters.clone(),
            faults: self.faults.clone(),
        };
        Ok(StepFunctions::start(deps).await?)
    }

    fn events(
        &self,
        template: &Template,
        dynamodb: &Arc<DynamoDb>,
        step_functions: &StepFunctions,
    ) -> Result<Events, StartError> {
        let deps = events::Deps {
            clock: self.clock.clone(),
            target: Arc::clone(&self.lambda) as _,
            dynamodb: Arc::clone(dynamodb),
            step_functions: step_functions.clone(),
            faults: self.faults.clone(),
        };
        Ok(Events::start(template, &deps)?)
    }

    fn endpoint(
        &self,
        listener: tokio::net::TcpListener,
        dynamodb: &Arc<DynamoDb>,
        step_functions: &StepFunctions,
    ) -> Result<Endpoint, StartError> {
        let states = step_functions.clone();
        let states: StatesApi = Arc::new(move |operation, body, signer| {
            let states = states.clone();
            Box::pin(async move { states.serve(&operation, body, signer.process()).await })
        });
        let services = Services {
            lambda: Arc::clone(&self.lambda),
            dynamodb: Arc::clone(dynamodb),
            states,
            clock: self.clock.clone(),
            faults: self.faults.clone(),
        };
        Endpoint::start(listener, services).map_err(StartError::io("the AWS endpoint"))
    }

    fn api(
        &self,
        listener: tokio::net::TcpListener,
        template: &Template,
    ) -> Result<ApiFront, StartError> {
        let (lambda, clock) = (Arc::clone(&self.lambda), self.clock.clone());
        ApiFront::start(listener, template.routes()?, lambda, clock)
            .map_err(StartError::io("the API"))
    }
}

/// Waits for Ctrl-C or SIGTERM.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate)] = signals else {
        // Then the signal itself ends the program.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => (),
        _ = terminate.recv() => (),
    }
}
