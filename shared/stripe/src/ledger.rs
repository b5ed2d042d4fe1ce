//! The gateway's book: all intents, a page at a time, newest first.
//!
//! Each comes with its charge, which says how much of it went back, so that an
//! entry is one moment's word. The pages are cut by id, not by number, so intents
//! that are made while the book is read move no other into or out of a page.

use domain::ledger::{LedgerPage, ListPaymentIntents, PaymentIntentEntry};
use domain::payment::PaymentIntentState;
use domain::ports::Transport;
use domain::{Currency, Money, PaymentIntentId, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::{Answer, EXPAND_CHARGE, Stripe, map};
use crate::ids::payment_intent_id;

/// As many as the gateway gives at once.
const PAGE: &str = "100";

impl<T: Transport> ListPaymentIntents for Stripe<T> {
    async fn list_payment_intents(
        &self,
        since: Option<Timestamp>,
        after: Option<&str>,
    ) -> Answer<LedgerPage<PaymentIntentEntry>> {
        let since = since.map(|since| since.to_jiff().as_second().to_string());
        let mut query = vec![("limit", PAGE), ("expand[]", "data.latest_charge")];
        query.extend(since.as_deref().map(|since| ("created[gte]", since)));
        query.extend(after.map(|id| ("starting_after", id)));
        map(self.get("payment_intents", &query).await, WirePage::read)
    }

    async fn entry(&self, id: &PaymentIntentId) -> Answer<PaymentIntentEntry> {
        let found = self.get(&format!("payment_intents/{id}"), &[EXPAND_CHARGE]).await;
        map(found, |found: Value| read(found).ok_or("the intent is not one of ours"))
    }
}

#[derive(Deserialize)]
struct WirePage {
    data: Vec<Value>,
    has_more: bool,
}

impl WirePage {
    fn read(self) -> Result<LedgerPage<PaymentIntentEntry>, &'static str> {
        let all = self.data.len();
        let last = self.data.last().and_then(|last| last["id"].as_str()).map(str::to_owned);
        let entries: Vec<_> = self.data.into_iter().filter_map(read).collect();
        match (self.has_more, last) {
            (true, None) => Err("a page that goes on ends nowhere"),
            (more, last) => Ok(LedgerPage {
                unreadable: all - entries.len(),
                entries,
                next: last.filter(|_| more),
            }),
        }
    }
}

#[derive(Deserialize)]
struct WireEntry {
    id: String,
    status: PaymentIntentState,
    amount: u64,
    currency: String,
    #[serde(default)]
    amount_received: u64,
    #[serde(default)]
    metadata: WireMetadata,
    #[serde(default)]
    latest_charge: Option<WireCharge>,
}

#[derive(Default, Deserialize)]
struct WireMetadata {
    #[serde(default)]
    order_id: Option<String>,
}

#[derive(Deserialize)]
struct WireCharge {
    amount_refunded: u64,
}

/// The entry in our words; none for one in a currency or a state that is none of ours.
fn read(entry: Value) -> Option<PaymentIntentEntry> {
    let entry: WireEntry = serde_json::from_value(entry).ok()?;
    let currency = Currency::from_code(&entry.currency.to_ascii_uppercase())?;
    let charge = entry.latest_charge;
    Some(PaymentIntentEntry {
        id: payment_intent_id(entry.id)?,
        order: entry.metadata.order_id,
        state: entry.status,
        amount: Money::new(entry.amount, currency),
        captured_minor: entry.amount_received,
        refunded_minor: charge.as_ref().map_or(0, |charge| charge.amount_refunded),
        confirmed: charge.is_some() || is_past_confirmation(entry.status),
    })
}

/// Whether nothing gets into this state without a confirmation.
const fn is_past_confirmation(state: PaymentIntentState) -> bool {
    matches!(
        state,
        PaymentIntentState::RequiresAction
            | PaymentIntentState::Processing
            | PaymentIntentState::RequiresCapture
            | PaymentIntentState::Succeeded
    )
}
