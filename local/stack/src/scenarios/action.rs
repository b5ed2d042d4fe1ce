//! The actions of a scenario: what people and providers do to its order, and when.
//!
//! An entry of `actions` is `{"when", "do", …, "answer"?}`. `do` names the action. The
//! other fields belong to that action, and unknown fields are rejected.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Something that is done to the order once its trigger holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct Action {
    /// When the action is due.
    pub trigger: Trigger,
    /// What is done.
    pub kind: ActionKind,
    /// The expected HTTP status; without it, any 2xx.
    pub expected_status: Option<u16>,
}

/// When an action is due.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The order has this status.
    Status(String),
    /// An execution of the order has entered this state.
    State(String),
    /// An execution of the order waits in this state: for a task token, for a Wait
    /// state's time, or for the next attempt. No function of it runs during the action.
    #[serde(rename = "waits")]
    WaitsIn(String),
    /// The order's timeline has an entry with this detail.
    Timeline(String),
}

/// What is done to the order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ActionKind {
    /// An operator decides a review. Of several concurrent operators one gets 200 and
    /// the others 409.
    Review {
        /// `approve` or `reject`.
        decision: String,
        /// The operator's note.
        note: Option<String>,
        /// The number of operators that decide at once.
        #[serde(default = "one")]
        deciders: u32,
    },
    /// An operator resolves an order that needs attention.
    Resume {
        /// `capture`, `retry`, `compensate`, `settle` or `acknowledge`.
        action: String,
        /// Whether captured money may be refunded.
        refund: Option<bool>,
        /// What became of the money, for `settle`.
        money: Option<String>,
        /// What became of the label, for `settle`.
        label: Option<String>,
        /// The operator's note.
        note: Option<String>,
    },
    /// The customer cancels.
    Cancel {},
    /// The customer or an operator reads from the API.
    Read {
        /// The path and query; `{orderId}` stands for the order's id.
        path: String,
        /// Who reads.
        by: Reader,
    },
    /// Stock arrives.
    Restock {
        /// The SKU.
        sku: String,
        /// The number of units.
        quantity: u32,
    },
    /// An operator stores a new value of a secret.
    PutSecret {
        /// The secret's name in the template.
        secret: String,
        /// The value.
        value: String,
    },
    /// The provider revokes the API key that the function for orders uses now.
    RevokeKey {
        /// The provider.
        provider: Provider,
    },
    /// The stack is as after a first deployment: no key and no webhook secret is stored, and
    /// no process of a function has read one.
    RemoveKeys {},
    /// All injected faults are removed.
    ClearFaults {},
    /// An operator aborts the execution that currently processes the order.
    StopExecution {},
    /// An operator redrives the order's first execution.
    Redrive {},
    /// A webhook about the order arrives, besides those that the emulators send.
    Webhook {
        /// The provider that the webhook claims to come from.
        provider: Provider,
        /// How it differs from a genuine webhook.
        kind: WebhookKind,
        /// The event type: `payment_intent.canceled`, `tracker.updated`, ….
        event: String,
    },
    /// The refunds of the order fail at the payment provider.
    FailRefund {},
    /// The cardholder disputes the charge.
    Dispute {},
    /// The shop captures a part of the authorization in the payment provider's dashboard.
    CapturePart {
        /// The amount, in minor units.
        amount: i64,
    },
    /// The shop refunds the payment in the payment provider's dashboard.
    RefundCharge {},
    /// The shipping provider rejects the refund of the label, and later ones.
    RejectRefund {},
    /// The shipping provider completes the submitted refund of the label.
    CompleteLabelRefund {},
    /// The carrier scans the parcel.
    Track {
        /// `in_transit`, `delivered`, ….
        status: String,
    },
}

/// A person who reads from the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reader {
    /// The customer who placed the order.
    Customer,
    /// An operator.
    Operator,
}

/// A provider that sends webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// The payment provider.
    Stripe,
    /// The shipping provider.
    EasyPost,
}

/// How a webhook differs from a genuine one that arrives in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookKind {
    /// What it reports has not happened yet.
    Early,
    /// What it reports is no longer true.
    Late,
    /// It is delivered twice.
    Repeat,
    /// It is signed with another secret.
    Forged,
    /// Its body was changed after it was signed.
    Tampered,
    /// It was signed ten minutes ago.
    Stale,
    /// It comes from the provider's live mode; the stack runs in test mode.
    WrongMode,
    /// It names an unknown order.
    Foreign,
    /// It is larger than the API accepts.
    Oversized,
}

const fn one() -> u32 {
    1
}

impl TryFrom<Map<String, Value>> for Action {
    type Error = serde_json::Error;

    fn try_from(mut fields: Map<String, Value>) -> Result<Self, Self::Error> {
        let trigger = fields.remove("when").unwrap_or_default();
        let expected_status = fields.remove("answer").unwrap_or_default();
        Ok(Self {
            trigger: serde_json::from_value(trigger)?,
            expected_status: serde_json::from_value(expected_status)?,
            kind: serde_json::from_value(Value::Object(fields))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_action_has_a_trigger_a_kind_and_an_expected_status() {
        let entry = json!({"when": {"status": "SHIPPING"}, "do": "cancel", "answer": 409});
        let action: Action = serde_json::from_value(entry).unwrap();
        let trigger = Trigger::Status("SHIPPING".into());
        let kind = ActionKind::Cancel {};
        assert_eq!(action, Action { trigger, kind, expected_status: Some(409) });
    }

    #[test]
    fn unknown_actions_fields_and_triggers_are_rejected() {
        let check = |entry: Value, expected: &str| {
            let error = serde_json::from_value::<Action>(entry).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} lacks {expected}");
        };
        let when = json!({"status": "SHIPPING"});
        check(json!({"do": "cancel"}), "null");
        check(json!({"when": when, "do": "dance"}), "dance");
        check(json!({"when": when, "do": "cancel", "why": "?"}), "why");
        check(json!({"when": when, "do": "review"}), "decision");
        check(json!({"when": when, "do": "read", "path": "/orders"}), "by");
        check(json!({"when": {"moon": "full"}, "do": "cancel"}), "moon");
        check(json!({"when": when, "do": "cancel", "answer": "no"}), "no");
    }
}
