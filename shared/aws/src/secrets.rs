//! The providers' keys, from Secrets Manager or, for a test key, from the
//! configuration itself.
//!
//! Read once, while the function starts. A key is never logged; an error names
//! the ARN only. To replace a webhook's secret: store `new,old`, have every
//! instance of the function start anew (a deployment does), let the provider sign
//! with the new one, then store that alone.

use domain::Private;

use crate::aws::{Aws, describe};
use crate::configuration::{BadSetting, Secret};

/// While a secret is replaced by another, both are valid.
const MOST_AT_ONCE: usize = 2;

impl Aws {
    /// The secrets that are valid now: one, or while it is replaced two, separated
    /// by a comma, the newest first.
    pub async fn reveal_rotating(
        &self,
        secret: &Secret,
    ) -> Result<Vec<Private<String>>, BadSetting> {
        let text = self.reveal(secret).await?;
        let parts = text.expose().split(',').map(|part| part.trim().to_owned());
        let secrets: Vec<_> = parts.map(Private::new).collect();
        // An empty one would be a secret that everybody knows.
        let is_sound = secrets.len() <= MOST_AT_ONCE
            && secrets.iter().all(|secret| !secret.expose().is_empty());
        if is_sound {
            return Ok(secrets);
        }
        let variable = match secret {
            Secret::Arn(arn) => arn.clone(),
            Secret::Value(_) => "a webhook's secret".to_owned(),
        };
        let advice = "must be one secret, or two separated by a comma, the newest first";
        Err(BadSetting { variable, advice: advice.to_owned() })
    }

    /// The key itself (`secretsmanager:GetSecretValue`).
    pub async fn reveal(&self, secret: &Secret) -> Result<Private<String>, BadSetting> {
        let arn = match secret {
            Secret::Value(key) => return Ok(key.clone()),
            Secret::Arn(arn) => arn,
        };
        let bad = |advice: String| BadSetting { variable: arn.clone(), advice };
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
