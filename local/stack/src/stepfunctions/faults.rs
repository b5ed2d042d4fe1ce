//! Fault injection into calls of the API: `states.start` for `StartExecution`, `states.answer`
//! for the operations on task tokens.
//!
//! A fault plan counts calls per order; the order follows from the execution's name. `kill`
//! kills the process that makes the call, before the call has any effect. Killing it after the
//! effect would test nothing that `drop-answer` does not.

use emulators::faults::FaultKind;
use serde_json::Value;

use super::StepFunctions;
use super::live_execution::LiveExecution;
use super::order::order_of_execution;
use crate::aws::service_reply::{ServiceErrors, reply_with_fault};
use crate::aws::{AwsError, ServiceReply, Signer};
use crate::iam::{DeniedCall, access};

impl StepFunctions {
    /// Runs one operation for a client, if its role allows the operation, and injects the
    /// faults that are planned for it.
    pub async fn serve(&self, operation: &str, body: Value, signer: &Signer) -> ServiceReply {
        if let Err(denied) = self.authorize(operation, &body, signer).await {
            return ServiceReply::Error(denied.to_json_error());
        }
        let Some(point) = fault_point(operation) else {
            return self.api(operation, body).await.into();
        };
        let order = self.order_of_call(point, &body).await;
        let fault = self.faults.next_fault(point, order.as_deref());
        if fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Kill) {
            if let Some(process) = signer.worker() {
                self.functions.kill(process);
            }
            return ServiceReply::NoResponse;
        }
        reply_with_fault(fault, self.api(operation, body), service_errors, || ()).await
    }

    async fn authorize(
        &self,
        operation: &str,
        body: &Value,
        signer: &Signer,
    ) -> Result<(), DeniedCall> {
        let Some(permissions) = self.permissions.as_deref() else { return Ok(()) };
        let machine = self.machine_of_token(body["taskToken"].as_str()).await;
        let needed = access::of_step_functions(operation, body, machine.as_deref());
        signer.authorize(Some(permissions), needed.as_slice())
    }

    /// The ARN of the state machine that issued the task token.
    async fn machine_of_token(&self, token: Option<&str>) -> Option<String> {
        let id = self.driver.store.find_by_token(token?.to_owned()).await.ok()??;
        self.driver.read(id, |live| live.start.state_machine_arn.clone()).await.ok()
    }

    /// The order that the call is about, if any.
    async fn order_of_call(&self, point: &str, body: &Value) -> Option<String> {
        let text = |field: &str| body.get(field).and_then(Value::as_str);
        if point == START_POINT {
            return text("name").map(|name| order_of_execution(name).to_owned());
        }
        let id = self.driver.store.find_by_token(text("taskToken")?.to_owned()).await.ok()??;
        let order =
            |live: &LiveExecution| order_of_execution(&live.start.execution_name).to_owned();
        self.driver.read(id, order).await.ok()
    }
}

const START_POINT: &str = "states.start";

fn fault_point(operation: &str) -> Option<&'static str> {
    match operation {
        "StartExecution" => Some(START_POINT),
        "SendTaskSuccess" | "SendTaskFailure" | "SendTaskHeartbeat" => Some("states.answer"),
        _ => None,
    }
}

fn service_errors() -> ServiceErrors {
    ServiceErrors {
        throttled: AwsError::client("ThrottlingException", "Rate exceeded"),
        conflict: AwsError::client("ConflictException", "The request conflicts with another one"),
        rejected: AwsError::client("ValidationException", "The request is not valid"),
        internal: AwsError::server("InternalServerError", "Internal server error"),
    }
}
