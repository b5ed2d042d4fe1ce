//! The daily reconciliation of the ledgers, which belongs to no scenario.

use anyhow::{Result, bail};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::stack::Stack;

/// Its name among the scenarios in the report of permissions.
pub const NAME: &str = "reconciliation";

/// Invokes the reconciliation once, now.
///
/// # Errors
/// The function fails, or cannot read all ledgers.
pub async fn run(stack: &Stack) -> Result<()> {
    if let Some(permissions) = stack.permissions() {
        permissions.begin_scenario(NAME);
    }
    let event = json!({ "operation": "compare", "time": format!("{:.3}", stack.clock().now()) });
    let invoked = stack.lambda().invoke("reconcile-orders", Bytes::from(event.to_string())).await?;
    let answer: Value = serde_json::from_slice(&invoked.payload)?;
    if invoked.function_error.is_some() {
        bail!("the reconciliation failed: {answer}");
    }
    if answer["complete"] != true {
        bail!("the reconciliation is incomplete: {answer}");
    }
    Ok(())
}
