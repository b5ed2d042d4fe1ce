//! The ports: what the operations ask of the world, each trait as thin as a
//! permission, so that a function's wiring reads like its policy.
//!
//! `shared/aws` speaks the ones of the tables and the workflow, each function
//! its provider's, over [`Transport`].

use std::future::Future;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalogue::StockItem;
use crate::order::Attention;
use crate::payment::Intent;
use crate::shipment::{CarrierShipment, Parcel};
use crate::stock::Shortage;
use crate::{
    CustomerId, ExecutionName, IntentId, Moment, Order, OrderId, RateId, ShipmentId, Sku, TaskToken,
};

/// The tables could not be read or written; whether a write happened is open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store is unavailable: {0}")]
pub struct StoreUnavailable(pub String);

impl From<StoreUnavailable> for crate::Failure {
    fn from(error: StoreUnavailable) -> Self {
        crate::Fault::StoreUnavailable.because(error.to_string())
    }
}

/// Reads one order, strongly consistent (`dynamodb:GetItem` on Orders).
pub trait LoadOrder: Sync {
    /// The order, if there is one.
    fn load(
        &self,
        id: &OrderId,
    ) -> impl Future<Output = Result<Option<Order>, StoreUnavailable>> + Send;
}

/// How a conditional write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Saved {
    /// It is on record.
    Done,
    /// Somebody else wrote the order since it was read: read again, decide again.
    Changed,
}

/// Writes what changed of one order (`dynamodb:UpdateItem` on Orders).
pub trait SaveOrder: Sync {
    /// Writes the difference, on condition that the version is `before`'s.
    fn save(
        &self,
        before: &Order,
        after: &Order,
    ) -> impl Future<Output = Result<Saved, StoreUnavailable>> + Send;
}

/// How placing an order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// It is on record now.
    New,
    /// It was on record already, as this.
    Exists(Box<Order>),
}

/// Writes a new order (`dynamodb:PutItem` on Orders).
pub trait PlaceOrder: Sync {
    /// Writes the order, on condition that there is none with its id.
    fn place(&self, order: &Order)
    -> impl Future<Output = Result<Placed, StoreUnavailable>> + Send;
}

/// A list of orders that a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderList {
    /// A customer's own, newest first.
    Customer(CustomerId),
    /// Those that need attention for this reason, oldest first.
    Attention(Attention),
    /// Those of a bucket of the open ones, the next to be looked at first.
    Open(u8),
    /// Those that wait for a restock of this, oldest first.
    WaitingFor(Sku),
}

/// A place in a list of orders: the order there, and what the list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The order.
    pub order_id: OrderId,
    /// When it was placed, or when it should be looked at.
    pub at: Moment,
}

/// A part of a list of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The orders as they are now; one that has left the list meanwhile is left out.
    pub orders: Vec<Order>,
    /// Where the list goes on, if it does.
    pub next: Option<Place>,
}

/// Lists orders (`dynamodb:Query` on the indexes of Orders, and
/// `dynamodb:BatchGetItem`).
pub trait ListOrders: Sync {
    /// At most `limit` orders of a list, from the place after `after` on.
    fn list(
        &self,
        list: &OrderList,
        after: Option<&Place>,
        limit: u32,
    ) -> impl Future<Output = Result<Page, StoreUnavailable>> + Send;
}

/// Lists the open orders at which the reconciler should look (`dynamodb:Query`
/// on an index of Orders).
pub trait ListDue: Sync {
    /// At most `limit` orders of a bucket whose `checkAt` is not after `at`, the
    /// longest due first. The index is a little late: read each before acting.
    fn due(
        &self,
        bucket: u8,
        at: Moment,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<OrderId>, StoreUnavailable>> + Send;
}

/// Finds the order that a provider's object belongs to (`dynamodb:Query` on the
/// indexes of Orders). The index is a little late: a hint that comes too early
/// finds nothing, and need not.
pub trait FindOrder: Sync {
    /// The order of this payment intent, if it is ours.
    fn by_intent(
        &self,
        id: &IntentId,
    ) -> impl Future<Output = Result<Option<OrderId>, StoreUnavailable>> + Send;

    /// The order of this shipment, if it is ours.
    fn by_shipment(
        &self,
        id: &ShipmentId,
    ) -> impl Future<Output = Result<Option<OrderId>, StoreUnavailable>> + Send;
}

/// How taking stock from the shelves ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Reserved {
    /// Every line is set aside, and the order says so.
    Done,
    /// Nothing was taken: these were short.
    Short(Vec<Shortage>),
    /// Nothing was taken: the order changed since it was read.
    OrderChanged,
    /// Nothing was taken: another order was at the same shelf.
    Contended,
}

/// Takes stock from the shelves (`dynamodb:UpdateItem` on both tables, in one
/// transaction).
pub trait ReserveStock: Sync {
    /// Takes what `after.reservation` says and writes the order, or does neither.
    fn reserve(
        &self,
        before: &Order,
        after: &Order,
    ) -> impl Future<Output = Result<Reserved, StoreUnavailable>> + Send;
}

/// How giving stock back ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Released {
    /// Every line is back on its shelf, and the order says so.
    Done,
    /// Nothing was given back: the order changed since it was read.
    OrderChanged,
    /// Nothing was given back: another order was at the same shelf.
    Contended,
}

/// Gives stock back to the shelves (`dynamodb:UpdateItem` on both tables, in
/// one transaction).
pub trait ReleaseStock: Sync {
    /// Gives back what `before.reservation` says and writes the order, or does neither.
    fn release(
        &self,
        before: &Order,
        after: &Order,
    ) -> impl Future<Output = Result<Released, StoreUnavailable>> + Send;
}

/// Reads what is sold (`dynamodb:BatchGetItem` and `dynamodb:Scan` on Inventory).
pub trait ReadCatalogue: Sync {
    /// The items of these SKUs, as far as there are any, in any order.
    fn items(
        &self,
        skus: &[Sku],
    ) -> impl Future<Output = Result<Vec<StockItem>, StoreUnavailable>> + Send;

    /// Everything that is sold, sorted by SKU.
    fn all(&self) -> impl Future<Output = Result<Vec<StockItem>, StoreUnavailable>> + Send;
}

/// How writing an item of the catalogue ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// It is on record, as this.
    Done(StockItem),
    /// An opening stock was given for a SKU that is on record already.
    ExistsAlready,
}

/// What is to be sold under a SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The SKU.
    pub sku: Sku,
    /// What people call it.
    pub title: String,
    /// The price of one.
    pub unit_price: crate::Money,
    /// The weight of one, in grams.
    pub weight_grams: u32,
    /// How many there are to begin with; only for a new SKU.
    pub available: Option<u64>,
}

/// Writes what is sold (`dynamodb:PutItem` and `dynamodb:UpdateItem` on Inventory).
pub trait WriteCatalogue: Sync {
    /// Writes title, price and weight; the opening stock only when the SKU is new.
    fn list(
        &self,
        listing: &Listing,
    ) -> impl Future<Output = Result<Listed, StoreUnavailable>> + Send;
}

/// How putting goods on a shelf ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restocked {
    /// They are there now; this is the item.
    Done(StockItem),
    /// They were put there before, by the same request; this is the item.
    Before(StockItem),
    /// The key was used for another quantity.
    OtherRequest,
    /// Nothing is sold under that SKU.
    UnknownSku,
    /// Somebody else was at the same shelf.
    Contended,
}

/// Puts goods on a shelf (`dynamodb:UpdateItem` and `dynamodb:PutItem` on
/// Inventory, in one transaction).
pub trait RestockShelf: Sync {
    /// Puts so many there, once for each `key`.
    fn restock(
        &self,
        sku: &Sku,
        quantity: u32,
        key: &str,
        at: Moment,
    ) -> impl Future<Output = Result<Restocked, StoreUnavailable>> + Send;
}

/// How a call of a provider ended: done, refused, or unknown, and the harmless
/// fourth, that it surely never began.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Called<T, R> {
    /// It had its effect; this is what the provider holds now.
    Done(T),
    /// The provider said no.
    Refused(R),
    /// It surely had no effect: never sent, or turned away unread. Try again later.
    NotBegun(String),
    /// It may have had its effect, or not: look the object up.
    Unknown(String),
}

/// Why the gateway said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayRefusal {
    /// The bank refused the card; the code is safe to show.
    Declined {
        /// The gateway's code, generic where the true one must not be shown.
        code: String,
    },
    /// The intent is in a state that does not admit the call.
    WrongState(Intent),
    /// There is no such object.
    NotFound,
    /// It refuses our key or our request: nothing that a retry could mend.
    Misconfigured(String),
}

/// What to charge, and for what.
#[derive(Debug, Clone)]
pub struct IntentRequest<'a> {
    /// The order that is paid.
    pub order_id: &'a OrderId,
    /// How much.
    pub amount: crate::Money,
    /// The card: `pm_…`.
    pub payment_method: &'a crate::Private<String>,
    /// Whose saved card it is: `cus_…`. With one, it is charged off-session.
    pub payment_customer: Option<&'a crate::Private<String>>,
}

/// How far a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundState {
    /// The money is on its way.
    Pending,
    /// The money is back.
    Done,
    /// It could not be given back.
    Failed,
}

/// The payment gateway. `key` is the idempotency key of a call.
pub trait Gateway: Sync {
    /// Creates an intent, without confirming it.
    fn create(
        &self,
        request: &IntentRequest<'_>,
        key: &str,
    ) -> impl Future<Output = Called<Intent, GatewayRefusal>> + Send;
    /// Confirms it: authorises the card.
    fn confirm(
        &self,
        id: &IntentId,
        off_session: bool,
        key: &str,
    ) -> impl Future<Output = Called<Intent, GatewayRefusal>> + Send;
    /// Captures all of it.
    fn capture(
        &self,
        id: &IntentId,
        key: &str,
    ) -> impl Future<Output = Called<Intent, GatewayRefusal>> + Send;
    /// Cancels it: gives the hold up.
    fn cancel(
        &self,
        id: &IntentId,
        key: &str,
    ) -> impl Future<Output = Called<Intent, GatewayRefusal>> + Send;
    /// Refunds all of it.
    fn refund(
        &self,
        id: &IntentId,
        key: &str,
    ) -> impl Future<Output = Called<RefundState, GatewayRefusal>> + Send;
    /// The refunds of it, newest first.
    fn refunds(
        &self,
        id: &IntentId,
    ) -> impl Future<Output = Called<Vec<RefundState>, GatewayRefusal>> + Send;
    /// What it is now.
    fn look_up(&self, id: &IntentId)
    -> impl Future<Output = Called<Intent, GatewayRefusal>> + Send;
}

/// Why the carrier said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarrierRefusal {
    /// It will not take this parcel to this address; its code.
    Rejected(String),
    /// The label was bought already.
    BoughtAlready,
    /// There is no such shipment.
    NotFound,
    /// It refuses our key or our request.
    Misconfigured(String),
}

/// The carrier.
pub trait Carrier: Sync {
    /// Creates a shipment and asks for rates; costs nothing.
    fn create(
        &self,
        parcel: &Parcel,
    ) -> impl Future<Output = Called<CarrierShipment, CarrierRefusal>> + Send;
    /// Buys its label at a rate.
    fn buy(
        &self,
        id: &ShipmentId,
        rate: &RateId,
    ) -> impl Future<Output = Called<CarrierShipment, CarrierRefusal>> + Send;
    /// Asks for the price of its label back.
    fn refund(
        &self,
        id: &ShipmentId,
    ) -> impl Future<Output = Called<CarrierShipment, CarrierRefusal>> + Send;
    /// What it is now.
    fn look_up(
        &self,
        id: &ShipmentId,
    ) -> impl Future<Output = Called<CarrierShipment, CarrierRefusal>> + Send;
}

/// The method of a request to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Acts.
    Post,
}

/// A request to a provider. It may hold private things: no `Debug` of its body.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// Names, in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.method, self.url)
    }
}

/// An answer of a provider. It may hold private things: no `Debug` of its body.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with {} bytes", self.status, self.body.len())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoResponse {
    /// The request was surely never sent: no connection could be made.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It may have been sent; the answer was lost, late or too long.
    #[error("no answer: {0}")]
    Lost(String),
}

/// Sends requests to providers, with its limits of time and size. One
/// implementation speaks HTTPS; the simulator's speaks to models.
pub trait Transport: Sync {
    /// Sends the request once.
    fn send(&self, request: Request) -> impl Future<Output = Result<Response, NoResponse>> + Send;
}

/// Step Functions could not be reached, or refused us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the workflow service is unavailable: {0}")]
pub struct WorkflowUnavailable(pub String);

impl From<WorkflowUnavailable> for crate::Failure {
    fn from(error: WorkflowUnavailable) -> Self {
        // No step of the state machine speaks to Step Functions, so that it names
        // no fault of its own for this one.
        crate::Fault::StoreUnavailable.because(error.to_string())
    }
}

/// Starts executions (`states:StartExecution`).
pub trait StartExecution: Sync {
    /// Starts one of this name and input; that it was started before is no error.
    fn start(
        &self,
        name: &ExecutionName,
        input: &Value,
    ) -> impl Future<Output = Result<(), WorkflowUnavailable>> + Send;
}

/// Stops executions (`states:StopExecution`).
pub trait StopExecution: Sync {
    /// Stops the one of this name; that there is none that runs is no error.
    fn stop(
        &self,
        name: &ExecutionName,
        cause: &'static str,
    ) -> impl Future<Output = Result<(), WorkflowUnavailable>> + Send;
}

/// Whether an answer reached its wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Answered {
    /// It did.
    Delivered,
    /// The wait is over: timed out, answered before, or gone.
    MovedOn,
}

/// Answers waits (`states:SendTaskSuccess`, `states:SendTaskFailure`).
pub trait AnswerTask: Sync {
    /// Ends the wait of this token as the message says.
    fn answer(
        &self,
        token: &TaskToken,
        message: &crate::answer::Message,
    ) -> impl Future<Output = Result<Answered, WorkflowUnavailable>> + Send;
}

/// Whether an execution is still under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionState {
    /// It runs, or waits.
    Running,
    /// It has ended, one way or another.
    Ended,
}

/// Asks how executions are (`states:DescribeExecution`).
pub trait DescribeExecution: Sync {
    /// The state of the execution of this name; none when there is no such one.
    fn state(
        &self,
        name: &ExecutionName,
    ) -> impl Future<Output = Result<Option<ExecutionState>, WorkflowUnavailable>> + Send;
}

/// An execution as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionView {
    /// RUNNING, SUCCEEDED, FAILED, `TIMED_OUT` or ABORTED.
    pub status: String,
    /// When it began.
    pub started_at: Moment,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Moment>,
    /// The states that it was in, in the order in which it entered them.
    pub states: Vec<StateVisit>,
}

/// A visit of an execution to a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateVisit {
    /// The state's name.
    pub name: String,
    /// The state's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it was entered.
    pub entered_at: Moment,
    /// When it was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exited_at: Option<Moment>,
    /// How often its task was tried; 0 for a state without one.
    pub attempts: u32,
    /// The error of the last attempt that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Reads executions (`states:DescribeExecution`, `states:GetExecutionHistory`).
pub trait ReadExecution: Sync {
    /// The execution of this name, if there is one.
    fn read(
        &self,
        name: &ExecutionName,
    ) -> impl Future<Output = Result<Option<ExecutionView>, WorkflowUnavailable>> + Send;
}
