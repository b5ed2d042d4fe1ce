//! The providers' keys, from Secrets Manager or, for a test key, from the
//! configuration itself.
//!
//! Read once, while the function starts. A key is never logged; an error names
//! the ARN only.

use domain::Private;

use crate::aws::{Aws, describe};
use crate::configuration::{BadSetting, Secret};

impl Aws {
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
