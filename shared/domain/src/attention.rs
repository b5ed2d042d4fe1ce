//! The reasons for which a person should look at an order.

use serde::{Deserialize, Serialize};

/// Why a person should look at an order. Independent of its status: a closed order
/// can need attention too.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::VariantArray,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Attention {
    /// An operator must approve or reject it.
    Review,
    /// It waits for a restock.
    Backorder,
    /// An operator must decide how it goes on, or finish what could not be undone.
    Operator,
}

impl Attention {
    /// Every reason.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;
}
