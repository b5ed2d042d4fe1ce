//! Reads API keys and webhook secrets from Secrets Manager, or takes a test key from
//! the configuration.
//!
//! A function reads its secrets once, at startup. A secret is never logged; an error
//! names only its ARN.
//!
//! To rotate a webhook secret: store `new,old`, restart every instance (a deployment
//! does), let the provider sign with the new secret, then store the new one alone.

use domain::Private;

use crate::clients::AwsClients;
use crate::configuration::{InvalidSetting, SecretSource};
use crate::service_error::describe;

/// During a rotation both the new and the old secret are valid.
const MAX_VALID_SECRETS: usize = 2;

impl AwsClients {
    /// The secrets that are valid now: one, or two separated by a comma during a
    /// rotation, the newest first.
    ///
    /// # Errors
    /// As [`AwsClients::secret_value`]; also if a secret is empty or there are more
    /// than two.
    pub async fn rotating_secret_values(
        &self,
        source: &SecretSource,
    ) -> Result<Vec<Private<String>>, InvalidSetting> {
        let text = self.secret_value(source).await?;
        let parts = text.expose().split(',').map(|part| part.trim().to_owned());
        let secrets: Vec<_> = parts.map(Private::new).collect();
        // Anyone could sign with an empty secret.
        let is_valid = secrets.len() <= MAX_VALID_SECRETS
            && secrets.iter().all(|secret| !secret.expose().is_empty());
        if is_valid {
            return Ok(secrets);
        }
        let variable = match source {
            SecretSource::Arn(arn) => arn.clone(),
            SecretSource::Value(_) => "a webhook secret".to_owned(),
        };
        let advice = "must be one secret, or two separated by a comma, the newest first";
        Err(InvalidSetting { variable, advice: advice.to_owned() })
    }

    /// The secret itself (`secretsmanager:GetSecretValue`).
    ///
    /// # Errors
    /// If Secrets Manager cannot be reached, rejects the call, or holds no text under
    /// the ARN.
    pub async fn secret_value(
        &self,
        source: &SecretSource,
    ) -> Result<Private<String>, InvalidSetting> {
        let arn = match source {
            SecretSource::Value(secret) => return Ok(secret.clone()),
            SecretSource::Arn(arn) => arn,
        };
        let invalid = |advice: String| InvalidSetting { variable: arn.clone(), advice };
        let response = aws_sdk_secretsmanager::Client::new(self.config())
            .get_secret_value()
            .secret_id(arn)
            .send()
            .await
            .map_err(|error| {
                invalid(format!("cannot be read: {}", describe("GetSecretValue", &error)))
            })?;
        match response.secret_string() {
            Some(secret) if !secret.trim().is_empty() => Ok(Private::new(secret.trim().to_owned())),
            _ => Err(invalid("holds no text: store the secret itself as text".to_owned())),
        }
    }
}
