//! The ports of the domain, spoken to the outside.
//!
//! Each module is one neighbour: [`orders`], [`listing`], [`inventory`] and
//! [`restock`] the two tables, [`workflow`] Step Functions, [`secrets`] the providers' keys. [`configuration`] is the only place that reads the environment,
//! [`clock`] the only one that reads a clock, [`telemetry`] the only one that
//! writes a log line. [`lambda`] runs a handler; [`aws`] makes the clients.
//!
//! Every adapter is built from a client that is given to it, so that whoever
//! runs the product elsewhere (a simulator, a test) chooses the connector, the
//! clock, the sleep and the ids of the SDK.
//!
//! Where to begin: [`lambda::begin`] and [`aws::Aws::connect`] are what each
//! function's `main` calls.

pub mod aws;
pub mod books;
pub mod clock;
pub mod configuration;
pub mod inventory;
mod item;
pub mod lambda;
pub mod listing;
pub mod measures;
pub mod metered;
pub mod metrics;
pub mod orders;
pub mod restock;
pub mod secrets;
pub mod telemetry;
pub mod workflow;

pub use aws::Aws;
pub use configuration::{BadSetting, Provider, ProviderMode, Secret, Settings, WebhookSecrets};
pub use inventory::Inventory;
pub use orders::Orders;
pub use workflow::Workflow;
