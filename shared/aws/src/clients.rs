//! The AWS clients of a function.
//!
//! The SDK reads region, credentials and `AWS_ENDPOINT_URL` from the environment. All
//! clients share one HTTP client with rustls and ring. Timeouts nest: an attempt ends
//! before the operation does, and the operation before the function's own timeout. The
//! SDK retries once; further retries belong to the state machine.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::{Inventory, Orders, RecentOrders, Workflow};

/// The maximum time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The maximum time of one attempt, connecting included.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// The maximum time of an operation: 2 attempts of 3 s and the backoff between them.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(8);
/// The first attempt and one retry.
const MAX_ATTEMPTS: u32 = 2;

/// Makes the adapters of one function from one SDK configuration.
#[derive(Debug, Clone)]
pub struct AwsClients {
    config: SdkConfig,
}

impl AwsClients {
    /// Reads the SDK's configuration from the environment.
    pub async fn from_env() -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .operation_timeout(OPERATION_TIMEOUT)
                    .build(),
            )
            .load()
            .await;
        Self { config }
    }

    /// Uses a configuration that the caller made.
    pub const fn from_config(config: SdkConfig) -> Self {
        Self { config }
    }

    /// The configuration of all clients.
    pub const fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The Orders table of this name.
    pub fn orders(&self, table: impl Into<String>) -> Orders {
        Orders::new(aws_sdk_dynamodb::Client::new(&self.config), table)
    }

    /// The Inventory table of this name, with the Orders table for transactions that
    /// write both.
    pub fn inventory(
        &self,
        orders_table: impl Into<String>,
        inventory_table: impl Into<String>,
    ) -> Inventory {
        let client = aws_sdk_dynamodb::Client::new(&self.config);
        Inventory::new(client, orders_table, inventory_table)
    }

    /// The table of recent orders of this name, with the Orders table that says which of them
    /// ended.
    pub fn recent_orders(
        &self,
        table: impl Into<String>,
        orders_table: impl Into<String>,
    ) -> RecentOrders {
        RecentOrders::new(aws_sdk_dynamodb::Client::new(&self.config), table, orders_table)
    }

    /// The state machine of this ARN.
    pub fn workflow(&self, state_machine_arn: impl Into<String>) -> Workflow {
        Workflow::new(aws_sdk_sfn::Client::new(&self.config), state_machine_arn)
    }
}
