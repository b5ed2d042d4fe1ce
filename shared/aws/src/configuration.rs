//! What a function is told by its environment: read once, parsed once.
//!
//! This is the only place that reads the environment. Every error names the
//! variable at fault and says what to do. What each function asks for is what
//! it needs: a setting that nobody asks for may be missing.
//!
//! A secret comes as the ARN of a secret, or as its value; a value is taken only
//! if it is a test key, so that no live key is ever written into a template.

use std::collections::BTreeMap;

use domain::policy::ReviewPolicy;
use domain::ports::ProviderMode;
use domain::shipment::ShipFrom;
use domain::{Currency, Private};
use serde_json::{Map, Value};

/// The gateway's own address.
const STRIPE: &str = "https://api.stripe.com";
/// The carrier's own address.
const EASYPOST: &str = "https://api.easypost.com";

/// The environment of this process.
#[derive(Clone)]
pub struct Settings(BTreeMap<String, String>);

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[settings]")
    }
}

/// A setting is missing or wrong.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {advice}")]
pub struct InvalidSetting {
    /// The variable at fault.
    pub variable: String,
    /// What is wrong with it and what to do. Never its value: it may be a secret.
    pub advice: String,
}

impl std::fmt::Debug for InvalidSetting {
    // A `main` that ends with an error prints it so: as a sentence.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Where a key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A test key, given as it is.
    Value(Private<String>),
    /// The ARN under which Secrets Manager keeps it.
    Arn(String),
}

/// A provider: where it is and which key opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// Its address, without a slash at the end.
    pub base_url: String,
    /// Its key.
    pub secret: SecretSource,
}

/// How the events of the providers are known to be theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSecrets {
    /// What the gateway signs with.
    pub stripe: SecretSource,
    /// What the carrier signs with.
    pub easypost: SecretSource,
    /// Events of the other mode are not for us.
    pub mode: ProviderMode,
}

impl Settings {
    /// Reads the environment of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Self {
        Self(std::env::vars().collect())
    }

    /// Settings of the caller's own.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    /// The name of the Orders table.
    pub fn orders_table(&self) -> Result<String, InvalidSetting> {
        self.required("ORDERS_TABLE", "name the table of the orders")
    }

    /// The name of the Inventory table.
    pub fn inventory_table(&self) -> Result<String, InvalidSetting> {
        self.required("INVENTORY_TABLE", "name the table of the stock")
    }

    /// The ARN of the state machine.
    pub fn state_machine_arn(&self) -> Result<String, InvalidSetting> {
        let variable = "STATE_MACHINE_ARN";
        let arn = self.required(variable, "give the ARN of the state machine")?;
        if arn.split(':').nth(5) == Some("stateMachine") {
            Ok(arn)
        } else {
            Err(bad(variable, "is not the ARN of a state machine (arn:…:stateMachine:…)"))
        }
    }

    /// The payment gateway.
    pub fn stripe(&self) -> Result<ProviderSettings, InvalidSetting> {
        let test_key = ["sk_test_", "rk_test_"];
        self.provider("STRIPE_BASE_URL", STRIPE, "STRIPE_SECRET_KEY", &test_key)
    }

    /// The carrier.
    pub fn easypost(&self) -> Result<ProviderSettings, InvalidSetting> {
        let test_key = ["EZTK", "EZTEST"];
        self.provider("EASYPOST_BASE_URL", EASYPOST, "EASYPOST_API_KEY", &test_key)
    }

    /// What the providers sign their events with, and in which mode they are used.
    ///
    /// Such a secret does not say whether it is one for tests. The mode does: in
    /// live mode a value is refused, only ARNs are taken.
    pub fn webhooks(&self) -> Result<WebhookSecrets, InvalidSetting> {
        let mode = self.provider_mode()?;
        let values = match mode {
            ProviderMode::Test => &[""][..],
            ProviderMode::Live => &[],
        };
        Ok(WebhookSecrets {
            stripe: self.secret("STRIPE_WEBHOOK_SECRET", values)?,
            easypost: self.secret("EASYPOST_WEBHOOK_SECRET", values)?,
            mode,
        })
    }

    /// In which mode the providers are used; for tests when it is not set.
    fn provider_mode(&self) -> Result<ProviderMode, InvalidSetting> {
        let variable = "PROVIDER_MODE";
        match self.get(variable).unwrap_or("test") {
            "test" => Ok(ProviderMode::Test),
            "live" => Ok(ProviderMode::Live),
            _ => Err(bad(variable, "must be test or live")),
        }
    }

    /// Where parcels are sent from.
    pub fn ship_from(&self) -> Result<ShipFrom, InvalidSetting> {
        let variable = "SHIP_FROM";
        let advice = "give the shop's name, phone and address as JSON: \
                      {name, phone, street1, street2?, city, state?, postalCode, country}";
        let text = self.required(variable, advice)?;
        let mut fields: Map<String, Value> =
            serde_json::from_str(&text).or(Err(bad(variable, advice)))?;
        let mut take = |name: &str| match fields.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            _ => Err(bad(variable, advice)),
        };
        let (name, phone) = (take("name")?, take("phone")?);
        let address =
            serde_json::from_value(Value::Object(fields)).or(Err(bad(variable, advice)))?;
        Ok(ShipFrom { name, phone, address })
    }

    /// From which total on a person must look at an order; nowhere when it is not set.
    pub fn review_policy(&self) -> Result<ReviewPolicy, InvalidSetting> {
        let variable = "REVIEW_THRESHOLD";
        let Some(text) = self.get(variable) else { return Ok(ReviewPolicy::default()) };
        let parse = |entry: &str| {
            let (code, amount) = entry.split_once('=')?;
            Some((Currency::from_code(code.trim())?, amount.trim().parse().ok()?))
        };
        let thresholds: Option<BTreeMap<_, _>> = text.split(',').map(parse).collect();
        thresholds
            .map(ReviewPolicy)
            .ok_or(bad(variable, "must list currencies with minor units: USD=50000,EUR=50000"))
    }

    /// The currencies that this deployment takes; dollars, euros and pounds when it is not set.
    pub fn currencies(&self) -> Result<Vec<Currency>, InvalidSetting> {
        let variable = "CURRENCIES";
        let text = self.get(variable).unwrap_or("USD,EUR,GBP");
        let codes: Option<Vec<_>> =
            text.split(',').map(|code| Currency::from_code(code.trim())).collect();
        codes.ok_or(bad(variable, "must list currencies that this product knows: USD,EUR"))
    }

    /// How much is logged; INFO when it is not set.
    pub fn log_level(&self) -> Result<tracing::Level, InvalidSetting> {
        let variable = "LOG_LEVEL";
        self.get(variable)
            .unwrap_or("INFO")
            .parse()
            .or(Err(bad(variable, "must be ERROR, WARN, INFO, DEBUG or TRACE")))
    }

    fn provider(
        &self,
        address: &str,
        default: &str,
        key: &str,
        test_keys: &[&str],
    ) -> Result<ProviderSettings, InvalidSetting> {
        let secret = self.secret(key, test_keys)?;
        let base_url = self.get(address).unwrap_or(default).trim_end_matches('/').to_owned();
        let url = url::Url::parse(&base_url)
            .or(Err(bad(address, "is not an address such as https://api.example.com")))?;
        let safe = url.scheme() == "https"
            || (url.scheme() == "http"
                && is_loopback(&url)
                && matches!(secret, SecretSource::Value(_)));
        if safe {
            Ok(ProviderSettings { base_url, secret })
        } else {
            Err(bad(address, "must begin with https://, unless it is this machine with a test key"))
        }
    }

    /// A secret: exactly one of its value, which must be a test key, and its ARN.
    fn secret(&self, variable: &str, test_keys: &[&str]) -> Result<SecretSource, InvalidSetting> {
        let arn = format!("{variable}_ARN");
        match (self.get(variable), self.get(&arn)) {
            (Some(value), None) if test_keys.iter().any(|prefix| value.starts_with(prefix)) => {
                Ok(SecretSource::Value(Private::new(value.to_owned())))
            }
            (Some(_), None) => Err(bad(
                variable,
                &format!("is no test key: keep a live key in a secret and give {arn}"),
            )),
            (None, Some(value)) if value.starts_with("arn:") => {
                Ok(SecretSource::Arn(value.to_owned()))
            }
            (None, Some(_)) => Err(bad(&arn, "is not an ARN")),
            (Some(_), Some(_)) => Err(bad(variable, &format!("and {arn} are both set: keep one"))),
            (None, None) => Err(bad(variable, &format!("is not set: give a test key, or {arn}"))),
        }
    }

    fn required(&self, variable: &str, advice: &str) -> Result<String, InvalidSetting> {
        let missing = || bad(variable, &format!("is not set: {advice}"));
        self.get(variable).map(str::to_owned).ok_or_else(missing)
    }

    /// An empty variable counts as one that is not set: templates write such.
    fn get(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

fn is_loopback(url: &url::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn bad(variable: &str, advice: &str) -> InvalidSetting {
    InvalidSetting { variable: variable.to_owned(), advice: advice.to_owned() }
}
