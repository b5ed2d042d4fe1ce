//! The functions' environment: the template's variables, with local addresses.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::StartError;
use crate::functions::Binaries;
use crate::lambda::FunctionSettings;
use crate::template::{Template, TemplateFunction};
use crate::urls::Urls;

/// The concurrency of a function for which the template reserves none: enough for a
/// laptop, and low enough to show throttling under load.
const DEFAULT_MAX_CONCURRENCY: usize = 64;

/// The settings of all functions of the template.
pub(super) fn functions(
    template: &Template,
    binaries: &Binaries,
    max_age: Option<Duration>,
    urls: &Urls,
) -> Result<Vec<FunctionSettings>, StartError> {
    let functions = template.functions()?.into_iter();
    functions.map(|function| settings(function, binaries, max_age, urls)).collect()
}

fn settings(
    function: TemplateFunction,
    binaries: &Binaries,
    max_age: Option<Duration>,
    urls: &Urls,
) -> Result<FunctionSettings, StartError> {
    let binary = binaries.get(&function.binary);
    let missing = || StartError::MissingBinary(function.binary.clone());
    Ok(FunctionSettings {
        binary: binary.ok_or_else(missing)?.to_owned(),
        environment: environment(function.environment, max_age, urls),
        name: function.binary,
        alias: function.alias,
        logical_id: function.logical_id,
        timeout: function.timeout,
        memory_mb: function.memory_mb,
        max_concurrency: function.reserved_concurrency.unwrap_or(DEFAULT_MAX_CONCURRENCY),
        retries: function.retries,
    })
}

/// The variables of the template, and the local addresses. A secret keeps its ARN, as on
/// AWS: the stack serves Secrets Manager.
fn environment(
    mut variables: BTreeMap<String, String>,
    max_age: Option<Duration>,
    urls: &Urls,
) -> BTreeMap<String, String> {
    let addresses = [
        ("AWS_ENDPOINT_URL", urls.aws.clone()),
        ("STRIPE_BASE_URL", urls.stripe.clone()),
        ("EASYPOST_BASE_URL", urls.easypost.clone()),
    ];
    // The web page offers the development identities.
    let sign_in = ("SIGN_IN", "development".to_owned());
    let max_age = max_age.map(|age| ("SETTINGS_MAX_AGE_SECONDS", age.as_secs().to_string()));
    let local = addresses.into_iter().chain([sign_in]).chain(max_age);
    variables.extend(local.map(|(name, value)| (name.to_owned(), value)));
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls() -> Urls {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        Urls { api: url(1), aws: url(2), stripe: url(3), easypost: url(4) }
    }

    #[test]
    fn the_variables_of_the_template_stay_and_the_addresses_are_those_of_the_stack() {
        let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:Key-local0";
        let template = [("STRIPE_SECRET_KEY_ARN", arn), ("ORDERS_TABLE", "Orders")];
        let template = template.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let variables = environment(template.clone().into(), None, &urls());
        assert_eq!(variables["STRIPE_SECRET_KEY_ARN"], arn);
        assert_eq!(variables["ORDERS_TABLE"], "Orders");
        assert_eq!(variables["AWS_ENDPOINT_URL"], "http://127.0.0.1:2");
        assert_eq!(variables["STRIPE_BASE_URL"], "http://127.0.0.1:3");
        assert_eq!(variables["EASYPOST_BASE_URL"], "http://127.0.0.1:4");
        assert!(!variables.contains_key("SETTINGS_MAX_AGE_SECONDS"));
        let short = environment(template.into(), Some(Duration::from_secs(1)), &urls());
        assert_eq!(short["SETTINGS_MAX_AGE_SECONDS"], "1");
    }
}
