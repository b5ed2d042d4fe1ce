//! Lists Stripe's ledger: every payment intent, newest first, in pages.
//!
//! Each intent includes its charge, so the captured and the refunded amount are of the
//! same moment. A page starts after an id, not at a number, so intents that are created
//! during the listing do not shift the pages. Source: <https://docs.stripe.com/api/pagination>.

use domain::ledger::{LedgerPage, ListPaymentIntents, PaymentIntentEntry};
use domain::payment::PaymentIntentState;
use domain::ports::{ApiKeySource, ProviderMode, Transport};
use domain::{Currency, Money, PaymentIntentId, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::ids::payment_intent_id;
use crate::wire::HasMode;
use crate::{EXPAND_CHARGE, MAX_PAGE_SIZE, Outcome, Stripe, parse_success};

impl<T: Transport, K: ApiKeySource> ListPaymentIntents for Stripe<T, K> {
    async fn list_payment_intents(
        &self,
        since: Option<Timestamp>,
        after: Option<&str>,
    ) -> Outcome<LedgerPage<PaymentIntentEntry>> {
        let since = since.map(|since| since.to_jiff().as_second().to_string());
        let mut query = vec![("limit", MAX_PAGE_SIZE), ("expand[]", "data.latest_charge")];
        query.extend(since.as_deref().map(|since| ("created[gte]", since)));
        query.extend(after.map(|id| ("starting_after", id)));
        parse_success(self.get("payment_intents", &query).await, WirePage::parse)
    }

    async fn entry(&self, id: &PaymentIntentId) -> Outcome<PaymentIntentEntry> {
        let intent = self.get(&format!("payment_intents/{id}"), &[EXPAND_CHARGE]).await;
        parse_success(intent, |intent: Value| {
            parse_entry(intent).ok_or("the payment intent is malformed")
        })
    }
}

#[derive(Deserialize)]
struct WirePage {
    data: Vec<Value>,
    has_more: bool,
}

impl HasMode for WirePage {
    fn is_in(&self, mode: ProviderMode) -> bool {
        self.data.iter().all(|intent| intent.is_in(mode))
    }
}

impl WirePage {
    fn parse(self) -> Result<LedgerPage<PaymentIntentEntry>, &'static str> {
        let count = self.data.len();
        let last = self.data.last().and_then(|last| last["id"].as_str()).map(str::to_owned);
        let entries: Vec<_> = self.data.into_iter().filter_map(parse_entry).collect();
        match (self.has_more, last) {
            (true, None) => Err("a page with a successor ends without an id"),
            (has_more, last) => Ok(LedgerPage {
                unreadable: count - entries.len(),
                entries,
                next: last.filter(|_| has_more),
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

/// The domain's entry; `None` if the currency or the state is not supported.
fn parse_entry(entry: Value) -> Option<PaymentIntentEntry> {
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

/// Whether an intent reaches this state only after a confirmation.
const fn is_past_confirmation(state: PaymentIntentState) -> bool {
    matches!(
        state,
        PaymentIntentState::RequiresAction
            | PaymentIntentState::Processing
            | PaymentIntentState::RequiresCapture
            | PaymentIntentState::Succeeded
    )
}
