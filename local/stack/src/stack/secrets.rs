//! The test values of the secrets that the template creates without one.
//!
//! An API key ends with the name of the function that uses it, so the ledgers of the
//! provider emulators show which function made a call. The emulators accept any key
//! of this form.

use crate::secretsmanager::PER_FUNCTION;

/// The secret that signs Stripe's webhooks.
pub const STRIPE_WEBHOOK_SECRET: &str = "whsec_local";
/// The secret that signs EasyPost's webhooks.
pub const EASYPOST_WEBHOOK_SECRET: &str = "local-webhook-secret";

/// The secrets of the template, by logical id.
pub(super) const TEST_VALUES: [(&str, &str); 5] = [
    ("StripeSecretKey", "sk_test_local_{function}"),
    ("StripeReconcilerKey", "rk_test_local_{function}"),
    ("EasyPostApiKey", "EZTKlocal_{function}"),
    ("StripeWebhookSecret", STRIPE_WEBHOOK_SECRET),
    ("EasyPostWebhookSecret", EASYPOST_WEBHOOK_SECRET),
];

/// Whether this API key is the one of this function.
pub(super) fn is_api_key_of(key: &str, function: &str) -> bool {
    let function = function.replace('-', "_");
    TEST_VALUES.iter().any(|(_, value)| {
        value.contains(PER_FUNCTION) && value.replace(PER_FUNCTION, &function) == key
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_function_ends_with_its_name() {
        let check = |key: &str, function: &str, expected| {
            assert_eq!(is_api_key_of(key, function), expected, "{key} {function}");
        };
        check("sk_test_local_process_payment", "process-payment", true);
        check("rk_test_local_reconcile_orders", "reconcile-orders", true);
        check("EZTKlocal_reconcile_orders", "reconcile-orders", true);
        check("sk_test_local_process_payment", "reconcile-orders", false);
        check("sk_test_replaced", "process-payment", false);
        check(STRIPE_WEBHOOK_SECRET, "order-api", false);
    }
}
