//! What the gateway tells of its own accord: its events, as Stripe writes them.

use serde_json::{Value, json};

use super::payment_intents::Doing;
use super::{API_VERSION, StripeEmulator, render};
use crate::webhooks::{EventSource, WebhookEvent};

impl StripeEmulator {
    pub(super) fn tell_of_intent(&mut self, kind: &str, place: usize, doing: Doing<'_>) {
        let object = self.render_intent(place, &[]);
        let order = self.intents[place].order.clone();
        self.tell(kind, &object, order, doing);
    }

    pub(super) fn tell_of_charge(&mut self, kind: &str, place: usize, doing: Doing<'_>) {
        let object = self.render_charge_of(place);
        let order = self.intents[place].order.clone();
        self.tell(kind, &object, order, doing);
    }

    pub(super) fn tell_of_refund(&mut self, kind: &str, number: usize, doing: Doing<'_>) {
        let object = self.render_refund(number, &[]);
        let order = self.refunds[number].order.clone();
        self.tell(kind, &object, order, doing);
    }

    pub(super) fn tell_of_dispute(&mut self, place: usize, doing: Doing<'_>) {
        let id = self.ids.stripe("du");
        let intent = &self.intents[place];
        let Some(charge) = intent.charges.last() else { return };
        let object = render::dispute(&id, intent, charge, doing.at);
        let order = intent.order.clone();
        self.tell("charge.dispute.created", &object, order, doing);
    }

    fn tell(&mut self, kind: &str, object: &Value, order: Option<String>, doing: Doing<'_>) {
        let id = self.ids.stripe("evt");
        let body = json!({
            "id": id,
            "object": "event",
            "api_version": API_VERSION,
            "created": doing.at.as_second(),
            "data": { "object": object },
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": doing.request, "idempotency_key": doing.key },
            "type": kind,
        });
        let kind = kind.to_owned();
        self.events.push(WebhookEvent {
            source: EventSource::Stripe,
            id,
            event_type: kind,
            order,
            at: doing.at,
            body: body.to_string(),
        });
    }
}
