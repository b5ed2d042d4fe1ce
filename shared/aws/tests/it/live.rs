//! How settings and secrets are read while a function runs: when again, and what counts
//! when that fails.

use std::sync::Mutex;
use std::time::Duration;

use aws::clock::Clock;
use aws::configuration::{MAX_AGE, STRIPE_KEYS, SettingsSource};
use aws::live::{LiveSettings, NoSettings, valid_secrets};
use aws::secrets::SecretCache;
use aws::{Live, ProviderSettings, SecretSource, Settings};
use domain::account::AccountProblem;
use domain::ports::{ApiKeySource as _, NoApiKey, ProviderMode, ShopSettings as _};
use domain::{Currency, ErrorName, Private, Timestamp};
use serde_json::json;

use crate::test_bed::{Injected, TestBed};

const ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:Key-abcdef";

/// A clock that the test sets: monotonic milliseconds and wall-clock seconds.
#[derive(Debug)]
struct TestClock(Mutex<(u64, i64)>);

impl Clock for &TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.lock().unwrap().1).unwrap()
    }

    fn monotonic_ms(&self) -> u64 {
        self.0.lock().unwrap().0
    }
}

impl TestClock {
    fn leaked() -> &'static Self {
        Box::leak(Box::new(Self(Mutex::new((0, 1_000_000)))))
    }

    /// Lets this time pass.
    fn pass(&self, time: Duration) {
        let mut now = self.0.lock().unwrap();
        now.0 += u64::try_from(time.as_millis()).unwrap();
        now.1 += i64::try_from(time.as_secs()).unwrap();
    }
}

fn arn() -> SecretSource {
    SecretSource::Arn(ARN.to_owned())
}

fn cache(bed: &TestBed, clock: &'static TestClock) -> SecretCache<&'static TestClock> {
    SecretCache::new(&bed.aws_with_attempts(1), MAX_AGE, clock)
}

fn stores(bed: &TestBed, value: &str) {
    bed.inject(Injected::Response(200, json!({ "SecretString": value })));
}

fn text(value: Option<Private<String>>) -> Option<String> {
    value.map(|value| value.expose().clone())
}

#[tokio::test]
async fn a_value_is_read_again_only_when_it_is_older_than_five_minutes() {
    let (bed, clock) = (TestBed::new(), TestClock::leaked());
    let cache = cache(&bed, clock);
    let value = async || text(cache.secret_value(&arn()).await.unwrap());
    stores(&bed, "one\n");
    assert_eq!(value().await.as_deref(), Some("one"));
    assert_eq!(bed.last_request()["SecretId"], ARN);
    clock.pass(MAX_AGE.checked_sub(Duration::from_millis(1)).unwrap());
    assert_eq!((value().await.as_deref(), bed.calls().len()), (Some("one"), 1));
    stores(&bed, "two");
    clock.pass(Duration::from_secs(1));
    assert_eq!((value().await.as_deref(), bed.calls().len()), (Some("two"), 2));
}

#[tokio::test]
async fn the_wall_clock_counts_while_the_process_is_frozen() {
    let (bed, clock) = (TestBed::new(), TestClock::leaked());
    let cache = cache(&bed, clock);
    stores(&bed, "one");
    cache.secret_value(&arn()).await.unwrap();
    clock.0.lock().unwrap().1 += 300;
    stores(&bed, "two");
    assert_eq!(text(cache.secret_value(&arn()).await.unwrap()).as_deref(), Some("two"));
    // Nor does a wall clock that is set back keep a value in use.
    *clock.0.lock().unwrap() = (300_000, 0);
    stores(&bed, "three");
    assert_eq!(text(cache.secret_value(&arn()).await.unwrap()).as_deref(), Some("three"));
}

#[tokio::test]
async fn the_last_value_stays_in_use_while_it_cannot_be_read_again() {
    let (bed, clock) = (TestBed::new(), TestClock::leaked());
    let cache = cache(&bed, clock);
    let value = async || cache.secret_value(&arn()).await;
    bed.reject_with("AccessDeniedException");
    let error = value().await.unwrap_err().0;
    assert_eq!(error, format!("{ARN} cannot be read: GetSecretValue: AccessDeniedException"));
    stores(&bed, "one");
    value().await.unwrap();
    clock.pass(MAX_AGE);
    bed.inject(Injected::ConnectionError);
    assert_eq!(text(value().await.unwrap()).as_deref(), Some("one"));
    let calls = bed.calls().len();
    clock.pass(Duration::from_secs(29));
    assert_eq!(text(value().await.unwrap()).as_deref(), Some("one"));
    assert_eq!(bed.calls().len(), calls, "not every invocation waits for a read that fails");
    stores(&bed, "two");
    clock.pass(Duration::from_secs(1));
    assert_eq!(text(value().await.unwrap()).as_deref(), Some("two"));
}

#[tokio::test]
async fn a_secret_without_a_value_is_no_error() {
    let (bed, clock) = (TestBed::new(), TestClock::leaked());
    let cache = cache(&bed, clock);
    bed.reject_with("ResourceNotFoundException");
    assert_eq!(cache.secret_value(&arn()).await, Ok(None));
    for empty in [json!({"SecretString": " "}), json!({"SecretBinary": "Y2FuYXJ5"})] {
        bed.inject(Injected::Response(200, empty));
        assert_eq!(cache.secret_value_instead_of(None, &arn()).await, Ok(None));
    }
    let value = SecretSource::Value(Private::new("sk_test_1".to_owned()));
    assert_eq!(text(cache.secret_value(&value).await.unwrap()).as_deref(), Some("sk_test_1"));
}

#[tokio::test]
async fn an_unusable_value_is_read_again_at_once_unless_another_caller_did() {
    let (bed, clock) = (TestBed::new(), TestClock::leaked());
    let cache = cache(&bed, clock);
    stores(&bed, "one");
    let one = cache.secret_value(&arn()).await.unwrap();
    stores(&bed, "two");
    let instead = async || cache.secret_value_instead_of(one.as_ref(), &arn()).await.unwrap();
    assert_eq!(text(instead().await).as_deref(), Some("two"));
    assert_eq!(text(instead().await).as_deref(), Some("two"));
    assert_eq!(bed.calls().len(), 2);
}

#[tokio::test]
async fn concurrent_callers_share_one_read() {
    let (bed, clock) = (TestBed::new(), TestClock::leaked());
    let cache = cache(&bed, clock);
    stores(&bed, "one");
    let source = arn();
    let both = tokio::join!(cache.secret_value(&source), cache.secret_value(&source));
    assert_eq!((text(both.0.unwrap()).as_deref(), bed.calls().len()), (Some("one"), 1));
    assert_eq!(text(both.1.unwrap()).as_deref(), Some("one"));
    let one = cache.secret_value(&source).await.unwrap();
    stores(&bed, "two");
    let instead = || cache.secret_value_instead_of(one.as_ref(), &source);
    let both = tokio::join!(instead(), instead());
    assert_eq!((text(both.0.unwrap()).as_deref(), bed.calls().len()), (Some("two"), 2));
    assert_eq!(text(both.1.unwrap()).as_deref(), Some("two"));
}

#[tokio::test]
async fn a_flood_of_bad_signatures_is_one_read_in_ten_seconds() {
    let (bed, clock) = (TestBed::new(), TestClock::leaked());
    let cache = cache(&bed, clock);
    stores(&bed, "old");
    cache.secret_value(&arn()).await.unwrap();
    let after_bad = async || text(cache.secret_value_after_bad_signature(&arn()).await.unwrap());
    stores(&bed, "new");
    assert_eq!(after_bad().await.as_deref(), Some("new"), "the first one is read at once");
    for _ in 0..1000 {
        assert_eq!(after_bad().await.as_deref(), Some("new"));
    }
    assert_eq!(bed.calls().len(), 2);
    clock.pass(Duration::from_secs(10));
    stores(&bed, "newer");
    assert_eq!(after_bad().await.as_deref(), Some("newer"));
}

fn settings_of<T>(
    bed: &TestBed,
    clock: &'static TestClock,
    parse: fn(&Settings) -> Result<T, aws::InvalidSetting>,
) -> LiveSettings<T, &'static TestClock> {
    live(bed, clock).settings(parse)
}

fn live(bed: &TestBed, clock: &'static TestClock) -> Live<&'static TestClock> {
    let source = SecretSource::Arn("arn:aws:secretsmanager:eu:0:secret:Settings-abcdef".to_owned());
    Live::with_cache(cache(bed, clock), SettingsSource::Secret(source))
}

#[tokio::test]
async fn invalid_settings_replace_no_valid_ones() {
    let (bed, clock) = (TestBed::new(), TestClock::leaked());
    let currencies = settings_of(&bed, clock, Settings::currencies);
    stores(&bed, "{\"CURRENCIES\": \"XXX\"}");
    let error = currencies.current_settings().await.unwrap_err();
    assert!(matches!(&error, NoSettings::Invalid(_)));
    let failure = error.into_step_error(ErrorName::PaymentMisconfigured);
    assert_eq!(failure.name, ErrorName::PaymentMisconfigured);
    clock.pass(MAX_AGE);
    stores(&bed, "{\"CURRENCIES\": \"EUR\"}");
    assert_eq!(currencies.current_settings().await, Ok(vec![Currency::Eur]));
    for bad in ["{\"CURRENCIES\": \"XXX\"}", "not JSON"] {
        clock.pass(MAX_AGE);
        stores(&bed, bad);
        assert_eq!(currencies.current_settings().await, Ok(vec![Currency::Eur]), "{bad}");
    }
}

#[tokio::test]
async fn settings_that_were_never_read_are_a_transient_failure() {
    let (bed, clock) = (TestBed::new(), TestClock::leaked());
    let currencies = settings_of(&bed, clock, Settings::currencies);
    bed.inject(Injected::ConnectionError);
    let error = currencies.current_settings().await.unwrap_err();
    let failure = error.into_step_error(ErrorName::PaymentMisconfigured);
    assert_eq!(failure.name, ErrorName::StoreUnavailable);
}

/// What a key is worth in a deployment with this mode.
async fn key_in(mode: &str, key: &str, base_url: &str) -> Result<ProviderMode, NoApiKey> {
    let (bed, clock) = (TestBed::new(), TestClock::leaked());
    let account =
        ProviderSettings { base_url: base_url.to_owned(), secret: arn(), key_format: STRIPE_KEYS };
    let live = live(&bed, clock);
    // Once for the first look, and again because the key may have been replaced just now.
    let key = json!({ "SecretString": key });
    let settings = json!({ "SecretString": format!("{{\"PROVIDER_MODE\": \"{mode}\"}}") });
    for response in [&key, &settings, &settings, &key] {
        bed.inject(Injected::Response(200, response.clone()));
    }
    live.api_key(account).current().await.map(|key| key.mode)
}

#[tokio::test]
async fn a_key_is_used_only_in_its_own_mode_and_a_live_key_only_over_tls() {
    let https = "https://api.stripe.com";
    let wrong = Err(NoApiKey::Problem(AccountProblem::WrongMode));
    for key in ["sk_test_1", "rk_test_1"] {
        assert_eq!(key_in("test", key, https).await, Ok(ProviderMode::Test));
        assert_eq!(key_in("test", key, "http://127.0.0.1:1").await, Ok(ProviderMode::Test));
        assert_eq!(key_in("live", key, https).await, wrong);
    }
    for key in ["sk_live_1", "rk_live_1"] {
        assert_eq!(key_in("live", key, https).await, Ok(ProviderMode::Live));
        assert_eq!(key_in("live", key, "http://127.0.0.1:1").await, wrong);
        assert_eq!(key_in("test", key, https).await, wrong);
    }
    assert_eq!(key_in("test", "EZTK1", https).await, wrong);
}

#[tokio::test]
async fn a_missing_key_is_read_again_with_every_call_and_a_rejected_one_once() {
    let (bed, clock) = (TestBed::new(), TestClock::leaked());
    let account = ProviderSettings {
        base_url: "https://api.stripe.com".to_owned(),
        secret: arn(),
        key_format: STRIPE_KEYS,
    };
    let key = live(&bed, clock).api_key(account);
    bed.reject_with("ResourceNotFoundException");
    stores(&bed, "{}");
    bed.reject_with("ResourceNotFoundException");
    assert_eq!(key.current().await, Err(NoApiKey::Problem(AccountProblem::KeyMissing)));
    stores(&bed, "sk_test_1");
    let first = key.current().await.unwrap();
    assert_eq!(first.secret.expose(), "sk_test_1", "the key that was stored just now");
    stores(&bed, "sk_test_1");
    assert_eq!(key.replacement(&first).await, Ok(None), "it is still the stored one");
    stores(&bed, "sk_test_2");
    let second = key.replacement(&first).await.unwrap().unwrap();
    assert_eq!(second.secret.expose(), "sk_test_2");
    assert_eq!(key.current().await, Ok(second));
}

#[test]
fn during_a_rotation_two_webhook_secrets_are_valid_and_neither_may_be_empty() {
    let secrets = |text: &str| -> Vec<String> {
        let secrets = valid_secrets(&Private::new(text.to_owned()));
        secrets.iter().map(|secret| secret.expose().clone()).collect()
    };
    assert_eq!(secrets("whsec_1"), ["whsec_1"]);
    assert_eq!(secrets("new, old"), ["new", "old"]);
    for bad in ["a,", ",a", "a,,b", "a,b,c", "", ","] {
        assert!(secrets(bad).is_empty(), "{bad}");
    }
}

#[tokio::test]
async fn newer_webhook_secrets_are_returned_only_if_they_differ() {
    let (bed, clock) = (TestBed::new(), TestClock::leaked());
    let webhooks = aws::WebhookSecrets { stripe: arn(), easypost: arn() };
    let shop = live(&bed, clock).shop_settings(webhooks);
    stores(&bed, "whsec_old");
    stores(&bed, "{}");
    let used = shop.webhook_keys("stripe").await.unwrap();
    stores(&bed, "whsec_old");
    assert_eq!(shop.newer_webhook_keys("stripe", &used).await, Ok(None));
    clock.pass(Duration::from_secs(10));
    stores(&bed, "whsec_new,whsec_old");
    let newer = shop.newer_webhook_keys("stripe", &used).await.unwrap().unwrap();
    assert_eq!((newer.secrets.len(), newer.mode), (2, ProviderMode::Test));
    assert!(shop.webhook_keys("unknown").await.is_err());
}
