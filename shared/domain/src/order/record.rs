//! The record: what there is to an order, attribute for attribute as it is stored.

use serde::{Deserialize, Serialize};

use super::timeline::TimelineEntry;
use crate::attention::Attention;
use crate::catalog::LineItem;
use crate::compensation::Compensation;
use crate::decision::{Review, TaskDecision};
use crate::payment::Payment;
use crate::shipment::{Address, Shipment, ShippingService};
use crate::stock::Reservation;
use crate::{
    CustomerId, ExecutionName, Money, OrderId, Private, Sku, Status, TaskToken, Timestamp,
};

/// Who the goods are for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Customer {
    /// Their name, for the label.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// Their phone number, for the carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl std::fmt::Debug for Customer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[customer]")
    }
}

/// What to do when the goods are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutOfStockPolicy {
    /// Give the order up.
    #[default]
    Reject,
    /// Wait for a restock.
    Wait,
}

/// Since when and until when an order waits for a restock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backorder {
    /// The first shortage: the order's place in the queue.
    pub since: Timestamp,
    /// The deadline, set with the first shortage.
    pub deadline: Timestamp,
}

/// That a person has seen what was raised about a closed order. Not for the
/// customer's eyes: it names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgment {
    /// By whom: the `sub` of the token.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// An order as it is on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its id.
    pub order_id: OrderId,
    /// Where it is in its life.
    pub status: Status,
    /// Rises with every write, the waiting tasks' too. The `ETag` of the API.
    pub version: u64,
    /// The execution that owns it.
    pub execution: ExecutionName,
    /// Who placed it.
    pub customer_id: CustomerId,
    /// Who the goods are for.
    pub customer: Private<Customer>,
    /// Where they go.
    pub shipping_address: Private<Address>,
    /// What was ordered, as the server priced it.
    pub items: Vec<LineItem>,
    /// What it costs.
    pub total: Money,
    /// The gateway's token for the card: `pm_…`.
    pub payment_method: Private<String>,
    /// The gateway's customer whose saved card it is: `cus_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_customer: Option<Private<String>>,
    /// How fast it should come.
    pub shipping_service: ShippingService,
    /// When it should begin, if not at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<Timestamp>,
    /// What to do when the goods are not there.
    pub when_out_of_stock: OutOfStockPolicy,
    /// The money.
    pub payment: Payment,
    /// The goods that were set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// The parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<Shipment>,
    /// The review; none before the authorisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// The wait for a restock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backorder: Option<Backorder>,
    /// The latest answer to a wait.
    #[serde(rename = "answer", default, skip_serializing_if = "Option::is_none")]
    pub task_decision: Option<TaskDecision>,
    /// That it turned round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensation: Option<Compensation>,
    /// The token of the wait that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_token: Option<TaskToken>,
    /// Why a person should look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<Attention>,
    /// The first SKU that was short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Sku>,
    /// When the customer asked to cancel it, in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<Timestamp>,
    /// What a customer sees of its history.
    pub timeline: Vec<TimelineEntry>,
    /// The hash of the request, to tell a repeat from another request.
    pub request_hash: String,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// Its bucket in the index of open orders; none once it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
    /// When the reconciler should look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_at: Option<Timestamp>,
    /// When a provider last said that something happened, as long as nobody has
    /// looked what.
    #[serde(rename = "hintedAt", default, skip_serializing_if = "Option::is_none")]
    pub webhook_pending_at: Option<Timestamp>,
    /// The providers' events that were seen, the latest last, to know a repeat.
    #[serde(rename = "hints", default, skip_serializing_if = "Vec::is_empty")]
    pub seen_webhooks: Vec<String>,
    /// Who has seen what was raised about it, once it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgment>,
}
