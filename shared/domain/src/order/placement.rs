//! Beginning: what an order is when it is accepted.

use super::Order;
use super::record::{Customer, OutOfStockPolicy};
use super::timeline::TimelineEntry;
use crate::catalog::LineItem;
use crate::payment::Payment;
use crate::shipment::{Address, ShippingService};
use crate::{CustomerId, Money, OrderId, Private, Status, Timestamp};

/// What a customer asked for, priced by the server.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Its id.
    pub order_id: OrderId,
    /// Who placed it.
    pub customer_id: CustomerId,
    /// Who the goods are for.
    pub customer: Customer,
    /// Where they go.
    pub shipping_address: Address,
    /// What was ordered, priced.
    pub items: Vec<LineItem>,
    /// What it costs.
    pub total: Money,
    /// The gateway's token for the card.
    pub payment_method: String,
    /// The gateway's customer.
    pub payment_customer: Option<String>,
    /// How fast it should come.
    pub shipping_service: ShippingService,
    /// When it should begin, if not at once.
    pub scheduled_for: Option<Timestamp>,
    /// What to do when the goods are not there.
    pub when_out_of_stock: OutOfStockPolicy,
    /// The hash of the request.
    pub request_hash: String,
}

impl Order {
    /// The order as it is first written down.
    pub fn accept(new: NewOrder, at: Timestamp) -> Self {
        let status = if new.scheduled_for.is_some() { Status::Scheduled } else { Status::Received };
        Self {
            status,
            version: 1,
            execution: new.order_id.initial_execution(),
            open: Some(super::write::open_bucket(&new.order_id)),
            // Long before the first write could be overdue: the crash between
            // the record and the start of its execution is mended soonest.
            check_at: Some(at.plus_minutes(2)),
            order_id: new.order_id,
            customer_id: new.customer_id,
            customer: Private::new(new.customer),
            shipping_address: Private::new(new.shipping_address),
            items: new.items,
            total: new.total,
            payment_method: Private::new(new.payment_method),
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
            waits_for: None,
            cancel_requested_at: None,
            timeline: vec![TimelineEntry { at, status, detail: None }],
            request_hash: new.request_hash,
            created_at: at,
            updated_at: at,
            webhook_pending_at: None,
            seen_webhooks: Vec::new(),
            acknowledged: None,
        }
    }
}
