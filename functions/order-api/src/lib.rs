//! The HTTP API of the orders and the inventory (`workflow.md`, section 4).
//!
//! A request comes as an HTTP API v2 event ([`event`]), is told apart in
//! [`routes`], read strictly ([`body`], [`form`], [`card`]), decided by the
//! domain, done by a port, and answered; whatever is wrong with it is a
//! [`problem`] that names the field at fault. One file is one resource:
//! [`orders`], [`listing`], [`cancel`], [`execution`], [`review`], [`resume`],
//! [`inventory`], [`restock`]; [`webhooks`] are what the providers tell.
//!
//! [`handle`] takes an event and gives back a response, both as JSON, over
//! whichever ports it is given: Lambda calls it with the aws, a simulator
//! with its own.

mod answers;
pub mod body;
pub mod caller;
pub mod cancel;
pub mod card;
pub mod document;
pub mod event;
pub mod execution;
pub mod form;
pub mod inventory;
pub mod listing;
pub mod orders;
pub mod problem;
pub mod restock;
pub mod resume;
pub mod review;
pub mod routes;
mod schema;
mod view;
pub mod webhooks;

use domain::ports::{
    FindOrder, ListOrders, LoadOrder, PlaceOrder, ReadCatalog, ReadExecution, RestockItem,
    SaveOrder, SendTaskResult, StartExecution, StopExecution, WriteCatalog,
};
use domain::{Currency, StepError, Timestamp};
use serde_json::Value;

use crate::event::Request;
use crate::webhooks::WebhookSources;

/// What the API asks of the Orders table.
pub trait Orders: LoadOrder + SaveOrder + PlaceOrder + ListOrders + FindOrder {}
impl<T: LoadOrder + SaveOrder + PlaceOrder + ListOrders + FindOrder> Orders for T {}

/// What the API asks of the Inventory table.
pub trait Inventory: ReadCatalog + WriteCatalog + RestockItem {}
impl<T: ReadCatalog + WriteCatalog + RestockItem> Inventory for T {}

/// What the API asks of Step Functions.
pub trait Workflow: StartExecution + StopExecution + SendTaskResult + ReadExecution {}
impl<T: StartExecution + StopExecution + SendTaskResult + ReadExecution> Workflow for T {}

/// The API: its ports, the currencies that the shop takes, and how it knows the
/// providers.
#[derive(Debug, Clone)]
pub struct Api<O, I, W> {
    /// The orders.
    pub orders: O,
    /// The stock.
    pub inventory: I,
    /// The executions.
    pub workflow: W,
    /// The currencies that this deployment takes.
    pub currencies: Vec<Currency>,
    /// The webhooks of the providers.
    pub webhooks: WebhookSources,
}

/// Answers one HTTP API v2 event.
///
/// `now` is asked only when the event brings no time. What is no such event at
/// all is a failure; whatever a client can send is answered.
pub async fn handle<O: Orders, I: Inventory, W: Workflow>(
    event: &Value,
    api: &Api<O, I, W>,
    now: impl Fn() -> Timestamp,
) -> Result<Value, StepError> {
    let request = Request::parse(event, now)?;
    let answered = routes::answer(&request, api).await;
    Ok(answered.unwrap_or_else(|problem| problem.into_reply(&request)).into_event())
}
