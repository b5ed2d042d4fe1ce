//! What people and the world do to an order, and when: one entry of `actions`.
//!
//! An entry is `{"when", "do", …, "answer"?}`; `do` names the deed, the other fields
//! are the deed's own, and a field that it does not have is refused.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Something that happens once the order is where it is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct Action {
    /// When it is due.
    pub when: When,
    /// What happens.
    pub deed: Deed,
    /// The code that it must be answered; without it, any that says yes.
    pub answer: Option<u16>,
}

/// When an action is due.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// The order has this status.
    Status(String),
    /// An execution of the order has entered this state.
    State(String),
    /// An execution of the order waits in this state: for an answer, for its time, or
    /// for its next attempt. So nothing of it runs while somebody acts.
    Waits(String),
    /// The order's timeline has an entry with this detail.
    Timeline(String),
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Deed {
    /// A person decides about an order under review; or several at once, of whom one
    /// is answered 200, and the others 409.
    Review {
        /// `approve` or `reject`.
        decision: String,
        /// What they write about it.
        note: Option<String>,
        /// How many decide.
        #[serde(default = "one")]
        deciders: u32,
    },
    /// An operator decides about an order that is stuck.
    Resume {
        /// `capture`, `compensate` or `acknowledge`.
        action: String,
        /// Whether captured money may be given back.
        refund: Option<bool>,
        /// What they write about it.
        note: Option<String>,
    },
    /// The customer cancels.
    Cancel {},
    /// Goods arrive.
    Restock {
        /// Of what.
        sku: String,
        /// How many.
        quantity: u32,
    },
    /// Whatever was broken works again.
    ClearFaults {},
    /// Somebody aborts the execution that owns the order, by hand.
    StopExecution {},
    /// Somebody starts the order's first execution again from where it ended.
    Redrive {},
    /// A webhook about the order arrives, besides those that the providers send.
    Webhook {
        /// Whose it says it is.
        provider: Teller,
        /// What is the matter with it.
        kind: Telling,
        /// What it tells: `payment_intent.canceled`, `tracker.updated`, ….
        event: String,
    },
    /// The gateway's books change: the refunds of the order fail.
    FailRefund {},
    /// The owner of the card disputes the charge.
    Dispute {},
    /// The carrier will not give the label's price back.
    RejectRefund {},
    /// The carrier sees the parcel.
    Track {
        /// `in_transit`, `delivered`, ….
        status: String,
    },
}

/// Who tells of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Teller {
    /// The gateway.
    Stripe,
    /// The carrier.
    EasyPost,
}

/// What is the matter with a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Telling {
    /// What it tells is not so yet.
    Early,
    /// What it tells is not so any longer.
    Late,
    /// The same, twice.
    Repeat,
    /// Signed with a secret that is not ours.
    Forged,
    /// Changed after it was signed.
    Tampered,
    /// Signed ten minutes ago.
    Stale,
    /// Of the provider's other mode: real money, where ours is play.
    WrongMode,
    /// About something that is not ours.
    Foreign,
    /// Larger than any that a provider sends.
    Oversized,
}

const fn one() -> u32 {
    1
}

impl TryFrom<Map<String, Value>> for Action {
    type Error = serde_json::Error;

    fn try_from(mut fields: Map<String, Value>) -> Result<Self, Self::Error> {
        let when = fields.remove("when").unwrap_or_default();
        let answer = fields.remove("answer").unwrap_or_default();
        Ok(Self {
            when: serde_json::from_value(when)?,
            answer: serde_json::from_value(answer)?,
            deed: serde_json::from_value(Value::Object(fields))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_action_says_when_what_and_which_answer_must_come() {
        let said = json!({"when": {"status": "SHIPPING"}, "do": "cancel", "answer": 409});
        let action: Action = serde_json::from_value(said).unwrap();
        let when = When::Status("SHIPPING".into());
        assert_eq!(action, Action { when, deed: Deed::Cancel {}, answer: Some(409) });
    }

    #[test]
    fn what_an_action_does_not_know_is_refused() {
        let check = |said: Value, expected: &str| {
            let error = serde_json::from_value::<Action>(said).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} lacks {expected}");
        };
        let when = json!({"status": "SHIPPING"});
        check(json!({"do": "cancel"}), "null");
        check(json!({"when": when, "do": "dance"}), "dance");
        check(json!({"when": when, "do": "cancel", "why": "?"}), "why");
        check(json!({"when": when, "do": "review"}), "decision");
        check(json!({"when": {"moon": "full"}, "do": "cancel"}), "moon");
        check(json!({"when": when, "do": "cancel", "answer": "no"}), "no");
    }
}
