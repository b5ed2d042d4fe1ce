//! The error names with which a function fails, as the state machine matches them.
//!
//! An [`ErrorName`] is sorted by what the caller does next. A transient one is retried:
//! a retrier of `statemachine.asl.json` names it. A final one is caught. A test
//! compares this list with the file. [`StepError`] adds a detail for an operator.

use crate::account::AccountProblem;

/// The name of a failure: the `errorType` of the Lambda error.
///
/// The names are matched by the state machine; a deployed one is never renamed.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
pub enum ErrorName {
    /// The payment provider could not be reached or was overloaded. The call had no
    /// effect.
    PaymentGatewayUnavailable,
    /// A call of the payment provider may have had an effect, and a lookup fails.
    PaymentOutcomeUnknown,
    /// The payment provider's rate limit turned the call away. The call had no effect.
    PaymentThrottled,
    /// The shipping provider's rate limit turned the call away. The call had no effect.
    CarrierThrottled,
    /// Another order reserved or released the same SKU at the same time.
    StockContended,
    /// The shipping provider could not be reached or was overloaded. The call had no
    /// effect.
    CarrierUnavailable,
    /// A call of the shipping provider may have had an effect, and a lookup fails.
    ShipmentOutcomeUnknown,
    /// The tables could not be read or written.
    StoreUnavailable,
    /// The input is malformed. Retrying does not help.
    InvalidRequest,
    /// There is no order with this id.
    OrderNotFound,
    /// The customer canceled the order.
    OrderCancelled,
    /// An operator rejected the order, or its review expired.
    ReviewRejected,
    /// The restock did not arrive in time.
    RestockOverdue,
    /// The card issuer declined the payment.
    PaymentDeclined,
    /// The payment cannot be captured any more, or the order holds no goods to capture
    /// it for.
    PaymentNotCapturable,
    /// The payment provider rejects our account or our request, or holds another amount
    /// than the order's total.
    PaymentMisconfigured,
    /// The payment is captured, and the operator did not permit a refund.
    RefundNotPermitted,
    /// The shipping provider rejects the address or the parcel, or offers no rate.
    ShippingRejected,
    /// The shipping provider rejects our account or our request.
    CarrierMisconfigured,
    /// Compensation began: no step goes forward any more.
    CompensationBegun,
    /// A later step is not compensated yet: compensation must start from the top.
    CompensationIncomplete,
    /// Another execution owns the order.
    Superseded,
}

impl ErrorName {
    /// Every error name, the transient ones first.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name that the state machine matches.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether our own load is the reason: a rate limit, or two orders for the same stock.
    /// Such an error makes an order late and never fails it, so it is retried for longer
    /// than an outage.
    pub const fn is_throttling(self) -> bool {
        matches!(self, Self::PaymentThrottled | Self::CarrierThrottled | Self::StockContended)
    }

    /// Whether the same call may succeed later.
    pub const fn is_transient(self) -> bool {
        self.is_throttling()
            || matches!(
                self,
                Self::PaymentGatewayUnavailable
                    | Self::PaymentOutcomeUnknown
                    | Self::CarrierUnavailable
                    | Self::ShipmentOutcomeUnknown
                    | Self::StoreUnavailable
            )
    }

    /// An error of this name with a detail for an operator.
    ///
    /// The detail goes into execution history: it must hold nothing private.
    pub fn with_detail(self, detail: impl Into<String>) -> StepError {
        StepError { name: self, detail: detail.into(), problem: None }
    }
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct StepError {
    /// The name that the state machine matches.
    pub name: ErrorName,
    /// The detail, for an operator. Nothing private.
    pub detail: String,
    /// What is wrong with our account at the provider, if that is why.
    pub problem: Option<AccountProblem>,
}

impl StepError {
    /// The same error, with what is wrong with our account at the provider.
    #[must_use]
    pub fn with_problem(self, problem: AccountProblem) -> Self {
        Self { problem: Some(problem), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_unique_name_which_is_that_of_its_variant() {
        let names: std::collections::BTreeSet<_> =
            ErrorName::ALL.iter().map(|name| name.as_str()).collect();
        assert_eq!(names.len(), ErrorName::ALL.len());
        for name in ErrorName::ALL {
            assert_eq!(name.as_str(), format!("{name:?}"));
        }
    }
}
