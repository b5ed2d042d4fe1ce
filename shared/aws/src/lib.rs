//! Adapters for AWS: the ports of `domain` on `DynamoDB` and Step Functions, and the
//! services that every function needs around them.
//!
//! - [`Orders`] ([`orders`], [`order_queries`], `order_counts`) and [`Inventory`] ([`reservations`],
//!   [`catalog`], [`stock_changes`]) are two tables; [`ledger`] scans both. [`RecentOrders`]
//!   is the table for the limits per customer.
//! - [`Workflow`] is the state machine.
//! - [`live`] is what a deployment may change while a function runs: settings, keys and
//!   secrets, through the one cache of [`secrets`].
//! - [`configuration`] is the only module that reads the environment, [`clock`] the only
//!   one that reads a clock, [`telemetry`] the only one that writes log lines.
//!
//! Each adapter takes its SDK client as an argument, so a test or the local stack can
//! choose the HTTP connector, the credentials and the retry policy.
//!
//! Start at [`runtime::init`] and [`AwsClients::from_env`], which each function's `main`
//! calls.

mod attributes;
mod backoff;
mod batch_get;
pub mod catalog;
pub mod clients;
pub mod clock;
pub mod configuration;
mod emf;
mod execution_history;
pub mod instrumented;
pub mod inventory;
mod lease;
pub mod ledger;
pub mod live;
pub mod metrics;
mod order_counts;
mod order_item;
pub mod order_metrics;
pub mod order_queries;
pub mod orders;
pub mod product_audit;
pub mod recent_orders;
pub mod reservations;
pub mod runtime;
mod scan;
pub mod secrets;
mod service_error;
pub mod stock_changes;
pub mod telemetry;
mod unresolved_calls;
pub mod workflow;

pub use clients::AwsClients;
pub use configuration::{InvalidSetting, ProviderSettings, SecretSource, Settings, WebhookSecrets};
pub use inventory::Inventory;
pub use live::Live;
pub use orders::Orders;
pub use recent_orders::RecentOrders;
pub use workflow::Workflow;
