//! Webhook events in EasyPost's format.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::render::time;
use super::{EasyPostEmulator, WEBHOOK_POINT};
use crate::fault_delivery::queue_event;
use crate::webhooks::{EventSource, WebhookEvent};

impl EasyPostEmulator {
    pub(super) fn queue_tracker_event(
        &mut self,
        event_type: &str,
        index: usize,
        previous_status: Option<&str>,
        at: Timestamp,
    ) {
        let shipment = &self.shipments[index];
        let Some(label) = &shipment.label else { return };
        let result = shipment.render_tracker(label);
        let previous_attributes =
            previous_status.map_or_else(|| json!({}), |status| json!({ "status": status }));
        self.queue_event(event_type, index, &result, &previous_attributes, at);
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
        event_type: &str,
        index: usize,
        result: &Value,
        previous_attributes: &Value,
        at: Timestamp,
    ) {
        let id = self.ids.easypost("evt");
        let body = json!({
            "description": event_type,
            "mode": "test",
            "previous_attributes": previous_attributes,
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
        let order = self.shipments[index].order.clone();
        let event = WebhookEvent {
            source: EventSource::EasyPost,
            id,
            event_type: event_type.to_owned(),
            order,
            at,
            body: body.to_string(),
        };
        queue_event(&mut self.events, &mut self.plan, WEBHOOK_POINT, event);
    }
}
