//! The test values of the secrets that the template reads.
//!
//! An API key ends with the name of the function that uses it, so the ledgers of the
//! provider emulators show which function made a call. The emulators accept any key
//! of this form.

/// The secret that signs Stripe's webhooks.
pub const STRIPE_WEBHOOK_SECRET: &str = "whsec_local";
/// The secret that signs EasyPost's webhooks.
pub const EASYPOST_WEBHOOK_SECRET: &str = "local-webhook-secret";

/// The API keys by environment variable: the prefix before the function's name.
const API_KEY_PREFIXES: [(&str, &str); 2] =
    [("STRIPE_SECRET_KEY", "sk_test_local_"), ("EASYPOST_API_KEY", "EZTKlocal_")];

/// The other secrets by environment variable.
const WEBHOOK_SECRETS: [(&str, &str); 2] = [
    ("STRIPE_WEBHOOK_SECRET", STRIPE_WEBHOOK_SECRET),
    ("EASYPOST_WEBHOOK_SECRET", EASYPOST_WEBHOOK_SECRET),
];

/// The test value of a secret for one function, or `None` for an unknown secret.
pub(super) fn test_secret(secret: &str, function: &str) -> Option<String> {
    let named = |(name, _): &&(&str, &str)| *name == secret;
    let key = API_KEY_PREFIXES.iter().find(named).map(|(_, prefix)| api_key(prefix, function));
    key.or_else(|| WEBHOOK_SECRETS.iter().find(named).map(|(_, value)| (*value).to_owned()))
}

/// Whether this API key is the one of this function.
pub(super) fn is_api_key_of(key: &str, function: &str) -> bool {
    API_KEY_PREFIXES.iter().any(|(_, prefix)| api_key(prefix, function) == key)
}

/// A provider's key contains no hyphens.
fn api_key(prefix: &str, function: &str) -> String {
    format!("{prefix}{}", function.replace('-', "_"))
}
