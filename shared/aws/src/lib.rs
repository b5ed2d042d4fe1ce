//! The ports of the domain, spoken to the outside.
//!
//! Each module is one neighbour: [`orders`], [`order_queries`], [`inventory`] and
//! [`restock`] the two tables, [`workflow`] Step Functions, [`secrets`] the providers' keys. [`configuration`] is the only place that reads the environment,
//! [`clock`] the only one that reads a clock, [`telemetry`] the only one that
//! writes a log line. [`runtime`] runs a handler; [`clients`] makes the clients.
//!
//! Every adapter is built from a client that is given to it, so that whoever
//! runs the product elsewhere (a simulator, a test) chooses the connector, the
//! clock, the sleep and the ids of the SDK.
//!
//! Where to begin: [`runtime::init`] and [`AwsClients::from_env`] are what each
//! function's `main` calls.

pub mod clients;
pub mod clock;
pub mod configuration;
pub mod emf;
pub mod instrumented;
pub mod inventory;
pub mod ledger;
pub mod metrics;
mod order_item;
pub mod order_queries;
pub mod orders;
pub mod restock;
pub mod runtime;
pub mod secrets;
pub mod telemetry;
pub mod workflow;

pub use clients::AwsClients;
pub use configuration::{InvalidSetting, ProviderSettings, SecretSource, Settings, WebhookSecrets};
pub use inventory::Inventory;
pub use orders::Orders;
pub use workflow::Workflow;
