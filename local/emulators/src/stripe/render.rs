//! Stripe's objects as JSON, field by field in Stripe's order.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::StripeEmulator;
use super::cards::Risk;
use super::payment_intents::{Charge, Intent, card_error};
use super::refunds::{Refund, RefundStatus};

impl StripeEmulator {
    pub(super) fn render_intent(&self, index: usize, expand: &[String]) -> Value {
        let intent = &self.intents[index];
        let mut body = head(intent);
        body.extend(middle(intent));
        body.extend(tail(intent));
        if expand.iter().any(|field| field == "latest_charge")
            && let Some(charge) = intent.charges.last()
        {
            body.insert("latest_charge".to_owned(), render_charge(intent, charge));
        }
        Value::Object(body)
    }

    pub(super) fn render_charge_of(&self, index: usize) -> Value {
        let intent = &self.intents[index];
        intent.charges.last().map_or(Value::Null, |charge| render_charge(intent, charge))
    }

    pub(super) fn render_refund(&self, index: usize, expand: &[String]) -> Value {
        let refund = &self.refunds[index];
        let mut body = render_refund(refund);
        if let Some(index) = self.intents_by_id.get(&refund.intent).copied() {
            for field in expand {
                body[field] = match field.as_str() {
                    "charge" => self.render_charge_of(index),
                    _ => self.render_intent(index, &[]),
                };
            }
        }
        body
    }
}

fn head(intent: &Intent) -> Map<String, Value> {
    let methods = intent
        .automatic_methods
        .map(|redirects| json!({ "enabled": true, "allow_redirects": redirects }));
    fields(json!({
        "amount": intent.amount,
        "amount_capturable": intent.capturable(),
        "amount_details": { "tip": {} },
        "amount_received": intent.totals.captured,
        "application": null,
        "application_fee_amount": null,
        "automatic_payment_methods": methods,
        "canceled_at": intent.canceled.map(|(at, _)| at.as_second()),
        "cancellation_reason": intent.canceled.and_then(|(_, reason)| reason),
        "capture_method": intent.capture_method,
        "client_secret": format!("{}_secret_lookalike", intent.id),
        "confirmation_method": "automatic",
        "created": intent.created.as_second(),
        "currency": intent.currency,
        "customer": intent.customer,
        "description": intent.description,
    }))
}

fn middle(intent: &Intent) -> Map<String, Value> {
    let last_payment_error =
        intent.last_decline().map(|(charge, _)| Value::Object(card_error(charge)));
    let next_action = (intent.status == super::IntentStatus::RequiresAction)
        .then(|| json!({ "type": "use_stripe_sdk", "use_stripe_sdk": { "type": "three_d_secure_redirect" } }));
    fields(json!({
        "id": intent.id,
        "last_payment_error": last_payment_error,
        "latest_charge": intent.charges.last().map(|charge| charge.id.as_str()),
        "livemode": false,
        "metadata": map(&intent.metadata),
        "next_action": next_action,
        "object": "payment_intent",
        "on_behalf_of": null,
        "payment_method": intent.payment_method,
        "payment_method_configuration_details": null,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "processing": null,
    }))
}

fn tail(intent: &Intent) -> Map<String, Value> {
    fields(json!({
        "receipt_email": null,
        "review": null,
        "setup_future_usage": null,
        "shipping": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": intent.status.name(),
        "transfer_data": null,
        "transfer_group": null,
        "source": null,
        "excluded_payment_method_types": null,
        "customer_account": null,
        "managed_payments": null,
        "hooks": null,
    }))
}

fn render_charge(intent: &Intent, charge: &Charge) -> Value {
    let mut body = fields(json!({
        "amount": intent.amount,
        "amount_captured": if charge.captured { intent.totals.captured } else { 0 },
        "amount_refunded": if charge.captured { intent.totals.refunded } else { 0 },
        "application": null,
        "application_fee": null,
        "application_fee_amount": null,
        "balance_transaction": null,
        "billing_details": billing(),
        "calculated_statement_descriptor": null,
        "captured": charge.captured,
        "created": charge.created.as_second(),
        "currency": intent.currency,
        "customer": intent.customer,
        "description": intent.description,
        "disputed": charge.disputed,
        "failure_balance_transaction": null,
        "failure_code": charge.decline.map(|decline| decline.code),
        "failure_message": charge.decline.map(|decline| decline.message),
        "fraud_details": {},
        "id": charge.id,
        "livemode": false,
        "metadata": map(&intent.metadata),
        "object": "charge",
        "on_behalf_of": null,
        "outcome": outcome(charge),
    }));
    body.extend(fields(json!({
        "paid": charge.decline.is_none(),
        "payment_intent": intent.id,
        "payment_method": charge.payment_method,
        "payment_method_details": { "card": card(intent, charge), "type": "card" },
        "receipt_email": null,
        "receipt_number": null,
        "receipt_url": null,
        "refunded": charge.captured && intent.totals.refunded >= intent.totals.captured,
        "review": is_in_review(charge).then(|| charge.id.replacen("ch_", "prv_", 1)),
        "shipping": null,
        "source_transfer": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": if charge.decline.is_none() { "succeeded" } else { "failed" },
        "transfer_data": null,
        "transfer_group": null,
        "source": null,
    })));
    Value::Object(body)
}

fn billing() -> Value {
    json!({
        "address": {
            "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null
        },
        "email": null, "name": null, "phone": null, "tax_id": null,
    })
}

/// Whether a rule placed the charge in review, which no person has closed.
fn is_in_review(charge: &Charge) -> bool {
    charge.decline.is_none() && charge.card.risk == Risk::Review
}

fn outcome(charge: &Charge) -> Value {
    let (network, kind, message) = match charge.decline {
        None if is_in_review(charge) => {
            ("approved_by_network", "manual_review", "Stripe evaluated this payment as risky.")
        }
        None => ("approved_by_network", "authorized", "Payment complete."),
        Some(_) => (
            "declined_by_network",
            "issuer_declined",
            "The bank did not return any further details.",
        ),
    };
    let reason = match charge.decline {
        Some(decline) => Some(decline.reason),
        None => is_in_review(charge).then_some("rule"),
    };
    json!({
        "advice_code": charge.decline.map(|decline| decline.advice),
        "network_advice_code": null,
        "network_decline_code": null,
        "network_status": network,
        "reason": reason,
        "risk_level": charge.card.risk.level(),
        "risk_score": charge.card.risk.score(),
        "seller_message": message,
        "type": kind,
    })
}

fn card(intent: &Intent, charge: &Charge) -> Value {
    let mut card = json!({
        "amount_authorized": charge.decline.is_none().then_some(intent.amount),
        "authorization_code": null,
        "brand": charge.card.brand,
        "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
        "country": "US",
        "exp_month": 8,
        "exp_year": 2034,
        "extended_authorization": { "status": "disabled" },
        "fingerprint": null,
        "funding": "credit",
        "incremental_authorization": { "status": "unavailable" },
        "installments": null,
        "last4": charge.card.last4,
        "mandate": null,
        "multicapture": { "status": "unavailable" },
        "network": charge.card.brand,
        "network_token": { "used": false },
        "network_transaction_id": null,
        "overcapture": { "maximum_amount_capturable": intent.amount, "status": "unavailable" },
        "regulated_status": null,
        "three_d_secure": null,
        "transaction_link_id": null,
        "wallet": null,
    });
    if let Some(before) = charge.capture_before.filter(|_| !charge.captured) {
        card["capture_before"] = json!(before.as_second());
    }
    card
}

fn render_refund(refund: &Refund) -> Value {
    let mut body = json!({
        "amount": refund.amount,
        "balance_transaction": null,
        "charge": refund.charge,
        "created": refund.created.as_second(),
        "currency": refund.currency,
        "destination_details": { "card": { "type": "reversal" }, "type": "card" },
        "id": refund.id,
        "metadata": map(&refund.metadata),
        "object": "refund",
        "payment_intent": refund.intent,
        "reason": refund.reason,
        "receipt_number": null,
        "source_transfer_reversal": null,
        "status": refund.status.name(),
        "transfer_reversal": null,
        "customer": null,
        "customer_account": null,
        "payment_method": null,
    });
    match refund.status {
        RefundStatus::Pending => body["pending_reason"] = json!("processing"),
        RefundStatus::Failed => body["failure_reason"] = json!("expired_or_canceled_card"),
        RefundStatus::Succeeded => {}
    }
    body
}

/// A dispute of a captured charge.
pub(super) fn dispute(id: &str, intent: &Intent, charge: &Charge, at: Timestamp) -> Value {
    json!({
        "id": id,
        "object": "dispute",
        "amount": intent.totals.captured,
        "balance_transactions": [],
        "charge": charge.id,
        "created": at.as_second(),
        "currency": intent.currency,
        "evidence": {},
        "evidence_details": { "due_by": null, "has_evidence": false, "past_due": false, "submission_count": 0 },
        "is_charge_refundable": false,
        "livemode": false,
        "metadata": {},
        "payment_intent": intent.id,
        "reason": "fraudulent",
        "status": "needs_response",
    })
}

fn map(pairs: &[(String, String)]) -> Map<String, Value> {
    pairs.iter().map(|(key, value)| (key.clone(), json!(value))).collect()
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
