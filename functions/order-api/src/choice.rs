//! Enums that a client writes as one of a few words.
//!
//! The words are those that serde writes, so a request, a response and the OpenAPI
//! document cannot differ.

use domain::audit::AuditAction;
use domain::decision::{OperatorAction, ReviewDecision};
use domain::order::{Attention, OutOfStockPolicy};
use domain::settlement::{LabelClaim, MoneyClaim};
use domain::shipment::ShippingService;
use serde::Serialize;
use serde_json::Value;

/// An enum whose values are words in JSON.
pub(crate) trait Choice: Copy + Serialize + 'static {
    /// Every value.
    const ALL: &'static [Self];
}

/// Lists the variants of an enum; a variant that is left out does not compile.
macro_rules! choices {
    ($enum:ident { $($variant:ident),+ }) => {
        impl Choice for $enum {
            const ALL: &'static [Self] = &[$(Self::$variant),+];
        }
        const _: fn($enum) = |value| match value { $($enum::$variant)|+ => () };
    };
}

choices!(ReviewDecision { Approve, Reject });
choices!(OperatorAction { Capture, Retry, Compensate, Settle, Acknowledge });
choices!(MoneyClaim { Captured, Refunded, Voided });
choices!(LabelClaim { Refunded, Kept, None });
choices!(ShippingService { Standard, Express });
choices!(OutOfStockPolicy { Reject, Wait });

impl Choice for AuditAction {
    const ALL: &'static [Self] = Self::ALL;
}

impl Choice for Attention {
    const ALL: &'static [Self] = Self::ALL;
}

/// The value of a word.
pub(crate) fn parse<T: Choice>(word: &str) -> Option<T> {
    T::ALL.iter().copied().find(|value| serde_json::to_value(value).is_ok_and(|own| own == word))
}

/// Says which words are accepted, as a sentence that follows the field's name.
pub(crate) fn expected<T: Choice>() -> String {
    let words = T::ALL.iter().filter_map(|value| match serde_json::to_value(value) {
        Ok(Value::String(word)) => Some(format!("`{word}`")),
        _ => None,
    });
    format!("must be {}", words.collect::<Vec<_>>().join(" or "))
}
