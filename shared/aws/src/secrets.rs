//! The providers' keys, from Secrets Manager or, for a test key, from the
//! configuration itself.
//!
//! Read once, while the function starts. A key is never logged; an error names
//! the ARN only. To replace a webhook's secret: store `new,old`, have every
//! instance of the function start anew (a deployment does), let the provider sign
//! with the new one, then store that alone.

use domain::Private;

use crate::clients::{AwsClients, describe};
use crate::configuration::{InvalidSetting, SecretSource};

/// While a secret is replaced by another, both are valid.
const MOST_AT_ONCE: usize = 2;

impl AwsClients {
    /// The secrets that are valid now: one, or while it is replaced two, separated
    /// by a comma, the newest first.
    pub async fn rotating_secret_values(
        &self,
        secret: &SecretSource,
    ) -> Result<Vec<Private<String>>, InvalidSetting> {
        let text = self.secret_value(secret).await?;
        let parts = text.expose().split(',').map(|part| part.trim().to_owned());
        let secrets: Vec<_> = parts.map(Private::new).collect();
        // An empty one would be a secret that everybody knows.
        let is_sound = secrets.len() <= MOST_AT_ONCE
            && secrets.iter().all(|secret| !secret.expose().is_empty());
        if is_sound {
            return Ok(secrets);
        }
        let variable = match secret {
            SecretSource::Arn(arn) => arn.clone(),
            SecretSource::Value(_) => "a webhook's secret".to_owned(),
        };
        let advice = "must be one secret, or two separated by a comma, the newest first";
        Err(InvalidSetting { variable, advice: advice.to_owned() })
    }

    /// The key itself (`secretsmanager:GetSecretValue`).
    pub async fn secret_value(
        &self,
        secret: &SecretSource,
    ) -> Result<Private<String>, InvalidSetting> {
        let arn = match secret {
            SecretSource::Value(key) => return Ok(key.clone()),
            SecretSource::Arn(arn) => arn,
        };
        let bad = |advice: String| InvalidSetting { variable: arn.clone(), advice };
        let found = aws_sdk_secretsmanager::Client::new(self.config())
            .get_secret_value()
            .secret_id(arn)
            .send()
            .await
            .map_err(|error| {
                bad(format!("cannot be read: {}", describe("GetSecretValue", &error)))
            })?;
        match found.secret_string() {
            Some(key) if !key.trim().is_empty() => Ok(Private::new(key.trim().to_owned())),
            _ => Err(bad("holds no text: store the key itself as the secret's text".to_owned())),
        }
    }
}
