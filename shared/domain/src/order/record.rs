//! The fields of an order, attribute for attribute as they are stored in the Orders table.

use serde::{Deserialize, Serialize};

use super::timeline::TimelineEntry;
use crate::attention::{Attention, AttentionCause};
use crate::audit::AuditEntry;
use crate::catalog::LineItem;
use crate::compensation::Compensation;
use crate::decision::{Review, TaskDecision};
use crate::payment::Payment;
use crate::settlement::Settlement;
use crate::shipment::{Address, Shipment, ShippingService};
use crate::stock::Reservation;
use crate::{
    CustomerId, ExecutionName, Money, OrderId, Private, Sku, Status, TaskToken, Timestamp,
};

/// The recipient of an order.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Customer {
    /// The name, for the label.
    pub name: String,
    /// The email address, if the customer gave one. Only for the shop: no provider gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The phone number, for the carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl std::fmt::Debug for Customer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[customer]")
    }
}

/// What to do if goods are out of stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutOfStockPolicy {
    /// Compensate the order.
    #[default]
    Reject,
    /// Wait for a restock.
    Wait,
}

/// The wait for a restock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backorder {
    /// When the order was first short: its place in the queue.
    pub since: Timestamp,
    /// The deadline, set with the first shortage.
    pub deadline: Timestamp,
}

/// An operator's acknowledgment of what was raised about a closed order. Not for the
/// customer: it names the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgment {
    /// The operator: the `sub` of their token.
    pub by: String,
    /// When it was given.
    pub at: Timestamp,
    /// The note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Why an order is in the index of the orders that still change after they are finalized. The
/// attribute is the partition of that index, and `finalizedAt` its order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::IntoStaticStr,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Retention {
    /// Its personal data will be removed.
    PersonalData,
}

/// An order on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its id.
    pub order_id: OrderId,
    /// Where it is in its life.
    pub status: Status,
    /// Rises with every write, also those of the waiting tasks. The `ETag` of the API.
    pub version: u64,
    /// The execution that owns it.
    pub execution: ExecutionName,
    /// The customer who placed it.
    pub customer_id: CustomerId,
    /// The recipient; none once the personal data is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Private<Customer>>,
    /// The recipient's address; none once the personal data is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Private<Address>>,
    /// The lines, as the server priced them.
    pub items: Vec<LineItem>,
    /// The total.
    pub total: Money,
    /// The payment provider's token for the payment method; none once the personal data is
    /// removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<Private<String>>,
    /// The payment provider's customer whose saved payment method it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_customer: Option<Private<String>>,
    /// The shipping service.
    pub shipping_service: ShippingService,
    /// When it starts, if not at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<Timestamp>,
    /// What to do if goods are out of stock.
    pub when_out_of_stock: OutOfStockPolicy,
    /// The payment.
    pub payment: Payment,
    /// The reservation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// The shipment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<Shipment>,
    /// The review; none before the authorization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// The wait for a restock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backorder: Option<Backorder>,
    /// The latest decision for a waiting task.
    #[serde(rename = "answer", default, skip_serializing_if = "Option::is_none")]
    pub task_decision: Option<TaskDecision>,
    /// The compensation, once begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensation: Option<Compensation>,
    /// The task token of the wait that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_token: Option<TaskToken>,
    /// Why a person should look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<Attention>,
    /// Why it waits for an operator, if our account at a provider is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention_cause: Option<AttentionCause>,
    /// The first SKU that was short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Sku>,
    /// When the customer canceled it, in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<Timestamp>,
    /// The history that its customer reads.
    pub timeline: Vec<TimelineEntry>,
    /// The hash of the request, to tell a repeated request from a different one; none once the
    /// personal data is removed, because a hash of few possible values reveals them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_hash: Option<String>,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When the request arrived, or the step began, that wrote it last: the time comes with the
    /// event. The write itself is later by the time that the step takes.
    pub updated_at: Timestamp,
    /// Its bucket in the index of open orders; none once it is finalized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
    /// When the reconciler checks it next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_at: Option<Timestamp>,
    /// The day on which it was closed, in UTC: `2026-11-28`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_day: Option<String>,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// When the latest webhook arrived that the reconciler has not followed up.
    #[serde(rename = "hintedAt", default, skip_serializing_if = "Option::is_none")]
    pub webhook_pending_at: Option<Timestamp>,
    /// The ids of the latest webhook events, the newest last, to recognize a repeat.
    #[serde(rename = "hints", default, skip_serializing_if = "Vec::is_empty")]
    pub seen_webhooks: Vec<String>,
    /// The acknowledgment of what was raised about it, once closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgment>,
    /// What operators claimed about money and label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<Settlement>,
    /// What operators did, the oldest first. Only appended to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audit: Vec<AuditEntry>,
    /// When it was finalized, the last time if a webhook reopened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finalized_at: Option<Timestamp>,
    /// Its partition in the index of the orders whose personal data will be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// When its personal data was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal_data_removed_at: Option<Timestamp>,
}
