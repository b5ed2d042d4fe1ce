//! Finds the execution or state machine that a request names by its ARN.

use asl::validate::api::errors;

use crate::aws::AwsError;
use crate::stepfunctions::arn::{ExecutionArn, StateMachineArn};
use crate::stepfunctions::driver::Driver;
use crate::stepfunctions::state_machines::Resolved;
use crate::stepfunctions::store::executions::Record;

/// The execution with this ARN. As on AWS, no operation finds an Express execution.
pub(in crate::stepfunctions) async fn find_execution(
    driver: &Driver,
    arn: &str,
) -> Result<Record, AwsError> {
    let parsed = ExecutionArn::parse(arn)?;
    if parsed.express_id.is_some() {
        let message = "Invalid Arn: 'Resource type not valid in this context: express'";
        return Err(AwsError::client("InvalidArn", message));
    }
    // An ARN of another region or account parses, but is not the ARN that this stack prints.
    let is_ours = parsed.to_string() == arn;
    let record = driver.store.find(parsed).await?;
    record.filter(|_| is_ours).ok_or_else(|| errors::execution_does_not_exist(arn).into())
}

/// The state machine, version or alias with this ARN. `draw` (0 to 99) selects the version of
/// an alias that routes to two of them.
pub(super) fn find_state_machine(
    driver: &Driver,
    arn: &str,
    draw: u32,
) -> Result<Resolved, AwsError> {
    let parsed = StateMachineArn::parse(arn)?;
    let is_ours = parsed.to_string() == arn;
    let resolved = driver.state_machines.resolve(&parsed, draw).filter(|_| is_ours);
    resolved.ok_or_else(|| errors::state_machine_does_not_exist(arn).into())
}
