//! Reads the current state of orders: their table items and their executions.

use anyhow::Result;
use serde_json::{Value, json};

use super::client::Client;
use super::watch::owner;
use crate::stack_handle::StackHandle;

/// Reads orders of one scenario.
#[derive(Debug, Clone)]
pub(super) struct Observer {
    stack: StackHandle,
    client: Client,
}

impl Observer {
    pub(super) const fn new(stack: StackHandle, client: Client) -> Self {
        Self { stack, client }
    }

    /// Reads the order's item in DynamoDB's JSON.
    pub(super) async fn item(&self, order_id: &str) -> Result<Value> {
        Ok(self.stack.order(order_id).await?)
    }

    /// Lists the ids of all orders in the table.
    pub(super) async fn order_ids(&self) -> Result<Vec<String>> {
        let items = self.stack.items("Orders").await?;
        Ok(items.iter().map(|item| text(item, "orderId").to_owned()).collect())
    }

    /// Lists the ARNs of all executions of an order, the first one first.
    pub(super) async fn executions(&self, order_id: &str) -> Result<Vec<String>> {
        let machine = self.stack.step_functions().state_machine_arn();
        let body = json!({"stateMachineArn": machine, "maxResults": 1000});
        let listed = self.client.step_functions("ListExecutions", &body).await?;
        let order_ids = [order_id.to_owned()];
        let mut executions: Vec<(String, String)> = listed["executions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|e| Some((e["name"].as_str()?, e["executionArn"].as_str()?)))
            .filter(|(name, _)| owner(name, &order_ids).is_some())
            .map(|(name, arn)| (name.to_owned(), arn.to_owned()))
            .collect();
        executions.sort();
        Ok(executions.into_iter().map(|(_, arn)| arn).collect())
    }

    /// Returns what `DescribeExecution` returns.
    pub(super) async fn describe(&self, arn: &str) -> Result<Value> {
        self.client.step_functions("DescribeExecution", &json!({ "executionArn": arn })).await
    }
}

/// Reads a string attribute of an item; empty when it is absent.
pub(super) fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name]["S"].as_str().unwrap_or_default()
}

/// Reads the details of an order's timeline, in order.
pub(super) fn timeline(item: &Value) -> Vec<String> {
    let entries = item["timeline"]["L"].as_array().into_iter().flatten();
    let details = entries.filter_map(|entry| entry["M"]["detail"]["S"].as_str());
    details.map(str::to_owned).collect()
}
