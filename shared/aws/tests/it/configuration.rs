//! Which settings are accepted, and what the error says about those that are not.

use std::time::Duration;

use aws::configuration::{SettingsSource, SignIn};
use aws::{InvalidSetting, SecretSource, Settings};
use domain::payment::RiskLevel;
use domain::ports::ProviderMode;
use domain::{Currency, Money};

const KEY: (&str, &str) = ("STRIPE_SECRET_KEY", "sk_test_123");
const LIVE: (&str, &str) = ("STRIPE_SECRET_KEY", "sk_live_canary");
const ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:stripe";

fn settings(pairs: &[(&str, &str)]) -> Settings {
    Settings::from_pairs(pairs.iter().copied())
}

#[track_caller]
fn assert_rejected<T: std::fmt::Debug>(result: Result<T, InvalidSetting>, expected: &str) {
    let error = format!("{0} {0:?}", result.unwrap_err());
    assert!(error.contains(expected), "{error} lacks {expected}");
    assert!(!error.contains("canary"), "{error}");
}

#[test]
fn the_error_for_a_missing_setting_names_it_and_says_what_to_do() {
    let nothing = settings(&[("INVENTORY_TABLE", " ")]);
    assert_rejected(
        nothing.orders_table(),
        "ORDERS_TABLE is not set: give the name of the Orders table",
    );
    assert_rejected(nothing.inventory_table(), "INVENTORY_TABLE is not set");
    assert_rejected(nothing.state_machine_arn(), "STATE_MACHINE_ARN is not set");
    assert_rejected(
        nothing.stripe(),
        "STRIPE_SECRET_KEY is not set: set it to a test key, or set STRIPE_SECRET_KEY_ARN",
    );
    assert_rejected(nothing.easypost(), "EASYPOST_API_KEY is not set");
    assert_rejected(nothing.ship_from(), "SHIP_FROM is not set");
    let wrong = settings(&[("STATE_MACHINE_ARN", "arn:aws:lambda:canary")]);
    assert_rejected(
        wrong.state_machine_arn(),
        "STATE_MACHINE_ARN is not the ARN of a state machine",
    );
}

#[test]
fn a_key_is_given_as_a_value_or_an_arn_but_not_both() {
    let stripe = |pairs: &[(&str, &str)]| settings(pairs).stripe().map(|p| p.secret);
    assert!(matches!(stripe(&[KEY]), Ok(SecretSource::Value(_))));
    assert_eq!(stripe(&[("STRIPE_SECRET_KEY_ARN", ARN)]), Ok(SecretSource::Arn(ARN.to_owned())));
    assert_rejected(stripe(&[KEY, ("STRIPE_SECRET_KEY_ARN", ARN)]), "are both set: set only one");
    assert_rejected(
        stripe(&[("STRIPE_SECRET_KEY_ARN", "canary")]),
        "STRIPE_SECRET_KEY_ARN is not an ARN",
    );
}

#[test]
fn a_value_is_accepted_only_if_it_is_a_test_key() {
    assert_rejected(settings(&[LIVE]).stripe(), "STRIPE_SECRET_KEY is not a test key");
    assert_rejected(
        settings(&[("EASYPOST_API_KEY", "EZAKcanary")]).easypost(),
        "is not a test key",
    );
    for key in ["sk_test_1", "rk_test_1"] {
        assert!(settings(&[("STRIPE_SECRET_KEY", key)]).stripe().is_ok(), "{key}");
    }
    for key in ["EZTK1", "EZTEST1"] {
        assert!(settings(&[("EASYPOST_API_KEY", key)]).easypost().is_ok(), "{key}");
    }
}

#[test]
fn a_webhook_secret_is_accepted_as_a_value_only_in_test_mode() {
    let values = [("STRIPE_WEBHOOK_SECRET", "whsec_1"), ("EASYPOST_WEBHOOK_SECRET", "canary,b")];
    let arns = [("STRIPE_WEBHOOK_SECRET_ARN", ARN), ("EASYPOST_WEBHOOK_SECRET_ARN", ARN)];
    let of = |pairs: &[(&str, &str)], mode: Option<&str>| {
        let mode = mode.map(|mode| ("PROVIDER_MODE", mode));
        settings(&[pairs, mode.as_slice()].concat()).webhooks()
    };
    for mode in [None, Some("test")] {
        assert!(matches!(of(&values, mode).unwrap().stripe, SecretSource::Value(_)));
    }
    assert_eq!(of(&arns, Some("live")).unwrap().easypost, SecretSource::Arn(ARN.to_owned()));
    assert_rejected(of(&values, Some("live")), "set STRIPE_WEBHOOK_SECRET_ARN");
    assert_rejected(of(&values[..1], None), "EASYPOST_WEBHOOK_SECRET is not set");
    assert_rejected(of(&arns, Some("canary")), "PROVIDER_MODE must be test or live");
}

#[test]
fn the_settings_are_one_secret_or_the_variables_but_not_both() {
    let source = |pairs: &[(&str, &str)]| settings(pairs).source();
    let arn = ("SETTINGS_ARN", ARN);
    assert!(matches!(source(&[arn]), Ok(SettingsSource::Secret(_))));
    assert!(matches!(source(&[("CURRENCIES", "EUR")]), Ok(SettingsSource::Variables(_))));
    assert!(matches!(source(&[]), Ok(SettingsSource::Variables(_))));
    for name in ["PROVIDER_MODE", "CURRENCIES", "REVIEW_THRESHOLD", "SHIP_FROM"] {
        let expected = format!("SETTINGS_ARN and {name} are both set: set only one");
        assert_rejected(source(&[arn, (name, "canary")]), &expected);
    }
    assert_rejected(source(&[("SETTINGS_ARN", "canary")]), "SETTINGS_ARN is not an ARN");
}

#[test]
fn the_secret_with_the_settings_is_a_json_object_with_the_names_of_the_variables() {
    let text = r#"{"CURRENCIES": "EUR", "SHIP_FROM": {"name": "Shop", "phone": "+14155550100",
        "street1": "1 \"Way\"", "city": "Reno", "postalCode": "89501", "country": "US"}}"#;
    let settings = Settings::from_json(text).unwrap();
    assert_eq!(settings.currencies(), Ok(vec![Currency::Eur]));
    assert_eq!(settings.ship_from().unwrap().address.street1, "1 \"Way\"");
    assert_eq!(settings.provider_mode(), Ok(ProviderMode::Test));
    for bad in ["", "canary", "[]", "{\"SHIP_FROM\": canary}"] {
        assert_rejected(Settings::from_json(bad), "SETTINGS_ARN the secret does not hold a JSON");
    }
}

#[test]
fn the_maximum_age_is_at_most_five_minutes() {
    let age = |text: &str| settings(&[("SETTINGS_MAX_AGE_SECONDS", text)]).settings_max_age();
    assert_eq!(age(""), Ok(Duration::from_mins(5)));
    assert_eq!(age("0"), Ok(Duration::ZERO));
    assert_eq!(age("300"), Ok(Duration::from_mins(5)));
    for bad in ["301", "-1", "1.5", "canary"] {
        assert_rejected(age(bad), "SETTINGS_MAX_AGE_SECONDS must be a number of seconds");
    }
}

#[test]
fn a_provider_url_must_be_https_except_for_localhost_with_a_test_key() {
    let at = |url: &'static str| settings(&[KEY, ("STRIPE_BASE_URL", url)]).stripe();
    assert_eq!(settings(&[KEY]).stripe().unwrap().base_url, "https://api.stripe.com");
    for url in ["http://127.0.0.1:4570", "http://localhost:1", "http://[::1]:1", "https://x.test"] {
        assert_eq!(at(url).unwrap().base_url, url);
    }
    assert_eq!(at("https://x.test/").unwrap().base_url, "https://x.test");
    for url in ["http://x.test", "http://127.0.0.1.x.test", "ftp://127.0.0.1"] {
        assert_rejected(at(url), "STRIPE_BASE_URL must begin with https://");
    }
    assert_rejected(at("canary"), "STRIPE_BASE_URL is not a URL");
    // A key in Secrets Manager is checked when it is used.
    let stored = [("STRIPE_SECRET_KEY_ARN", ARN), ("STRIPE_BASE_URL", "http://127.0.0.1:4570")];
    assert!(!settings(&stored).stripe().unwrap().is_https());
}

#[test]
fn the_ship_from_address_is_json_with_every_field_that_a_label_needs() {
    let ship_from = |text: &str| settings(&[("SHIP_FROM", text)]).ship_from();
    let whole = r#"{"name": "Shop", "phone": "+14155550100", "street1": "1 Way", "city": "Reno",
                    "state": "NV", "postalCode": "89501", "country": "US"}"#;
    let shop = ship_from(whole).unwrap();
    assert_eq!((shop.name.as_str(), shop.address.city.as_str()), ("Shop", "Reno"));
    for bad in ["canary", "[]", "{}", r#"{"name": "canary"}"#, &whole.replace("city", "town")] {
        assert_rejected(ship_from(bad), "SHIP_FROM give the shop's name, phone and address");
    }
}

#[test]
fn the_review_threshold_is_set_per_currency() {
    let policy_for = |currencies: &str, text: &str| {
        settings(&[("CURRENCIES", currencies), ("REVIEW_THRESHOLD", text)]).review_policy()
    };
    let policy = |text: &str| policy_for("USD,EUR", text);
    let reasons = |text, amount, currency| {
        policy(text).unwrap().reasons(Money::new(amount, currency), RiskLevel::Normal).len()
    };
    assert_eq!(reasons("USD=50000, EUR=100", 50_000, Currency::Usd), 1);
    assert_eq!(reasons("USD=50000, EUR=100", 99, Currency::Eur), 0);
    for bad in ["USD", "USD=", "USD=1.5", "XXX=1", "canary"] {
        assert_rejected(policy(bad), "REVIEW_THRESHOLD must list");
    }
    assert!(policy_for("USD", "USD=1,GBP=1").is_ok(), "more than the shop accepts");
    for (lacking, currency) in [("USD=1", "EUR"), ("EUR=1", "USD"), ("", "USD")] {
        let expected = format!("REVIEW_THRESHOLD has no threshold for {currency}");
        assert_rejected(policy(lacking), &expected);
    }
    assert_rejected(settings(&[]).review_policy(), "REVIEW_THRESHOLD has no threshold for USD");
}

#[test]
fn the_postage_ceiling_is_set_per_currency() {
    let ceiling = |text: &str| settings(&[("POSTAGE_CEILING", text)]).postage_ceiling();
    let allows =
        |text, amount, currency| ceiling(text).unwrap().allows(Money::new(amount, currency));
    assert!(allows("USD=20000, EUR=100", 20_000, Currency::Usd));
    assert!(!allows("USD=20000, EUR=100", 101, Currency::Eur));
    assert!(!allows("USD=20000", 1, Currency::Gbp), "without a number it cannot be judged");
    assert!(allows("", u64::MAX, Currency::Usd));
    assert_rejected(ceiling("USD=1.5"), "POSTAGE_CEILING must list");
}

#[test]
fn the_retention_of_personal_data_is_a_whole_number_of_days() {
    let days = |text: &str| {
        settings(&[("PERSONAL_DATA_RETENTION_DAYS", text)]).personal_data_retention_days()
    };
    assert_eq!(settings(&[]).personal_data_retention_days(), Ok(90));
    assert_eq!((days("1"), days("3650")), (Ok(1), Ok(3650)));
    for bad in ["0", "-1", "1.5", "3651", "never"] {
        assert_rejected(days(bad), "PERSONAL_DATA_RETENTION_DAYS must be");
    }
}

#[test]
fn currencies_and_the_log_level_have_defaults() {
    use Currency::{Eur, Gbp, Usd};
    assert_eq!(settings(&[]).currencies(), Ok(vec![Usd, Eur, Gbp]));
    assert_eq!(settings(&[("CURRENCIES", "EUR")]).currencies(), Ok(vec![Eur]));
    assert_rejected(settings(&[("CURRENCIES", "canary")]).currencies(), "CURRENCIES must list");
    assert_eq!(settings(&[]).log_level(), Ok(tracing::Level::INFO));
    assert_eq!(settings(&[("LOG_LEVEL", "debug")]).log_level(), Ok(tracing::Level::DEBUG));
    assert_rejected(settings(&[("LOG_LEVEL", "canary")]).log_level(), "LOG_LEVEL must be");
}

#[test]
fn settings_debug_print_no_value() {
    assert_eq!(format!("{:?}", settings(&[LIVE])), "[settings]");
    assert!(!format!("{:?}", settings(&[KEY]).stripe()).contains("sk_test_123"));
}

#[test]
fn users_of_the_page_sign_in_at_a_complete_issuer_or_not_at_all() {
    assert_eq!(settings(&[]).sign_in(), Ok(SignIn::NotConfigured));
    assert_eq!(settings(&[("SIGN_IN", "development")]).sign_in(), Ok(SignIn::Development));
    assert_rejected(settings(&[("SIGN_IN", "canary")]).sign_in(), "SIGN_IN must be development");
    let complete = [
        ("SIGN_IN_CLIENT_ID", "page"),
        ("SIGN_IN_ISSUER", "https://id.example.com"),
        ("SIGN_IN_AUTHORIZE_URL", "https://id.example.com/oauth2/authorize"),
        ("SIGN_IN_TOKEN_URL", "https://id.example.com/oauth2/token"),
    ];
    let Ok(SignIn::OAuth(client)) = settings(&complete).sign_in() else { panic!("an issuer") };
    assert_eq!(client.token_url, "https://id.example.com/oauth2/token");
    assert_eq!((client.logout_url, client.callback_url), (None, None));
    let callback = [("SIGN_IN_CALLBACK_URL", "https://id.example.com/signed-in")];
    let with_callback = settings(&[&complete[..], &callback].concat()).sign_in();
    let Ok(SignIn::OAuth(client)) = with_callback else { panic!("an issuer") };
    assert_eq!(client.callback_url.as_deref(), Some("https://id.example.com/signed-in"));
    assert!(client.scopes.contains("orders/operate"));
    for (variable, _) in &complete[1..] {
        let without: Vec<_> = complete.into_iter().filter(|(name, _)| name != variable).collect();
        assert_rejected(settings(&without).sign_in(), &format!("{variable} is not set"));
    }
    // The token endpoint stands in a header: it must not end one directive and begin another.
    for url in ["http://canary.example.com", "https://a.example/; script-src canary", "canary"] {
        let wrong =
            complete.map(
                |(name, value)| {
                    if name == "SIGN_IN_TOKEN_URL" { (name, url) } else { (name, value) }
                },
            );
        assert_rejected(settings(&wrong).sign_in(), "SIGN_IN_TOKEN_URL is not a URL");
    }
}

#[test]
fn the_shop_ships_to_the_country_that_it_ships_from_unless_others_are_named() {
    let ship_from = |country: &str| {
        format!(
            r#"{{"name": "Shop", "phone": "+1", "street1": "1 Main St", "city": "Reno",
            "postalCode": "1", "country": "{country}"}}"#
        )
    };
    let codes = |pairs: &[(&str, &str)]| {
        let countries = settings(pairs).ship_to_countries();
        countries.map(|all| all.into_iter().map(domain::Country::code).collect::<Vec<_>>())
    };
    assert_eq!(codes(&[("SHIP_FROM", &ship_from("FR"))]), Ok(vec!["FR"]));
    let both = [("SHIP_FROM", &*ship_from("FR")), ("SHIP_TO_COUNTRIES", "FR, BE")];
    assert_eq!(codes(&both), Ok(vec!["FR", "BE"]));
    assert_rejected(
        codes(&[("SHIP_TO_COUNTRIES", "FR,XX")]),
        "SHIP_TO_COUNTRIES must name countries by their ISO 3166-1 codes",
    );
    assert_rejected(codes(&[]), "SHIP_FROM is not set");
}

#[test]
fn the_limits_per_customer_have_defaults_and_a_range() {
    let limits = settings(&[]).order_limits().unwrap();
    let all = [limits.per_hour, limits.open, limits.scheduled, limits.failed_per_hour];
    assert_eq!(all, [20, 50, 10, 5]);
    assert_eq!(settings(&[("MAX_OPEN_ORDERS", "0")]).order_limits().unwrap().open, 0);
    for bad in ["-1", "1001", "many"] {
        assert_rejected(
            settings(&[("MAX_OPEN_ORDERS", bad)]).order_limits(),
            "MAX_OPEN_ORDERS must be a whole number from 0 (no limit) to 1000",
        );
    }
}
