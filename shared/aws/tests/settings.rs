//! What a function may be told, what it refuses, and in which words.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use aws::{InvalidSetting, SecretSource, Settings};
use domain::payment::RiskLevel;
use domain::ports::ProviderMode;
use domain::{Currency, Money, Private};
use serde_json::json;
use support::{Instead, World};

const KEY: (&str, &str) = ("STRIPE_SECRET_KEY", "sk_test_123");
const LIVE: (&str, &str) = ("STRIPE_SECRET_KEY", "sk_live_canary");
const ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:stripe";

fn settings(pairs: &[(&str, &str)]) -> Settings {
    Settings::from_pairs(pairs.iter().copied())
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, InvalidSetting>, expected: &str) {
    let error = format!("{0} {0:?}", result.unwrap_err());
    assert!(error.contains(expected), "{error} lacks {expected}");
    assert!(!error.contains("canary"), "{error}");
}

#[test]
fn a_missing_setting_is_named_with_what_to_do() {
    let nothing = settings(&[("INVENTORY_TABLE", " ")]);
    refused(nothing.orders_table(), "ORDERS_TABLE is not set: name the table of the orders");
    refused(nothing.inventory_table(), "INVENTORY_TABLE is not set");
    refused(nothing.state_machine_arn(), "STATE_MACHINE_ARN is not set");
    refused(
        nothing.stripe(),
        "STRIPE_SECRET_KEY is not set: give a test key, or STRIPE_SECRET_KEY_ARN",
    );
    refused(nothing.easypost(), "EASYPOST_API_KEY is not set");
    refused(nothing.ship_from(), "SHIP_FROM is not set");
    let wrong = settings(&[("STATE_MACHINE_ARN", "arn:aws:lambda:canary")]);
    refused(wrong.state_machine_arn(), "STATE_MACHINE_ARN is not the ARN of a state machine");
}

#[test]
fn a_key_is_given_by_exactly_one_of_value_and_arn() {
    let stripe = |pairs: &[(&str, &str)]| settings(pairs).stripe().map(|p| p.secret);
    assert!(matches!(stripe(&[KEY]), Ok(SecretSource::Value(_))));
    assert_eq!(stripe(&[("STRIPE_SECRET_KEY_ARN", ARN)]), Ok(SecretSource::Arn(ARN.to_owned())));
    refused(stripe(&[KEY, ("STRIPE_SECRET_KEY_ARN", ARN)]), "are both set: keep one");
    refused(stripe(&[("STRIPE_SECRET_KEY_ARN", "canary")]), "STRIPE_SECRET_KEY_ARN is not an ARN");
}

#[test]
fn a_value_is_taken_only_if_it_is_a_test_key() {
    refused(settings(&[LIVE]).stripe(), "STRIPE_SECRET_KEY is no test key");
    refused(settings(&[("EASYPOST_API_KEY", "EZAKcanary")]).easypost(), "is no test key");
    for key in ["sk_test_1", "rk_test_1"] {
        assert!(settings(&[("STRIPE_SECRET_KEY", key)]).stripe().is_ok(), "{key}");
    }
    for key in ["EZTK1", "EZTEST1"] {
        assert!(settings(&[("EASYPOST_API_KEY", key)]).easypost().is_ok(), "{key}");
    }
}

#[test]
fn a_webhooks_secret_is_given_as_a_value_only_while_the_providers_are_for_tests() {
    let values = [("STRIPE_WEBHOOK_SECRET", "whsec_1"), ("EASYPOST_WEBHOOK_SECRET", "canary,b")];
    let arns = [("STRIPE_WEBHOOK_SECRET_ARN", ARN), ("EASYPOST_WEBHOOK_SECRET_ARN", ARN)];
    let of = |pairs: &[(&str, &str)], mode: Option<&str>| {
        let mode = mode.map(|mode| ("PROVIDER_MODE", mode));
        settings(&[pairs, mode.as_slice()].concat()).webhooks()
    };
    for mode in [None, Some("test")] {
        let told = of(&values, mode).unwrap();
        assert!(matches!(told.stripe, SecretSource::Value(_)));
        assert_eq!(told.mode, ProviderMode::Test);
    }
    let told = of(&arns, Some("live")).unwrap();
    assert_eq!((told.easypost, told.mode), (SecretSource::Arn(ARN.to_owned()), ProviderMode::Live));
    refused(of(&values, Some("live")), "give STRIPE_WEBHOOK_SECRET_ARN");
    refused(of(&values[..1], None), "EASYPOST_WEBHOOK_SECRET is not set");
    refused(of(&arns, Some("canary")), "PROVIDER_MODE must be test or live");
}

#[tokio::test]
async fn while_a_webhooks_secret_is_replaced_two_are_valid_and_none_is_empty() {
    let aws = World::new().aws();
    let secret_value = async |text: &str| {
        let secret = SecretSource::Value(Private::new(text.to_owned()));
        let found = aws.rotating_secret_values(&secret).await?;
        Ok(found.iter().map(|secret| secret.expose().clone()).collect::<Vec<_>>())
    };
    assert_eq!(secret_value("whsec_1").await, Ok(vec!["whsec_1".to_owned()]));
    assert_eq!(secret_value("new, old").await, Ok(vec!["new".to_owned(), "old".to_owned()]));
    for canary in ["canary,", ",canary", "canary,,b", "canary,b,c", "", ","] {
        refused(secret_value(canary).await, "must be one secret, or two");
    }
}

#[test]
fn a_provider_is_reached_by_https_unless_it_is_this_machine_with_a_test_key() {
    let at = |url: &'static str| settings(&[KEY, ("STRIPE_BASE_URL", url)]).stripe();
    assert_eq!(settings(&[KEY]).stripe().unwrap().base_url, "https://api.stripe.com");
    for url in ["http://127.0.0.1:4570", "http://localhost:1", "http://[::1]:1", "https://x.test"] {
        assert_eq!(at(url).unwrap().base_url, url);
    }
    assert_eq!(at("https://x.test/").unwrap().base_url, "https://x.test");
    for url in ["http://x.test", "http://127.0.0.1.x.test", "ftp://127.0.0.1"] {
        refused(at(url), "STRIPE_BASE_URL must begin with https://");
    }
    refused(at("canary"), "STRIPE_BASE_URL is not an address");
    let kept = [("STRIPE_SECRET_KEY_ARN", ARN), ("STRIPE_BASE_URL", "http://127.0.0.1:4570")];
    refused(settings(&kept).stripe(), "must begin with https://");
}

#[test]
fn the_shop_s_address_is_json_with_all_that_a_label_needs() {
    let ship_from = |text: &str| settings(&[("SHIP_FROM", text)]).ship_from();
    let whole = r#"{"name": "Shop", "phone": "+14155550100", "street1": "1 Way", "city": "Reno",
                    "state": "NV", "postalCode": "89501", "country": "US"}"#;
    let shop = ship_from(whole).unwrap();
    assert_eq!((shop.name.as_str(), shop.address.city.as_str()), ("Shop", "Reno"));
    for bad in ["canary", "[]", "{}", r#"{"name": "canary"}"#, &whole.replace("city", "town")] {
        refused(ship_from(bad), "SHIP_FROM give the shop's name, phone and address");
    }
}

#[test]
fn the_threshold_of_review_is_written_for_each_currency() {
    let policy = |text: &str| settings(&[("REVIEW_THRESHOLD", text)]).review_policy();
    let reasons = |text, amount, currency| {
        policy(text).unwrap().reasons(Money::new(amount, currency), RiskLevel::Normal).len()
    };
    assert_eq!(reasons("USD=50000, EUR=100", 50_000, Currency::Usd), 1);
    assert_eq!(reasons("USD=50000, EUR=100", 99, Currency::Eur), 0);
    assert_eq!(reasons("", u64::MAX, Currency::Usd), 0);
    for bad in ["USD", "USD=", "USD=1.5", "XXX=1", "canary"] {
        refused(policy(bad), "REVIEW_THRESHOLD must list");
    }
}

#[test]
fn currencies_and_the_log_level_have_a_default() {
    use Currency::{Eur, Gbp, Usd};
    assert_eq!(settings(&[]).currencies(), Ok(vec![Usd, Eur, Gbp]));
    assert_eq!(settings(&[("CURRENCIES", "EUR")]).currencies(), Ok(vec![Eur]));
    refused(settings(&[("CURRENCIES", "canary")]).currencies(), "CURRENCIES must list");
    assert_eq!(settings(&[]).log_level(), Ok(tracing::Level::INFO));
    assert_eq!(settings(&[("LOG_LEVEL", "debug")]).log_level(), Ok(tracing::Level::DEBUG));
    refused(settings(&[("LOG_LEVEL", "canary")]).log_level(), "LOG_LEVEL must be");
}

#[test]
fn settings_print_nothing_of_themselves() {
    assert_eq!(format!("{:?}", settings(&[LIVE])), "[settings]");
    assert!(!format!("{:?}", settings(&[KEY]).stripe()).contains("sk_test"));
}

#[tokio::test]
async fn a_secret_is_read_by_its_arn_and_a_test_key_is_itself() {
    let world = World::new();
    let aws = world.aws_trying(1);
    let value = settings(&[KEY]).stripe().unwrap().secret;
    assert_eq!(aws.secret_value(&value).await.unwrap().expose(), "sk_test_123");
    assert_eq!(world.calls().len(), 0);

    let kept = SecretSource::Arn(ARN.to_owned());
    world.next(Instead::Answer(200, json!({"SecretString": "sk_live_canary\n"})));
    assert_eq!(aws.secret_value(&kept).await.unwrap().expose(), "sk_live_canary");
    assert_eq!(world.last_request()["SecretId"], ARN);
    world.next(Instead::Answer(200, json!({"SecretBinary": "Y2FuYXJ5"})));
    refused(aws.secret_value(&kept).await, "holds no text");
    world.refuse_with("ResourceNotFoundException");
    refused(
        aws.secret_value(&kept).await,
        "cannot be read: GetSecretValue: ResourceNotFoundException",
    );
}
