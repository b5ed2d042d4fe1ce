//! The functions' environment: the template's variables, with local addresses and
//! test secrets in place of the real ones.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::StartError;
use super::secrets::test_secret;
use crate::functions::Binaries;
use crate::lambda::FunctionSettings;
use crate::template::{Template, TemplateFunction, TemplateSecret};
use crate::urls::Urls;

/// The concurrency of a function for which the template reserves none: enough for a
/// laptop, and low enough to show throttling under load.
const DEFAULT_MAX_CONCURRENCY: usize = 64;

/// The settings of all functions of the template.
pub(super) fn functions(
    template: &Template,
    binaries: &Binaries,
    urls: &Urls,
) -> Result<Vec<FunctionSettings>, StartError> {
    let secrets = template.secrets()?;
    let functions = template.functions()?.into_iter();
    functions.map(|function| settings(function, &secrets, binaries, urls)).collect()
}

fn settings(
    function: TemplateFunction,
    secrets: &[TemplateSecret],
    binaries: &Binaries,
    urls: &Urls,
) -> Result<FunctionSettings, StartError> {
    let binary = binaries.get(&function.binary);
    let missing = || StartError::MissingBinary(function.binary.clone());
    Ok(FunctionSettings {
        binary: binary.ok_or_else(missing)?.to_owned(),
        environment: environment(&function.binary, function.environment, secrets, urls)?,
        name: function.binary,
        logical_id: function.logical_id,
        timeout: function.timeout,
        memory_mb: function.memory_mb,
        max_concurrency: function.reserved_concurrency.unwrap_or(DEFAULT_MAX_CONCURRENCY),
        retries: function.retries,
    })
}

/// Replaces the ARN of each secret with its test value, and adds the local addresses.
fn environment(
    function: &str,
    variables: BTreeMap<String, String>,
    secrets: &[TemplateSecret],
    urls: &Urls,
) -> Result<BTreeMap<String, String>, StartError> {
    let mut environment = BTreeMap::new();
    for (name, value) in variables {
        match name.strip_suffix("_ARN") {
            Some("SETTINGS") => environment.extend(settings_of(secrets, &value)),
            Some(secret) if value.contains(":secretsmanager:") => {
                let value = test_secret(secret, function)
                    .ok_or_else(|| StartError::MissingTestSecret(secret.to_owned()))?;
                environment.insert(secret.to_owned(), value);
            }
            _ => drop(environment.insert(name, value)),
        }
    }
    let addresses = [
        ("AWS_ENDPOINT_URL", &urls.aws),
        ("STRIPE_BASE_URL", &urls.stripe),
        ("EASYPOST_BASE_URL", &urls.easypost),
    ];
    environment.extend(addresses.map(|(name, url)| (name.to_owned(), url.clone())));
    // The web page offers the development identities.
    environment.insert("SIGN_IN".to_owned(), "development".to_owned());
    Ok(environment)
}

/// The variables in the secret of this ARN.
fn settings_of(secrets: &[TemplateSecret], arn: &str) -> BTreeMap<String, String> {
    let secret = secrets.iter().find(|secret| secret.arn == arn);
    let value = secret.and_then(|secret| secret.value.as_deref()).unwrap_or_default();
    let variables: BTreeMap<String, Value> = serde_json::from_str(value).unwrap_or_default();
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    variables.into_iter().map(|(name, value)| (name, text(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::secrets::is_api_key_of;
    use super::*;

    fn urls() -> Urls {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        Urls { api: url(1), aws: url(2), stripe: url(3), easypost: url(4) }
    }

    fn environment_with(name: &str, value: &str) -> Result<BTreeMap<String, String>, StartError> {
        environment("process-payment", [(name.to_owned(), value.to_owned())].into(), &[], &urls())
    }

    #[test]
    fn the_arn_of_a_secret_becomes_a_test_secret_and_other_arns_stay() {
        let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:orders/stripe";
        let variables = environment_with("STRIPE_SECRET_KEY_ARN", arn).expect("a known secret");
        assert_eq!(variables["STRIPE_SECRET_KEY"], "sk_test_local_process_payment");
        assert!(is_api_key_of(&variables["STRIPE_SECRET_KEY"], "process-payment"));
        assert!(!is_api_key_of(&variables["STRIPE_SECRET_KEY"], "reconcile-orders"));
        assert!(!variables.contains_key("STRIPE_SECRET_KEY_ARN"), "exactly one of the two is set");
        let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:OrderWorkflow";
        let variables = environment_with("STATE_MACHINE_ARN", machine).expect("no secret");
        assert_eq!(variables["STATE_MACHINE_ARN"], machine);
        let error = environment_with("MOON_KEY_ARN", arn).expect_err("an unknown secret");
        assert!(error.to_string().contains("MOON_KEY"), "{error}");
    }

    #[test]
    fn the_addresses_are_those_of_the_stack() {
        let variables = environment_with("ORDERS_TABLE", "Orders").expect("no secret");
        assert_eq!(variables["ORDERS_TABLE"], "Orders");
        assert_eq!(variables["AWS_ENDPOINT_URL"], "http://127.0.0.1:2");
        assert_eq!(variables["STRIPE_BASE_URL"], "http://127.0.0.1:3");
        assert_eq!(variables["EASYPOST_BASE_URL"], "http://127.0.0.1:4");
    }
}
