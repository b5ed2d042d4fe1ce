//! What the functions are told: the template's environment, with the local
//! addresses and test keys in place of the real ones.

use std::collections::BTreeMap;

use super::StartError;
use crate::functions::Binaries;
use crate::lambda::FunctionSettings;
use crate::template::{Template, TemplateFunction};
use crate::urls::Urls;

/// How many invocations of a function may run at once where the template reserves
/// no number: plenty for a laptop, and low enough to see throttling under load.
const LIMIT: usize = 64;

/// The test keys in place of the providers' keys; each function's ends with its name, by
/// which the look-alikes' books tell who called. They take any of this form.
const TEST_KEYS: [(&str, &str); 2] =
    [("STRIPE_SECRET_KEY", "sk_test_local_"), ("EASYPOST_API_KEY", "EZTKlocal_")];

/// What stands in place of the other secrets.
const TEST_SECRETS: [(&str, &str); 2] = [
    ("STRIPE_WEBHOOK_SECRET", super::providers::STRIPE_WEBHOOK_SECRET),
    ("EASYPOST_WEBHOOK_SECRET", super::providers::EASYPOST_WEBHOOK_SECRET),
];

/// All functions of the template, ready for the host.
pub(super) fn functions(
    template: &Template,
    binaries: &Binaries,
    urls: &Urls,
) -> Result<Vec<FunctionSettings>, StartError> {
    let functions = template.functions()?.into_iter();
    functions.map(|function| settings(function, binaries, urls)).collect()
}

fn settings(
    function: TemplateFunction,
    binaries: &Binaries,
    urls: &Urls,
) -> Result<FunctionSettings, StartError> {
    let binary = binaries.get(&function.binary);
    let missing = || StartError::NoBinary(function.binary.clone());
    Ok(FunctionSettings {
        binary: binary.ok_or_else(missing)?.to_owned(),
        environment: environment(&function.binary, function.environment, urls)?,
        name: function.binary,
        logical_id: function.logical_id,
        timeout: function.timeout,
        memory_mb: function.memory_mb,
        limit: function.reserved.unwrap_or(LIMIT),
    })
}

fn environment(
    function: &str,
    given: BTreeMap<String, String>,
    urls: &Urls,
) -> Result<BTreeMap<String, String>, StartError> {
    let mut environment = BTreeMap::new();
    for (name, value) in given {
        match name.strip_suffix("_ARN") {
            Some(secret) if value.contains(":secretsmanager:") => {
                environment.insert(secret.to_owned(), test_secret(secret, function)?);
            }
            _ => drop(environment.insert(name, value)),
        }
    }
    let addresses = [
        ("AWS_ENDPOINT_URL", &urls.aws),
        ("STRIPE_BASE_URL", &urls.gateway),
        ("EASYPOST_BASE_URL", &urls.carrier),
    ];
    environment.extend(addresses.map(|(name, url)| (name.to_owned(), url.clone())));
    Ok(environment)
}

fn test_secret(secret: &str, function: &str) -> Result<String, StartError> {
    let named = |(name, _): &&(&str, &str)| *name == secret;
    let key = TEST_KEYS.iter().find(named).map(|(_, key)| key_of(key, function));
    let known = key.or_else(|| TEST_SECRETS.iter().find(named).map(|(_, text)| (*text).to_owned()));
    known.ok_or_else(|| StartError::NoTestKey(secret.to_owned()))
}

/// Keys have no hyphens.
fn key_of(key: &str, function: &str) -> String {
    format!("{key}{}", function.replace('-', "_"))
}

/// Whether a provider was called with this function's key.
pub(super) fn is_key_of(key: &str, function: &str) -> bool {
    TEST_KEYS.iter().any(|(_, own)| key_of(own, function) == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls() -> Urls {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        Urls { api: url(1), aws: url(2), gateway: url(3), carrier: url(4) }
    }

    fn given(name: &str, value: &str) -> Result<BTreeMap<String, String>, StartError> {
        environment("process-payment", [(name.to_owned(), value.to_owned())].into(), &urls())
    }

    #[test]
    fn a_secrets_arn_becomes_a_test_key_and_other_arns_stay() {
        let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:orders/stripe";
        let told = given("STRIPE_SECRET_KEY_ARN", arn).expect("it is known");
        assert_eq!(told["STRIPE_SECRET_KEY"], "sk_test_local_process_payment");
        assert!(is_key_of(&told["STRIPE_SECRET_KEY"], "process-payment"));
        assert!(!is_key_of(&told["STRIPE_SECRET_KEY"], "reconcile-orders"));
        assert!(!told.contains_key("STRIPE_SECRET_KEY_ARN"), "exactly one of the two is given");
        let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:OrderWorkflow";
        assert_eq!(
            given("STATE_MACHINE_ARN", machine).expect("it stays")["STATE_MACHINE_ARN"],
            machine
        );
        let error = given("MOON_KEY_ARN", arn).expect_err("nobody knows it");
        assert!(error.to_string().contains("MOON_KEY"), "{error}");
    }

    #[test]
    fn the_addresses_are_the_stacks_own() {
        let told = given("ORDERS_TABLE", "Orders").expect("it stays");
        assert_eq!(told["ORDERS_TABLE"], "Orders");
        assert_eq!(told["AWS_ENDPOINT_URL"], "http://127.0.0.1:2");
        assert_eq!(told["STRIPE_BASE_URL"], "http://127.0.0.1:3");
        assert_eq!(told["EASYPOST_BASE_URL"], "http://127.0.0.1:4");
    }
}
