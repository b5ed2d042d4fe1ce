//! The configuration of a function, from its environment variables.
//!
//! No other module reads the environment. Every error names the variable and says what
//! to do. A function reads only the settings that it needs; the others may be missing.
//!
//! What a deployment may change while the functions run (`PROVIDER_MODE`, `CURRENCIES`,
//! `REVIEW_THRESHOLD`, `POSTAGE_CEILING`, `SHIP_FROM`, `SHIP_TO_COUNTRIES`,
//! `PERSONAL_DATA_RETENTION_DAYS`, the limits per customer) is in one secret of Secrets
//! Manager, `SETTINGS_ARN`: a JSON object with these names. A function that runs alone, without
//! `SETTINGS_ARN`, reads the variables of these names instead.
//!
//! A secret is given as the ARN of a Secrets Manager secret, or as its value. A value is
//! accepted only if it is a test key, so no live key is ever written into a template.
//! This module reads no secret: [`live`](crate::live) does.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::policy::{PostageCeiling, ReviewPolicy};
use domain::ports::ProviderMode;
use domain::recent_orders::OrderLimits;
use domain::shipment::ShipFrom;
use domain::{Country, Currency, Private};
use serde_json::{Map, Value};
use url::{Host, Url};

/// How old settings and secrets may be at most.
pub const MAX_AGE: Duration = Duration::from_mins(5);
/// The variable with the ARN of the secret that holds the settings.
const SETTINGS_ARN: &str = "SETTINGS_ARN";
/// The variables that the secret replaces.
const CHANGEABLE: [&str; 11] = [
    "PROVIDER_MODE",
    "CURRENCIES",
    "REVIEW_THRESHOLD",
    "POSTAGE_CEILING",
    "SHIP_FROM",
    "SHIP_TO_COUNTRIES",
    "PERSONAL_DATA_RETENTION_DAYS",
    ORDERS_PER_HOUR,
    OPEN_ORDERS,
    SCHEDULED_ORDERS,
    FAILED_ORDERS_PER_HOUR,
];
/// The variables of the limits per customer.
const ORDERS_PER_HOUR: &str = "MAX_ORDERS_PER_HOUR";
const OPEN_ORDERS: &str = "MAX_OPEN_ORDERS";
const SCHEDULED_ORDERS: &str = "MAX_SCHEDULED_ORDERS";
const FAILED_ORDERS_PER_HOUR: &str = "MAX_FAILED_ORDERS_PER_HOUR";
/// The maximum of each limit per customer: the orders that count are in one item of
/// `DynamoDB`, of at most 400 KB, and each takes about 100 bytes.
const MAX_ORDER_LIMIT: u32 = 1_000;
/// The base URL of Stripe's API.
const STRIPE_URL: &str = "https://api.stripe.com";
/// How many days personal data is kept if nothing else is set: longer than a delivery, a
/// return and most disputes take.
const DEFAULT_RETENTION_DAYS: u32 = 90;
/// The maximum number of days for which personal data is kept: ten years.
const MAX_RETENTION_DAYS: u32 = 3_650;
/// The base URL of EasyPost's API.
const EASYPOST_URL: &str = "https://api.easypost.com";

/// The environment variables of this process. They may hold secrets, so `Debug` prints
/// none.
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
    /// The variable, or the ARN of the secret, that is wrong.
    pub variable: String,
    /// What is wrong and what to do. Never holds the value, which may be a secret.
    pub advice: String,
}

impl std::fmt::Debug for InvalidSetting {
    // A `main` that returns an error prints its `Debug`, which must be a sentence.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The value of a test key.
    Value(Private<String>),
    /// The ARN of a Secrets Manager secret.
    Arn(String),
}

/// Where the settings come from that a deployment may change while the functions run.
#[derive(Debug, Clone)]
pub enum SettingsSource {
    /// A secret of Secrets Manager.
    Secret(SecretSource),
    /// The environment variables.
    Variables(Settings),
}

/// How the keys of a provider begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFormat {
    /// In test mode.
    pub test: &'static [&'static str],
    /// In live mode.
    pub live: &'static [&'static str],
}

/// Stripe's secret and restricted keys. Source: <https://docs.stripe.com/keys>.
pub const STRIPE_KEYS: KeyFormat =
    KeyFormat { test: &["sk_test_", "rk_test_"], live: &["sk_live_", "rk_live_"] };

/// EasyPost's keys. Source: <https://docs.easypost.com/docs/authentication>.
pub const EASYPOST_KEYS: KeyFormat = KeyFormat { test: &["EZTK", "EZTEST"], live: &["EZAK"] };

/// The address and the API key of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// The base URL, without a trailing slash.
    pub base_url: String,
    /// The API key.
    pub secret: SecretSource,
    /// How its keys begin.
    pub key_format: KeyFormat,
}

impl ProviderSettings {
    /// Whether the calls are encrypted.
    pub fn is_https(&self) -> bool {
        self.base_url.starts_with("https://")
    }
}

/// What is needed to verify the providers' webhook events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSecrets {
    /// Stripe's signing secret.
    pub stripe: SecretSource,
    /// EasyPost's signing secret.
    pub easypost: SecretSource,
}

/// How users of the web page sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// The deployment names no issuer: the page says so.
    NotConfigured,
    /// The development identities of the local stack.
    Development,
    /// The authorization-code flow with PKCE at an issuer.
    OAuth(OAuthClient),
}

/// The client of the web page at its issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthClient {
    /// The issuer of the tokens.
    pub issuer: String,
    /// The id of the public client.
    pub client_id: String,
    /// The authorization endpoint.
    pub authorize_url: String,
    /// The token endpoint. It occurs in the page's Content-Security-Policy.
    pub token_url: String,
    /// The endpoint that ends the issuer's session, if it has one.
    pub logout_url: Option<String>,
    /// Where the issuer sends the browser after it signed the user in or out, if that is not
    /// the page.
    pub callback_url: Option<String>,
    /// The scopes that the page asks for, separated by spaces.
    pub scopes: String,
}

/// The scopes that the web page asks for when a deployment names none.
const SIGN_IN_SCOPES: &str = "openid orders/read orders/write orders/operate inventory/write";

impl Settings {
    /// Reads the environment variables of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Self {
        Self(std::env::vars().collect())
    }

    /// The settings in the JSON object of the secret `SETTINGS_ARN`. A value that is not
    /// text counts as its JSON.
    ///
    /// # Errors
    /// If the text is not a JSON object.
    pub fn from_json(text: &str) -> Result<Self, InvalidSetting> {
        let advice = "the secret does not hold a JSON object: deploy the stack again";
        let values: BTreeMap<String, Value> =
            serde_json::from_str(text).or(Err(invalid(SETTINGS_ARN, advice)))?;
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Ok(Self::from_pairs(values.into_iter().map(|(name, value)| (name, text(value)))))
    }

    /// `SETTINGS_ARN`, or the variables that the secret replaces.
    ///
    /// # Errors
    /// If both are set, or `SETTINGS_ARN` is not an ARN.
    pub fn source(&self) -> Result<SettingsSource, InvalidSetting> {
        let Some(arn) = self.get(SETTINGS_ARN) else {
            return Ok(SettingsSource::Variables(self.clone()));
        };
        if let Some(also) = CHANGEABLE.iter().find(|name| self.get(name).is_some()) {
            let advice = format!("and {also} are both set: set only one");
            return Err(invalid(SETTINGS_ARN, &advice));
        }
        if arn.starts_with("arn:") {
            Ok(SettingsSource::Secret(SecretSource::Arn(arn.to_owned())))
        } else {
            Err(invalid(SETTINGS_ARN, "is not an ARN"))
        }
    }

    /// `SETTINGS_MAX_AGE_SECONDS`: after how long settings and secrets are read again, 0 to
    /// 300; 300 if it is not set.
    ///
    /// # Errors
    /// If it is not such a number.
    pub fn settings_max_age(&self) -> Result<Duration, InvalidSetting> {
        let variable = "SETTINGS_MAX_AGE_SECONDS";
        let Some(text) = self.get(variable) else { return Ok(MAX_AGE) };
        let age = text.parse().ok().map(Duration::from_secs).filter(|age| *age <= MAX_AGE);
        age.ok_or(invalid(variable, "must be a number of seconds from 0 to 300"))
    }

    /// Settings from names and values, for tests and the local stack.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    /// `ORDERS_TABLE`: the name of the Orders table.
    ///
    /// # Errors
    /// If it is not set.
    pub fn orders_table(&self) -> Result<String, InvalidSetting> {
        self.required("ORDERS_TABLE", "give the name of the Orders table")
    }

    /// `INVENTORY_TABLE`: the name of the Inventory table.
    ///
    /// # Errors
    /// If it is not set.
    pub fn inventory_table(&self) -> Result<String, InvalidSetting> {
        self.required("INVENTORY_TABLE", "give the name of the Inventory table")
    }

    /// `RECENT_ORDERS_TABLE`: the name of the table of recent orders.
    ///
    /// # Errors
    /// If it is not set.
    pub fn recent_orders_table(&self) -> Result<String, InvalidSetting> {
        self.required("RECENT_ORDERS_TABLE", "give the name of the table of recent orders")
    }

    /// `STATE_MACHINE_ARN`: the ARN of the state machine.
    ///
    /// # Errors
    /// If it is not set or is not the ARN of a state machine.
    pub fn state_machine_arn(&self) -> Result<String, InvalidSetting> {
        let variable = "STATE_MACHINE_ARN";
        let arn = self.required(variable, "give the ARN of the state machine")?;
        if arn.split(':').nth(5) == Some("stateMachine") {
            Ok(arn)
        } else {
            Err(invalid(variable, "is not the ARN of a state machine (arn:…:stateMachine:…)"))
        }
    }

    /// `STRIPE_BASE_URL` and `STRIPE_SECRET_KEY` or `STRIPE_SECRET_KEY_ARN`. A test key
    /// begins with `sk_test_` or `rk_test_`. Source: Stripe's page "API keys".
    ///
    /// # Errors
    /// If the variable is missing, given twice, or a live key given as a value; if the URL
    /// is neither HTTPS nor loopback.
    pub fn stripe(&self) -> Result<ProviderSettings, InvalidSetting> {
        self.provider("STRIPE_BASE_URL", STRIPE_URL, "STRIPE_SECRET_KEY", STRIPE_KEYS)
    }

    /// `EASYPOST_BASE_URL` and `EASYPOST_API_KEY` or `EASYPOST_API_KEY_ARN`. A test key
    /// begins with `EZTK` or `EZTEST`. Source: EasyPost's page "API keys".
    ///
    /// # Errors
    /// As [`Settings::stripe`].
    pub fn easypost(&self) -> Result<ProviderSettings, InvalidSetting> {
        self.provider("EASYPOST_BASE_URL", EASYPOST_URL, "EASYPOST_API_KEY", EASYPOST_KEYS)
    }

    /// `STRIPE_WEBHOOK_SECRET` and `EASYPOST_WEBHOOK_SECRET` (or `…_ARN`).
    ///
    /// A webhook secret does not show whether it is for tests. The mode decides: a value
    /// is not used in live mode.
    ///
    /// # Errors
    /// If a variable is missing, given twice, or given as a value in live mode.
    pub fn webhooks(&self) -> Result<WebhookSecrets, InvalidSetting> {
        let accepted_prefixes = match self.provider_mode()? {
            ProviderMode::Test => &[""][..],
            ProviderMode::Live => &[],
        };
        Ok(WebhookSecrets {
            stripe: self.secret("STRIPE_WEBHOOK_SECRET", accepted_prefixes)?,
            easypost: self.secret("EASYPOST_WEBHOOK_SECRET", accepted_prefixes)?,
        })
    }

    /// `PROVIDER_MODE`; test mode if it is not set.
    ///
    /// # Errors
    /// If it is neither `test` nor `live`.
    pub fn provider_mode(&self) -> Result<ProviderMode, InvalidSetting> {
        let variable = "PROVIDER_MODE";
        match self.get(variable).unwrap_or("test") {
            "test" => Ok(ProviderMode::Test),
            "live" => Ok(ProviderMode::Live),
            _ => Err(invalid(variable, "must be test or live")),
        }
    }

    /// `SHIP_FROM`: the address that parcels are shipped from, as JSON.
    ///
    /// # Errors
    /// If it is not set or lacks a field.
    pub fn ship_from(&self) -> Result<ShipFrom, InvalidSetting> {
        let variable = "SHIP_FROM";
        let advice = "give the shop's name, phone and address as JSON: \
                      {name, phone, street1, street2?, city, state?, postalCode, country}";
        let text = self.required(variable, advice)?;
        let mut fields: Map<String, Value> =
            serde_json::from_str(&text).or(Err(invalid(variable, advice)))?;
        let mut take = |name: &str| match fields.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            _ => Err(invalid(variable, advice)),
        };
        let (name, phone) = (take("name")?, take("phone")?);
        let address =
            serde_json::from_value(Value::Object(fields)).or(Err(invalid(variable, advice)))?;
        Ok(ShipFrom { name, phone, address })
    }

    /// `SHIP_TO_COUNTRIES`: the countries that the shop ships to, such as `US,CA`; if it is not
    /// set, only that of `SHIP_FROM`.
    ///
    /// # Errors
    /// If it lists something else than countries, or neither it nor `SHIP_FROM` is set.
    pub fn ship_to_countries(&self) -> Result<Vec<Country>, InvalidSetting> {
        let variable = "SHIP_TO_COUNTRIES";
        let (variable, codes) = match self.get(variable) {
            Some(codes) => (variable, codes.to_owned()),
            None => ("SHIP_FROM", self.ship_from()?.address.country),
        };
        let countries: Option<Vec<_>> =
            codes.split(',').map(|code| Country::from_code(code.trim())).collect();
        countries.ok_or(invalid(variable, "must name countries by their ISO 3166-1 codes: US,CA"))
    }

    /// `REVIEW_THRESHOLD`: the total from which an order needs a review, in minor units
    /// for each of `CURRENCIES`. A currency without a threshold would silently have no
    /// review.
    ///
    /// # Errors
    /// If it is not a list such as `USD=50000,EUR=50000`, or lacks an accepted currency.
    pub fn review_policy(&self) -> Result<ReviewPolicy, InvalidSetting> {
        let variable = "REVIEW_THRESHOLD";
        let thresholds = self.amounts(variable)?;
        let lacks = |currency: &Currency| !thresholds.contains_key(currency);
        match self.currencies()?.into_iter().find(lacks) {
            None => Ok(ReviewPolicy(thresholds)),
            Some(currency) => {
                let code = currency.code();
                let missing = format!("has no threshold for {code}, which CURRENCIES accepts");
                Err(invalid(variable, &format!("{missing}: {AMOUNTS_ADVICE}")))
            }
        }
    }

    /// `POSTAGE_CEILING`: what the postage of a parcel may cost at most, in minor units per
    /// currency. If it is not set, there is no ceiling.
    ///
    /// # Errors
    /// If it is not a list such as `USD=20000,EUR=20000`.
    pub fn postage_ceiling(&self) -> Result<PostageCeiling, InvalidSetting> {
        self.amounts("POSTAGE_CEILING").map(PostageCeiling)
    }

    /// A list of currencies with minor units; empty if the variable is not set or empty.
    fn amounts(&self, variable: &str) -> Result<BTreeMap<Currency, u64>, InvalidSetting> {
        let text = self.get(variable).unwrap_or_default();
        let entries = text.split(',').filter(|entry| !entry.trim().is_empty());
        let parse = |entry: &str| {
            let (code, amount) = entry.split_once('=')?;
            Some((Currency::from_code(code.trim())?, amount.trim().parse().ok()?))
        };
        let amounts: Option<BTreeMap<_, _>> = entries.map(parse).collect();
        amounts.ok_or(invalid(variable, AMOUNTS_ADVICE))
    }

    /// `CURRENCIES`: the currencies that this deployment accepts; USD, EUR and GBP if it
    /// is not set.
    ///
    /// # Errors
    /// If it lists a currency that the product does not support.
    pub fn currencies(&self) -> Result<Vec<Currency>, InvalidSetting> {
        let variable = "CURRENCIES";
        let text = self.get(variable).unwrap_or("USD,EUR,GBP");
        let codes: Option<Vec<_>> =
            text.split(',').map(|code| Currency::from_code(code.trim())).collect();
        codes.ok_or(invalid(variable, "must list supported currencies: USD,EUR"))
    }

    /// `MAX_ORDERS_PER_HOUR`, `MAX_OPEN_ORDERS`, `MAX_SCHEDULED_ORDERS` and
    /// `MAX_FAILED_ORDERS_PER_HOUR`: how many orders a customer may have; 20, 50, 10 and 5 if
    /// they are not set. 0 is no limit.
    ///
    /// # Errors
    /// If one is not a whole number from 0 to 1,000.
    pub fn order_limits(&self) -> Result<OrderLimits, InvalidSetting> {
        let limit = |variable: &str, default: u32| {
            let Some(text) = self.get(variable) else { return Ok(default) };
            let max = text.parse().ok().filter(|max| *max <= MAX_ORDER_LIMIT);
            max.ok_or(invalid(variable, "must be a whole number from 0 (no limit) to 1000"))
        };
        Ok(OrderLimits {
            per_hour: limit(ORDERS_PER_HOUR, 20)?,
            open: limit(OPEN_ORDERS, 50)?,
            scheduled: limit(SCHEDULED_ORDERS, 10)?,
            failed_per_hour: limit(FAILED_ORDERS_PER_HOUR, 5)?,
        })
    }

    /// `SIGN_IN_CLIENT_ID`, `SIGN_IN_ISSUER`, `SIGN_IN_AUTHORIZE_URL`, `SIGN_IN_TOKEN_URL`
    /// and, optional, `SIGN_IN_LOGOUT_URL`, `SIGN_IN_CALLBACK_URL` and `SIGN_IN_SCOPES`: how
    /// users of the web page sign in; without a client id they cannot. The local stack sets
    /// `SIGN_IN` to `development`.
    ///
    /// # Errors
    /// If a variable of the client is missing, or a URL is not HTTPS.
    pub fn sign_in(&self) -> Result<SignIn, InvalidSetting> {
        match self.get("SIGN_IN") {
            None => {}
            Some("development") => return Ok(SignIn::Development),
            Some(_) => return Err(invalid("SIGN_IN", "must be development, or not set")),
        }
        let Some(client_id) = self.get("SIGN_IN_CLIENT_ID") else {
            return Ok(SignIn::NotConfigured);
        };
        let url = |variable: &str| {
            let text = self.required(variable, "give the URL of the issuer's endpoint")?;
            Self::check_endpoint(variable, &text).map(|()| text)
        };
        let optional = |variable: &str| self.get(variable).map(|_| url(variable)).transpose();
        Ok(SignIn::OAuth(OAuthClient {
            issuer: url("SIGN_IN_ISSUER")?,
            client_id: client_id.to_owned(),
            authorize_url: url("SIGN_IN_AUTHORIZE_URL")?,
            token_url: url("SIGN_IN_TOKEN_URL")?,
            logout_url: optional("SIGN_IN_LOGOUT_URL")?,
            callback_url: optional("SIGN_IN_CALLBACK_URL")?,
            scopes: self.get("SIGN_IN_SCOPES").unwrap_or(SIGN_IN_SCOPES).to_owned(),
        }))
    }

    /// An endpoint of the issuer is an HTTPS URL (on this machine, also HTTP) that can
    /// stand in a Content-Security-Policy.
    fn check_endpoint(variable: &str, text: &str) -> Result<(), InvalidSetting> {
        let is_safe =
            |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
        match Url::parse(text) {
            Ok(url) if is_safe(&url) && !text.contains([';', ',', ' ', '\'', '"', '*']) => Ok(()),
            _ => Err(invalid(variable, "is not a URL such as https://id.example.com/oauth2/token")),
        }
    }

    /// `PERSONAL_DATA_RETENTION_DAYS`: how many days after an order is final its personal data
    /// is removed; 90 if it is not set.
    ///
    /// # Errors
    /// If it is not a whole number from 1 to 3,650.
    pub fn personal_data_retention_days(&self) -> Result<u32, InvalidSetting> {
        let variable = "PERSONAL_DATA_RETENTION_DAYS";
        let Some(text) = self.get(variable) else { return Ok(DEFAULT_RETENTION_DAYS) };
        let days = text.parse().ok().filter(|days| (1..=MAX_RETENTION_DAYS).contains(days));
        days.ok_or(invalid(variable, "must be a whole number of days from 1 to 3650"))
    }

    /// `LOG_LEVEL`: the lowest level that is logged; INFO if it is not set.
    ///
    /// # Errors
    /// If it is not a level.
    pub fn log_level(&self) -> Result<tracing::Level, InvalidSetting> {
        let variable = "LOG_LEVEL";
        self.get(variable)
            .unwrap_or("INFO")
            .parse()
            .or(Err(invalid(variable, "must be ERROR, WARN, INFO, DEBUG or TRACE")))
    }

    /// `STACK_NAME`: the name of the deployment, for its metrics; none on a laptop.
    pub fn stack_name(&self) -> Option<String> {
        self.get("STACK_NAME").map(str::to_owned)
    }

    fn provider(
        &self,
        url_variable: &str,
        default_url: &str,
        key_variable: &str,
        key_format: KeyFormat,
    ) -> Result<ProviderSettings, InvalidSetting> {
        let secret = self.secret(key_variable, key_format.test)?;
        let base_url =
            self.get(url_variable).unwrap_or(default_url).trim_end_matches('/').to_owned();
        let url = Url::parse(&base_url)
            .or(Err(invalid(url_variable, "is not a URL such as https://api.example.com")))?;
        // A key in Secrets Manager is checked when it is used.
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        if is_safe {
            Ok(ProviderSettings { base_url, secret, key_format })
        } else {
            Err(invalid(url_variable, "must begin with https://, except for localhost"))
        }
    }

    /// A secret, given as its value or as its ARN, but not both. A value must begin with
    /// one of the prefixes of a test key.
    fn secret(&self, variable: &str, test_keys: &[&str]) -> Result<SecretSource, InvalidSetting> {
        let arn = format!("{variable}_ARN");
        match (self.get(variable), self.get(&arn)) {
            (Some(value), None) if test_keys.iter().any(|prefix| value.starts_with(prefix)) => {
                Ok(SecretSource::Value(Private::new(value.to_owned())))
            }
            (Some(_), None) => Err(invalid(
                variable,
                &format!("is not a test key: store a live key in Secrets Manager and set {arn}"),
            )),
            (None, Some(value)) if value.starts_with("arn:") => {
                Ok(SecretSource::Arn(value.to_owned()))
            }
            (None, Some(_)) => Err(invalid(&arn, "is not an ARN")),
            (Some(_), Some(_)) => {
                Err(invalid(variable, &format!("and {arn} are both set: set only one")))
            }
            (None, None) => {
                Err(invalid(variable, &format!("is not set: set it to a test key, or set {arn}")))
            }
        }
    }

    fn required(&self, variable: &str, advice: &str) -> Result<String, InvalidSetting> {
        let missing = || invalid(variable, &format!("is not set: {advice}"));
        self.get(variable).map(str::to_owned).ok_or_else(missing)
    }

    /// An empty variable counts as not set, because templates write empty ones.
    fn get(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

const AMOUNTS_ADVICE: &str = "must list currencies with minor units: USD=50000,EUR=50000";

fn invalid(variable: &str, advice: &str) -> InvalidSetting {
    InvalidSetting { variable: variable.to_owned(), advice: advice.to_owned() }
}
