//! The clients of AWS, as every function makes them.
//!
//! The SDK with its ordinary configuration (region, credentials and
//! `AWS_ENDPOINT_URL` from the environment), over one HTTP client with rustls
//! and ring. Limits nest: an attempt ends before the operation, the operation
//! before the function's own timeout. One quick retry at most; the rest is the
//! state machine's.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{Inventory, Orders, Workflow};

/// An attempt to connect ends after this long.
const CONNECT: Duration = Duration::from_secs(1);
/// An attempt, connecting included, ends after this long.
const ATTEMPT: Duration = Duration::from_secs(3);
/// An operation with its retry ends after this long: 2 × 3 s and the pause between.
const OPERATION: Duration = Duration::from_secs(8);
/// The first attempt and one quick retry.
const ATTEMPTS: u32 = 2;

/// The clients of one function.
#[derive(Debug, Clone)]
pub struct AwsClients {
    config: SdkConfig,
}

impl AwsClients {
    /// Reads the SDK's own configuration from the environment.
    pub async fn from_env() -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT)
                    .operation_attempt_timeout(ATTEMPT)
                    .operation_timeout(OPERATION)
                    .build(),
            )
            .load()
            .await;
        Self { config }
    }

    /// Clients with a configuration of the caller's own.
    pub const fn from_config(config: SdkConfig) -> Self {
        Self { config }
    }

    /// The configuration that the clients are made with.
    pub const fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The Orders table.
    pub fn orders(&self, table: impl Into<String>) -> Orders {
        Orders::new(aws_sdk_dynamodb::Client::new(&self.config), table)
    }

    /// The Inventory table, and the Orders table for what is written in both.
    pub fn inventory(&self, orders: impl Into<String>, inventory: impl Into<String>) -> Inventory {
        Inventory::new(aws_sdk_dynamodb::Client::new(&self.config), orders, inventory)
    }

    /// The state machine of this ARN.
    pub fn workflow(&self, state_machine_arn: impl Into<String>) -> Workflow {
        Workflow::new(aws_sdk_sfn::Client::new(&self.config), state_machine_arn)
    }
}

/// What an operation failed by: its name and the service's code, never the
/// service's text, which may quote what was sent.
pub(crate) fn describe<E: ProvideErrorMetadata, R>(
    operation: &str,
    error: &SdkError<E, R>,
) -> String {
    let why = match error {
        SdkError::ConstructionFailure(_) => "the request could not be built",
        SdkError::TimeoutError(_) => "timed out",
        SdkError::DispatchFailure(_) => "no connection",
        SdkError::ResponseError(_) => "the answer could not be read",
        SdkError::ServiceError(service) => service.err().code().unwrap_or("refused"),
        _ => "failed",
    };
    format!("{operation}: {why}")
}
