//! The audit history: which person changed an order or a product, when, and how.
//!
//! Every privileged write appends one entry in the same conditional write as its effect:
//! there is no decision without its entry, and no entry without its decision. Entries are
//! only appended. A later decision never changes an earlier entry.
//!
//! The entries of an order are on its record. There are at most [`MAX_ORDER_ENTRIES`], so
//! that the record never comes near the limit of a `DynamoDB` item. Beyond that a decision is
//! refused; no entry is ever dropped. The entries of a product are separate items,
//! numbered from 1, so their number has no limit and the product stays small.

use serde::{Deserialize, Serialize};

use crate::catalog::StockItem;
use crate::decision::{OperatorAction, ReviewDecision};
use crate::ports::{NewProduct, StockChange};
use crate::{Private, Timestamp};

/// The maximum number of entries of an order. Each has at most 500 characters of note
/// (2,000 bytes), 255 bytes of actor and 100 of the rest: 240 kB of the 400 kB that an item
/// may have.
pub const MAX_ORDER_ENTRIES: usize = 100;
/// The number of entries that are reserved for `compensate` and `settle`, so that an order whose history
/// is nearly full can still be finished.
pub(crate) const RESERVED_ENTRIES: usize = 10;

/// What was done. The names are public; a deployed one is never renamed.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
pub enum AuditAction {
    /// An operator canceled the order of a customer.
    #[serde(rename = "cancel")]
    #[strum(serialize = "cancel")]
    Cancel,
    /// An operator approved the order in its review.
    #[serde(rename = "review:approve")]
    #[strum(serialize = "review:approve")]
    Approve,
    /// An operator rejected the order in its review.
    #[serde(rename = "review:reject")]
    #[strum(serialize = "review:reject")]
    Reject,
    /// An operator had the capture tried again.
    #[serde(rename = "resume:capture")]
    #[strum(serialize = "resume:capture")]
    Capture,
    /// An operator let the order go through its steps once more.
    #[serde(rename = "resume:retry")]
    #[strum(serialize = "resume:retry")]
    Retry,
    /// An operator had the order compensated.
    #[serde(rename = "resume:compensate")]
    #[strum(serialize = "resume:compensate")]
    Compensate,
    /// An operator had the order compensated, and allowed the refund of captured money.
    #[serde(rename = "resume:compensate-with-refund")]
    #[strum(serialize = "resume:compensate-with-refund")]
    CompensateWithRefund,
    /// An operator recorded by hand what a provider did not say.
    #[serde(rename = "resume:settle")]
    #[strum(serialize = "resume:settle")]
    Settle,
    /// An operator cleared the attention of a closed order.
    #[serde(rename = "resume:acknowledge")]
    #[strum(serialize = "resume:acknowledge")]
    Acknowledge,
    /// A product was created.
    #[serde(rename = "product:create")]
    #[strum(serialize = "product:create")]
    CreateProduct,
    /// The title, the price or the weight of a product was changed.
    #[serde(rename = "product:change")]
    #[strum(serialize = "product:change")]
    ChangeProduct,
    /// Stock was added.
    #[serde(rename = "product:restock")]
    #[strum(serialize = "product:restock")]
    Restock,
    /// Stock was removed: a count found fewer goods, or they were damaged.
    #[serde(rename = "product:remove")]
    #[strum(serialize = "product:remove")]
    RemoveStock,
}

impl AuditAction {
    /// Every action.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name on record, such as `review:approve`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The decision of a review.
    pub const fn of_review(decision: ReviewDecision) -> Self {
        match decision {
            ReviewDecision::Approve => Self::Approve,
            ReviewDecision::Reject => Self::Reject,
        }
    }

    /// An operator's action about an order that needs attention.
    pub const fn of_operator(action: OperatorAction, refund: bool) -> Self {
        match action {
            OperatorAction::Capture => Self::Capture,
            OperatorAction::Retry => Self::Retry,
            OperatorAction::Compensate if refund => Self::CompensateWithRefund,
            OperatorAction::Compensate => Self::Compensate,
            OperatorAction::Settle => Self::Settle,
            OperatorAction::Acknowledge => Self::Acknowledge,
        }
    }

    /// Whether it may use the entries that are reserved for finishing an order.
    const fn finishes_the_order(self) -> bool {
        matches!(self, Self::Compensate | Self::CompensateWithRefund | Self::Settle)
    }
}

/// An entry of an audit history. For operators, never for customers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When it was done.
    pub at: Timestamp,
    /// The person: the `sub` of their token.
    pub actor: String,
    /// What was done.
    pub action: AuditAction,
    /// What it changed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The person's note. It may name a customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Private<String>>,
}

impl AuditEntry {
    /// An entry without detail and note.
    pub fn new(action: AuditAction, actor: &str, at: Timestamp) -> Self {
        Self { at, actor: actor.to_owned(), action, detail: None, note: None }
    }

    /// The entry with a detail.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// The entry with a note, if there is one.
    #[must_use]
    pub fn with_note(self, note: Option<&str>) -> Self {
        Self { note: note.map(|note| Private::new(note.to_owned())), ..self }
    }

    /// The entry of a write of a product; none if the write changes nothing. `before` is the
    /// product on record.
    pub fn for_product(
        before: Option<&StockItem>,
        product: &NewProduct,
        actor: &str,
        at: Timestamp,
    ) -> Option<Self> {
        let Some(before) = before else {
            let detail = format!(
                "price {}, weight {} g, title “{}”, available {}",
                product.unit_price,
                product.weight_grams,
                product.title,
                product.available.unwrap_or(0)
            );
            let entry = Self::new(AuditAction::CreateProduct, actor, at);
            return Some(entry.with_detail(detail));
        };
        let changes = [
            (before.unit_price != product.unit_price)
                .then(|| format!("price {} to {}", before.unit_price, product.unit_price)),
            (before.weight_grams != product.weight_grams)
                .then(|| format!("weight {} g to {} g", before.weight_grams, product.weight_grams)),
            (before.title != product.title)
                .then(|| format!("title “{}” to “{}”", before.title, product.title)),
        ];
        let changes: Vec<_> = changes.into_iter().flatten().collect();
        let entry =
            || Self::new(AuditAction::ChangeProduct, actor, at).with_detail(changes.join(", "));
        (!changes.is_empty()).then(entry)
    }

    /// The entry of a change of stock.
    pub fn for_stock_change(
        change: &StockChange,
        quantity: u32,
        actor: &str,
        at: Timestamp,
    ) -> Self {
        let (action, reason) = match change {
            StockChange::Restock => (AuditAction::Restock, None),
            StockChange::Removal { reason } => (AuditAction::RemoveStock, Some(reason.as_str())),
        };
        let entry = Self::new(action, actor, at).with_detail(format!("quantity {quantity}"));
        entry.with_note(reason)
    }
}

/// Whether an order with so many entries has room for one of this action.
pub(crate) const fn has_room(entries: usize, action: AuditAction) -> bool {
    let reserved = if action.finishes_the_order() { 0 } else { RESERVED_ENTRIES };
    entries + reserved < MAX_ORDER_ENTRIES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Currency, Money, Sku};

    fn at() -> Timestamp {
        "2026-11-23T04:00:00Z".parse().unwrap()
    }

    #[test]
    fn each_action_has_one_name_in_json_and_in_the_code() {
        for action in AuditAction::ALL {
            assert_eq!(serde_json::to_value(action).unwrap(), action.name());
        }
    }

    #[test]
    fn the_last_entries_of_an_order_are_for_compensation() {
        let check = |entries, action, expected| {
            assert_eq!(has_room(entries, action), expected, "{entries} {action:?}");
        };
        check(0, AuditAction::Capture, true);
        check(89, AuditAction::Capture, true);
        check(90, AuditAction::Capture, false);
        check(90, AuditAction::Compensate, true);
        check(99, AuditAction::CompensateWithRefund, true);
        check(99, AuditAction::Settle, true);
        check(100, AuditAction::Compensate, false);
    }

    #[test]
    fn the_entry_of_a_product_says_what_changed() {
        let sku = Sku::parse("MUG").unwrap();
        let price = Money::new(1250, Currency::Usd);
        let on_record = StockItem {
            sku: sku.clone(),
            title: "Mug".into(),
            unit_price: price,
            weight_grams: 350,
            available: 2,
            received: 2,
        };
        let unchanged = NewProduct {
            sku,
            title: "Mug".into(),
            unit_price: price,
            weight_grams: 350,
            available: None,
        };
        let detail = |before: Option<&StockItem>, product: &NewProduct| {
            let entry = AuditEntry::for_product(before, product, "clerk", at())?;
            Some((entry.action, entry.detail.unwrap()))
        };
        assert_eq!(detail(Some(&on_record), &unchanged), None);
        assert_eq!(
            detail(None, &NewProduct { available: Some(7), ..unchanged.clone() }),
            Some((
                AuditAction::CreateProduct,
                "price 12.50 USD, weight 350 g, title “Mug”, available 7".into()
            ))
        );
        let changed = NewProduct {
            title: "Cup".into(),
            unit_price: Money::new(1300, Currency::Usd),
            weight_grams: 360,
            ..unchanged
        };
        assert_eq!(
            detail(Some(&on_record), &changed),
            Some((
                AuditAction::ChangeProduct,
                "price 12.50 USD to 13.00 USD, weight 350 g to 360 g, title “Mug” to “Cup”".into()
            ))
        );
    }
}
