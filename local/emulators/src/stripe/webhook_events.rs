//! Webhook events in Stripe's format.

use serde_json::{Value, json};

use super::payment_intents::CallContext;
use super::{API_VERSION, StripeEmulator, WEBHOOK_POINT, render};
use crate::fault_delivery::queue_event;
use crate::webhooks::{EventSource, WebhookEvent};

impl StripeEmulator {
    pub(super) fn queue_intent_event(
        &mut self,
        event_type: &str,
        index: usize,
        context: CallContext<'_>,
    ) {
        let object = self.render_intent(index, &[]);
        let order = self.intents[index].order.clone();
        self.queue_event(event_type, &object, order, context);
    }

    pub(super) fn queue_charge_event(
        &mut self,
        event_type: &str,
        index: usize,
        context: CallContext<'_>,
    ) {
        let object = self.render_charge_of(index);
        let order = self.intents[index].order.clone();
        self.queue_event(event_type, &object, order, context);
    }

    pub(super) fn queue_refund_event(
        &mut self,
        event_type: &str,
        index: usize,
        context: CallContext<'_>,
    ) {
        let object = self.render_refund(index, &[]);
        let order = self.refunds[index].order.clone();
        self.queue_event(event_type, &object, order, context);
    }

    pub(super) fn queue_dispute_event(&mut self, index: usize, context: CallContext<'_>) {
        let id = self.ids.stripe("du");
        let intent = &self.intents[index];
        let Some(charge) = intent.charges.last() else { return };
        let object = render::dispute(&id, intent, charge, context.at);
        let order = intent.order.clone();
        self.queue_event("charge.dispute.created", &object, order, context);
    }

    fn queue_event(
        &mut self,
        event_type: &str,
        object: &Value,
        order: Option<String>,
        context: CallContext<'_>,
    ) {
        let id = self.ids.stripe("evt");
        let body = json!({
            "id": id,
            "object": "event",
            "api_version": API_VERSION,
            "created": context.at.as_second(),
            "data": { "object": object },
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": context.request_id, "idempotency_key": context.idempotency_key },
            "type": event_type,
        });
        let event = WebhookEvent {
            source: EventSource::Stripe,
            id,
            event_type: event_type.to_owned(),
            order,
            at: context.at,
            body: body.to_string(),
        };
        queue_event(&mut self.events, &mut self.plan, WEBHOOK_POINT, event);
    }
}
