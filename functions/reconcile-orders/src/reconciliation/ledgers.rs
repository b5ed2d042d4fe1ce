//! The four ledgers, and how a provider's ledger is called.

use domain::ports::{CallOutcome, PaymentRejection, ShippingRejection, StoreUnavailable};

/// How often a provider that does not answer is called, one call after the other.
const ATTEMPTS: usize = 3;

/// The four ledgers, each behind its port.
#[derive(Debug)]
pub struct Ledgers<'a, O, I, P, S> {
    /// The Orders table.
    pub orders: &'a O,
    /// The stock levels.
    pub stock: &'a I,
    /// The payment provider.
    pub payment_provider: &'a P,
    /// The shipping provider.
    pub shipping_provider: &'a S,
}

/// A ledger, or an entry of one, could not be read, for this reason. No conclusion follows
/// from that.
#[derive(Debug)]
pub(super) struct Unreadable(String);

impl Unreadable {
    pub(super) fn because(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

impl From<StoreUnavailable> for Unreadable {
    fn from(error: StoreUnavailable) -> Self {
        Self(error.to_string())
    }
}

impl From<PaymentRejection> for Unreadable {
    fn from(rejection: PaymentRejection) -> Self {
        Self(match rejection {
            PaymentRejection::Misconfigured(why) => why,
            _ => "the payment provider rejects the request".to_owned(),
        })
    }
}

impl From<ShippingRejection> for Unreadable {
    fn from(rejection: ShippingRejection) -> Self {
        Self(match rejection {
            ShippingRejection::Misconfigured(why) | ShippingRejection::Rejected(why) => why,
            _ => "the shipping provider rejects the request".to_owned(),
        })
    }
}

/// Calls a provider until it answers, up to [`ATTEMPTS`] times.
pub(super) async fn call_until_answered<T, R, F>(
    call: impl Fn() -> F,
) -> Result<Result<T, R>, Unreadable>
where
    F: Future<Output = CallOutcome<T, R>>,
{
    let mut last_failure = String::new();
    for _ in 0..ATTEMPTS {
        match call().await {
            CallOutcome::Succeeded(value) => return Ok(Ok(value)),
            CallOutcome::Rejected(rejection) => return Ok(Err(rejection)),
            CallOutcome::NotSent(why) | CallOutcome::Throttled(why) | CallOutcome::Unknown(why) => {
                last_failure = why;
            }
        }
    }
    Err(Unreadable(last_failure))
}

/// Returns what was read. Logs the reason if it was not.
pub(super) fn read_or_log<T>(ledger: &'static str, result: Result<T, Unreadable>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(Unreadable(why)) => {
            tracing::warn!(ledger, why, "the ledger was not read completely");
            None
        }
    }
}
