//! How long personal data stays on an order, and what is removed.
//!
//! The personal data of an order is removed a number of days after the order is final: closed,
//! its money and its label final, and nothing raised that an operator has not acknowledged.
//! Until then an operator may still need to reach the customer. What is left is what the
//! ledgers and the audit history need: lines, amounts, statuses, times, the providers' ids, the
//! tracking code, and the subjects of the tokens, which are pseudonyms.

use super::record::{Order, Retention};
use crate::Timestamp;

impl Order {
    /// Whether its personal data must be removed: it was finalized at least `days` ago, and
    /// nothing about it is open or raised.
    pub fn is_personal_data_expired(&self, days: u32, at: Timestamp) -> bool {
        let is_final = self.status.is_closed() && self.open.is_none() && self.attention.is_none();
        let expires = self.finalized_at.map(|finalized| finalized.plus_days(days));
        is_final && self.retention.is_some() && expires.is_some_and(|expires| expires <= at)
    }

    /// Records that its personal data is removed. `updatedAt` stays: nothing happened to the
    /// order.
    #[must_use]
    pub fn without_personal_data(&self, at: Timestamp) -> Self {
        let mut order = self.next_version();
        order.customer = None;
        order.shipping_address = None;
        order.payment_method = None;
        order.payment_customer = None;
        order.request_hash = None;
        // A carrier's tracking page shows where the parcel went.
        if let Some(label) = order.shipment.as_mut().and_then(|shipment| shipment.label.as_mut()) {
            label.tracking_url = None;
        }
        // A note may name the customer.
        if let Some(review) = &mut order.review {
            review.note = None;
        }
        if let Some(decision) = &mut order.task_decision {
            decision.note = None;
        }
        if let Some(acknowledgment) = &mut order.acknowledged {
            acknowledgment.note = None;
        }
        for entry in &mut order.audit {
            entry.note = None;
        }
        order.retention = None;
        order.personal_data_removed_at.get_or_insert(at);
        order
    }

    /// Starts the time after which the personal data is removed, if the order is final.
    pub(super) fn start_retention(&mut self, at: Timestamp) {
        if self.open.is_none() && self.attention.is_none() {
            self.finalized_at = Some(at);
            self.retention = Some(Retention::PersonalData);
        }
    }

    /// Ends that time: something about the order is open again.
    pub(super) fn stop_retention(&mut self) {
        self.retention = None;
    }
}
