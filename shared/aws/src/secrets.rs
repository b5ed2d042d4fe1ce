//! The secrets of a function: read from Secrets Manager at run time, and kept for a while.
//!
//! [`SecretCache`] is the one cache. A value is read again when it is older than the
//! maximum age, and at once when a caller reports that it does not work (any more). So a
//! rotated secret needs no deployment. If reading a value again fails, the last one stays
//! in use. A secret is never logged; an error names only its ARN.
//!
//! To rotate a webhook secret: store `new,old`, let the provider sign with the new secret,
//! then store the new one alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use domain::ports::StoreUnavailable;
use domain::{Private, Timestamp};

use crate::clients::AwsClients;
use crate::clock::{Clock, SystemClock};
use crate::configuration::{MAX_AGE, SecretSource};
use crate::service_error::describe;

/// How long a value stays in use after it could not be read again, in milliseconds. An
/// attempt may take seconds, which not every invocation should wait for.
const PAUSE_AFTER_FAILURE_MS: u64 = 30_000;
/// The least time between two reads because of a bad signature, in milliseconds: a flood of
/// forged webhooks becomes at most 6 reads a minute from each instance.
const PAUSE_AFTER_BAD_SIGNATURE_MS: u64 = 10_000;

/// The value of a secret; none for a secret without one.
type SecretValue = Option<Private<String>>;

/// The cache of all secrets of one process.
#[derive(Debug)]
pub struct SecretCache<C = SystemClock> {
    client: Client,
    clock: C,
    max_age_ms: u64,
    known: Mutex<BTreeMap<String, KnownSecret>>,
}

/// What is known of one secret.
#[derive(Debug, Clone, Default)]
struct KnownSecret {
    value: SecretValue,
    /// When the value was read, or reading it again failed.
    checked: Option<Instant>,
    /// How long it stays in use from then on.
    fresh_for_ms: u64,
    /// When it was last read because of a bad signature.
    bad_signature: Option<Instant>,
    /// The number of reads that left a value to use.
    reads: u64,
    /// Held while the value is read, so that concurrent callers share one read.
    reading: Arc<tokio::sync::Mutex<()>>,
}

/// A point in time by both clocks.
#[derive(Debug, Clone, Copy)]
struct Instant {
    monotonic_ms: u64,
    at: Timestamp,
}

impl<C: Clock> SecretCache<C> {
    /// An empty cache. A `max_age` above [`MAX_AGE`] counts as that.
    pub fn new(aws: &AwsClients, max_age: Duration, clock: C) -> Self {
        let max_age = max_age.min(MAX_AGE).as_millis();
        Self {
            client: Client::new(aws.config()),
            clock,
            max_age_ms: u64::try_from(max_age).unwrap_or(u64::MAX),
            known: Mutex::default(),
        }
    }

    /// The value to use now.
    ///
    /// # Errors
    /// If the secret was never read and cannot be read now.
    pub async fn secret_value(
        &self,
        source: &SecretSource,
    ) -> Result<SecretValue, StoreUnavailable> {
        let arn = match source {
            SecretSource::Value(value) => return Ok(Some(value.clone())),
            SecretSource::Arn(arn) => arn,
        };
        let known = self.known_secret(arn);
        if self.is_fresh(&known) { Ok(known.value) } else { self.read_secret(arn, known).await }
    }

    /// The value to use in place of `unusable`, which a provider rejected or which is
    /// missing. It is read again, unless another caller did so in the meantime.
    ///
    /// # Errors
    /// As [`SecretCache::secret_value`].
    pub async fn secret_value_instead_of(
        &self,
        unusable: Option<&Private<String>>,
        source: &SecretSource,
    ) -> Result<SecretValue, StoreUnavailable> {
        let arn = match source {
            SecretSource::Value(value) => return Ok(Some(value.clone())),
            SecretSource::Arn(arn) => arn,
        };
        let known = self.known_secret(arn);
        if known.checked.is_some() && known.value.as_ref() != unusable {
            return Ok(known.value);
        }
        self.read_secret(arn, known).await
    }

    /// The value to use after it did not verify a signature. It is read again, but not
    /// more often than every ten seconds: anyone can send a bad signature.
    ///
    /// # Errors
    /// As [`SecretCache::secret_value`].
    pub async fn secret_value_after_bad_signature(
        &self,
        source: &SecretSource,
    ) -> Result<SecretValue, StoreUnavailable> {
        let arn = match source {
            SecretSource::Value(value) => return Ok(Some(value.clone())),
            SecretSource::Arn(arn) => arn,
        };
        let known = self.known_secret(arn);
        if known
            .bad_signature
            .is_some_and(|last| self.elapsed_ms(last) < PAUSE_AFTER_BAD_SIGNATURE_MS)
        {
            return self.secret_value(source).await;
        }
        let now = self.now();
        self.lock().entry(arn.clone()).or_default().bad_signature = Some(now);
        self.read_secret(arn, known).await
    }

    /// Reads a value, unless another caller did since `known` was looked up. If that fails,
    /// the known one stays in use.
    async fn read_secret(
        &self,
        arn: &str,
        known: KnownSecret,
    ) -> Result<SecretValue, StoreUnavailable> {
        let _reading = known.reading.lock().await;
        let since = self.known_secret(arn);
        if since.reads != known.reads {
            return Ok(since.value);
        }
        let (value, fresh_for_ms) = match (self.get_secret(arn).await, known.checked) {
            (Ok(value), _) => (value, self.max_age_ms),
            (Err(error), Some(_)) => {
                tracing::warn!(
                    secret = arn,
                    error = error.0,
                    "a secret could not be read again; its last value stays in use"
                );
                (since.value, self.max_age_ms.min(PAUSE_AFTER_FAILURE_MS))
            }
            (Err(error), None) => return Err(error),
        };
        let checked = Some(self.now());
        let mut all = self.lock();
        let entry = all.entry(arn.to_owned()).or_default();
        let reads = entry.reads + 1;
        *entry =
            KnownSecret { value: value.clone(), checked, fresh_for_ms, reads, ..entry.clone() };
        Ok(value)
    }

    /// The value in Secrets Manager (`secretsmanager:GetSecretValue`).
    async fn get_secret(&self, arn: &str) -> Result<SecretValue, StoreUnavailable> {
        match self.client.get_secret_value().secret_id(arn).send().await {
            Ok(response) => Ok(response
                .secret_string()
                .map(str::trim)
                .filter(|value| !value.is_empty())
                .map(|value| Private::new(value.to_owned()))),
            // Also the answer for a secret that was created without a value.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => {
                let error = describe("GetSecretValue", &error);
                Err(StoreUnavailable(format!("{arn} cannot be read: {error}")))
            }
        }
    }

    fn is_fresh(&self, known: &KnownSecret) -> bool {
        known.checked.is_some_and(|checked| self.elapsed_ms(checked) < known.fresh_for_ms)
    }

    fn known_secret(&self, arn: &str) -> KnownSecret {
        self.lock().entry(arn.to_owned()).or_default().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, KnownSecret>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Instant {
        Instant { monotonic_ms: self.clock.monotonic_ms(), at: self.clock.now() }
    }

    /// The milliseconds since then, by the clock that shows more. Lambda may stop the
    /// monotonic clock while it freezes an idle process; the other one may be set back.
    fn elapsed_ms(&self, since: Instant) -> u64 {
        let now = self.now();
        let wall = now.at.to_jiff().as_millisecond() - since.at.to_jiff().as_millisecond();
        let monotonic = now.monotonic_ms.saturating_sub(since.monotonic_ms);
        monotonic.max(u64::try_from(wall).unwrap_or(0))
    }
}
