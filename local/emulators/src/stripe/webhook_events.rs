//! What the gateway tells of its own accord: its events, as Stripe writes them.

use serde_json::{Value, json};

use super::payment_intents::CallContext;
use super::{API_VERSION, StripeEmulator, render};
use crate::webhooks::{EventSource, WebhookEvent};

impl StripeEmulator {
    pub(super) fn queue_intent_event(
        &mut self,
        kind: &str,
        index: usize,
        context: CallContext<'_>,
    ) {
        let object = self.render_intent(index, &[]);
        let order = self.intents[index].order.clone();
        self.queue_event(kind, &object, order, context);
    }

    pub(super) fn queue_charge_event(
        &mut self,
        kind: &str,
        index: usize,
        context: CallContext<'_>,
    ) {
        let object = self.render_charge_of(index);
        let order = self.intents[index].order.clone();
        self.queue_event(kind, &object, order, context);
    }

    pub(super) fn queue_refund_event(
        &mut self,
        kind: &str,
        number: usize,
        context: CallContext<'_>,
    ) {
        let object = self.render_refund(number, &[]);
        let order = self.refunds[number].order.clone();
        self.queue_event(kind, &object, order, context);
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
        kind: &str,
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
            "request": { "id": context.request, "idempotency_key": context.key },
            "type": kind,
        });
        let kind = kind.to_owned();
        self.events.push(WebhookEvent {
            source: EventSource::Stripe,
            id,
            event_type: kind,
            order,
            at: context.at,
            body: body.to_string(),
        });
    }
}
