//! The running services of a stack, for those who observe and act on orders: the
//! scenarios and the local panel.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::aws::AwsError;
use crate::clock::StackClock;
use crate::dynamodb::{DynamoDb, OrderWrite, is_order_id};
use crate::faults::Faults;
use crate::lambda::LambdaHost;
use crate::secretsmanager::SecretsManager;
use crate::stepfunctions::StepFunctions;
use crate::urls::Urls;

/// The running services of a stack. A clone is the same stack.
#[derive(Debug, Clone)]
pub struct StackHandle {
    pub(crate) urls: Urls,
    pub(crate) clock: StackClock,
    pub(crate) faults: Faults,
    pub(crate) dynamodb: Arc<DynamoDb>,
    pub(crate) step_functions: StepFunctions,
    pub(crate) secrets: Arc<SecretsManager>,
    pub(crate) lambda: Arc<LambdaHost>,
}

impl StackHandle {
    /// The base URLs of all servers.
    pub fn urls(&self) -> Urls {
        self.urls.clone()
    }

    /// The stack's clock.
    pub fn clock(&self) -> &StackClock {
        &self.clock
    }

    /// The fault plan for the stack's own services.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The tables.
    pub fn dynamodb(&self) -> &Arc<DynamoDb> {
        &self.dynamodb
    }

    /// The executions.
    pub fn step_functions(&self) -> &StepFunctions {
        &self.step_functions
    }

    /// The secrets.
    pub fn secrets(&self) -> &SecretsManager {
        &self.secrets
    }

    /// The Lambda host.
    pub fn lambda(&self) -> &LambdaHost {
        &self.lambda
    }

    /// Subscribes to all later writes of orders.
    ///
    /// Each message holds a guard that keeps the clock from skipping ahead, so the
    /// receiver can act at the time of the write. A receiver that lags far behind
    /// misses messages.
    pub fn order_writes(&self) -> broadcast::Receiver<OrderWrite> {
        self.dynamodb.order_writes()
    }

    /// The item with this key in DynamoDB's JSON, or null.
    ///
    /// # Errors
    /// When DynamoDB rejects the read, for example because there is no such table.
    pub async fn item(&self, table: &str, key: &Value) -> Result<Value, AwsError> {
        let get = json!({ "TableName": table, "Key": key });
        let mut answer = self.dynamodb.read_uncounted("GetItem", get).await?;
        Ok(answer["Item"].take())
    }

    /// The order with this id in DynamoDB's JSON, or null.
    ///
    /// # Errors
    /// When DynamoDB rejects the read.
    pub async fn order(&self, order_id: &str) -> Result<Value, AwsError> {
        self.item("Orders", &json!({ "orderId": { "S": order_id } })).await
    }

    /// All items of a table in DynamoDB's JSON, without the lease of the sweep.
    ///
    /// # Errors
    /// When DynamoDB rejects the scan, for example because there is no such table.
    pub async fn items(&self, table: &str) -> Result<Vec<Value>, AwsError> {
        let mut all = Vec::new();
        let mut scan = json!({ "TableName": table });
        loop {
            let mut page = self.dynamodb.read_uncounted("Scan", scan.clone()).await?;
            if let Value::Array(items) = page["Items"].take() {
                all.extend(items.into_iter().filter(is_order_or_of_another_table));
            }
            match page["LastEvaluatedKey"].take() {
                Value::Null => return Ok(all),
                last => scan["ExclusiveStartKey"] = last,
            }
        }
    }
}

fn is_order_or_of_another_table(item: &Value) -> bool {
    item["orderId"]["S"].as_str().is_none_or(is_order_id)
}
