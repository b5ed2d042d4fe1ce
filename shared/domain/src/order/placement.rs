//! How an order is placed.

use super::record::{Customer, Order, OutOfStockPolicy};
use super::timeline::TimelineEntry;
use crate::catalog::LineItem;
use crate::payment::Payment;
use crate::shipment::{Address, ShippingService};
use crate::{CustomerId, Money, OrderId, Private, Status, Timestamp};

/// A new order, priced by the server.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Its id.
    pub order_id: OrderId,
    /// The customer who placed it.
    pub customer_id: CustomerId,
    /// The recipient.
    pub customer: Customer,
    /// The recipient's address.
    pub shipping_address: Address,
    /// The lines, priced.
    pub items: Vec<LineItem>,
    /// The total.
    pub total: Money,
    /// The payment provider's token for the payment method.
    pub payment_method: String,
    /// The payment provider's customer, for a saved payment method.
    pub payment_customer: Option<String>,
    /// The shipping service.
    pub shipping_service: ShippingService,
    /// When it starts, if not at once.
    pub scheduled_for: Option<Timestamp>,
    /// What to do if goods are out of stock.
    pub when_out_of_stock: OutOfStockPolicy,
    /// The hash of the request.
    pub request_hash: String,
}

impl Order {
    /// The order as it is first stored.
    pub fn accept(new: NewOrder, at: Timestamp) -> Self {
        let status = if new.scheduled_for.is_some() { Status::Scheduled } else { Status::Received };
        Self {
            status,
            version: 1,
            execution: new.order_id.initial_execution(),
            open: Some(super::write::open_bucket(&new.order_id)),
            // Soon: if the API crashes before it starts the execution, the reconciler
            // starts it.
            check_at: Some(at.plus_minutes(super::write::CHECK_SOON_MINUTES)),
            order_id: new.order_id,
            customer_id: new.customer_id,
            customer: Some(Private::new(new.customer)),
            shipping_address: Some(Private::new(new.shipping_address)),
            items: new.items,
            total: new.total,
            payment_method: Some(Private::new(new.payment_method)),
            payment_customer: new.payment_customer.map(Private::new),
            shipping_service: new.shipping_service,
            scheduled_for: new.scheduled_for,
            when_out_of_stock: new.when_out_of_stock,
            payment: Payment::initial(),
            reservation: None,
            shipment: None,
            review: None,
            backorder: None,
            task_decision: None,
            compensation: None,
            task_token: None,
            attention: None,
            attention_cause: None,
            waits_for: None,
            cancel_requested_at: None,
            timeline: vec![TimelineEntry { at, status, detail: None }],
            request_hash: Some(new.request_hash),
            created_at: at,
            updated_at: at,
            closed_day: None,
            closed_at: None,
            webhook_pending_at: None,
            seen_webhooks: Vec::new(),
            acknowledged: None,
            settlement: None,
            audit: Vec::new(),
            finalized_at: None,
            retention: None,
            personal_data_removed_at: None,
        }
    }
}
