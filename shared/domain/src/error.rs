//! The closed list of names by which a function tells the state machine how it
//! failed.
//!
//! A [`ErrorName`] is sorted by what the caller does next: a transient one is tried
//! again by a retrier of `statemachine.asl.json`, which names it; a final one
//! is caught. The test `tidy.rs` holds file and list together.

/// The name of a failure, as `errorType` of the Lambda error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorName {
    /// The gateway could not be reached, or was overloaded; nothing happened there.
    PaymentGatewayUnavailable,
    /// The gateway may have acted, and could not be asked whether it did.
    PaymentOutcomeUnknown,
    /// Another order was at the same shelf at the same moment.
    StockContended,
    /// The carrier could not be reached, or was overloaded; nothing happened there.
    CarrierUnavailable,
    /// The carrier may have acted, and could not be asked whether it did.
    ShipmentOutcomeUnknown,
    /// The tables could not be read or written.
    StoreUnavailable,
    /// The input makes no sense; no retry will mend it.
    InvalidRequest,
    /// There is no such order.
    OrderNotFound,
    /// The customer asked for the cancellation of the order.
    OrderCancelled,
    /// A person rejected the order, or nobody looked in time.
    ReviewRejected,
    /// The restock did not come in time.
    RestockOverdue,
    /// The bank refused the card.
    PaymentDeclined,
    /// The money cannot be taken any more, or the goods are not there to take it for.
    PaymentNotCapturable,
    /// The gateway refuses our account, our request, or holds another amount than ours.
    PaymentMisconfigured,
    /// The carrier refuses the address or the parcel, or offers no rate.
    ShippingRejected,
    /// The carrier refuses our account or our request.
    CarrierMisconfigured,
    /// The order has turned round; nothing goes forward any more.
    CompensationBegun,
    /// A later step is not undone yet; compensation must begin at its top.
    CompensationIncomplete,
    /// Another execution owns the order.
    Superseded,
}

impl ErrorName {
    /// Every fault, transient ones first.
    pub const ALL: [Self; 19] = [
        Self::PaymentGatewayUnavailable,
        Self::PaymentOutcomeUnknown,
        Self::StockContended,
        Self::CarrierUnavailable,
        Self::ShipmentOutcomeUnknown,
        Self::StoreUnavailable,
        Self::InvalidRequest,
        Self::OrderNotFound,
        Self::OrderCancelled,
        Self::ReviewRejected,
        Self::RestockOverdue,
        Self::PaymentDeclined,
        Self::PaymentNotCapturable,
        Self::PaymentMisconfigured,
        Self::ShippingRejected,
        Self::CarrierMisconfigured,
        Self::CompensationBegun,
        Self::CompensationIncomplete,
        Self::Superseded,
    ];

    /// The name that the state machine matches.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PaymentGatewayUnavailable => "PaymentGatewayUnavailable",
            Self::PaymentOutcomeUnknown => "PaymentOutcomeUnknown",
            Self::StockContended => "StockContended",
            Self::CarrierUnavailable => "CarrierUnavailable",
            Self::ShipmentOutcomeUnknown => "ShipmentOutcomeUnknown",
            Self::StoreUnavailable => "StoreUnavailable",
            Self::InvalidRequest => "InvalidRequest",
            Self::OrderNotFound => "OrderNotFound",
            Self::OrderCancelled => "OrderCancelled",
            Self::ReviewRejected => "ReviewRejected",
            Self::RestockOverdue => "RestockOverdue",
            Self::PaymentDeclined => "PaymentDeclined",
            Self::PaymentNotCapturable => "PaymentNotCapturable",
            Self::PaymentMisconfigured => "PaymentMisconfigured",
            Self::ShippingRejected => "ShippingRejected",
            Self::CarrierMisconfigured => "CarrierMisconfigured",
            Self::CompensationBegun => "CompensationBegun",
            Self::CompensationIncomplete => "CompensationIncomplete",
            Self::Superseded => "Superseded",
        }
    }

    /// Whether the same call may well succeed later.
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::PaymentGatewayUnavailable
                | Self::PaymentOutcomeUnknown
                | Self::StockContended
                | Self::CarrierUnavailable
                | Self::ShipmentOutcomeUnknown
                | Self::StoreUnavailable
        )
    }

    /// This fault with what there is to say about it, for an operator.
    ///
    /// The detail goes into execution history: it must hold nothing private.
    pub fn with_detail(self, detail: impl Into<String>) -> StepError {
        StepError { name: self, detail: detail.into() }
    }
}

impl std::fmt::Display for ErrorName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an operation ended when it did not do what it is for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct StepError {
    /// The name that the state machine matches.
    pub name: ErrorName,
    /// What there is to say about it, for an operator; nothing private.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> =
            ErrorName::ALL.iter().map(|f| f.as_str()).collect();
        assert_eq!(names.len(), ErrorName::ALL.len());
        for fault in ErrorName::ALL {
            assert_eq!(fault.as_str(), format!("{fault:?}"));
        }
    }
}
