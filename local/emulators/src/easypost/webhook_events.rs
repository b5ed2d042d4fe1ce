//! What the carrier tells of its own accord: its events, as `EasyPost` writes them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::EasyPostEmulator;
use super::render::time;
use crate::webhooks::{EventSource, WebhookEvent};

impl EasyPostEmulator {
    pub(super) fn queue_tracker_event(
        &mut self,
        kind: &str,
        index: usize,
        before: Option<&str>,
        at: Timestamp,
    ) {
        let shipment = &self.shipments[index];
        let Some(label) = &shipment.label else { return };
        let result = shipment.render_tracker(label);
        let previous = before.map_or_else(|| json!({}), |status| json!({ "status": status }));
        self.queue_event(kind, index, &result, &previous, at);
    }

    pub(super) fn queue_refund_event(&mut self, index: usize, at: Timestamp) {
        let id = self.ids.easypost("rfnd");
        let shipment = &self.shipments[index];
        let carrier = shipment
            .label
            .as_ref()
            .and_then(|label| shipment.rates.get(label.rate))
            .map(|rate| rate.carrier);
        let result = json!({
            "id": id,
            "object": "Refund",
            "created_at": time(at),
            "updated_at": time(at),
            "tracking_code": shipment.tracking_code(),
            "confirmation_number": null,
            "status": "refunded",
            "carrier": carrier,
            "shipment_id": shipment.id,
        });
        self.queue_event("refund.successful", index, &result, &json!({}), at);
    }

    fn queue_event(
        &mut self,
        kind: &str,
        index: usize,
        result: &Value,
        previous: &Value,
        at: Timestamp,
    ) {
        let id = self.ids.easypost("evt");
        let body = json!({
            "description": kind,
            "mode": "test",
            "previous_attributes": previous,
            "created_at": time(at),
            "pending_urls": [],
            "completed_urls": [],
            "updated_at": time(at),
            "id": id,
            "user_id": "user_lookalike",
            "status": "pending",
            "object": "Event",
            "result": result,
        });
        let (kind, order) = (kind.to_owned(), self.shipments[index].order.clone());
        self.events.push(WebhookEvent {
            source: EventSource::EasyPost,
            id,
            event_type: kind,
            order,
            at,
            body: body.to_string(),
        });
    }
}
