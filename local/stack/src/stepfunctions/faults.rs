//! What a fault plan makes of a call of the API: `states.start` for
//! `StartExecution`, `states.answer` for the answers to waiting tasks. Calls are
//! counted for each order, which is read off the execution's name.
//!
//! `kill` is of the caller, before the call has any effect: the process that signed it
//! dies between what it had written and what it was about to say. After the effect its
//! death changes nothing that `drop-answer` does not.

use emulators::faults::FaultKind;
use serde_json::Value;

use super::StepFunctions;
use super::driver::order_of;
use crate::aws::service_reply::{ServiceErrors, reply_with_fault};
use crate::aws::{AwsError, ServiceReply};

impl StepFunctions {
    /// Carries out one operation as it goes on the wire, planned faults included.
    /// `process` is the process of a function that asks, where one does.
    pub async fn serve(&self, operation: &str, body: Value, process: Option<u64>) -> ServiceReply {
        let Some(point) = point(operation) else {
            return self.api(operation, body).await.into();
        };
        let order = self.order_of_call(point, &body).await;
        let fault = self.faults.next_fault(point, order.as_deref());
        if fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Kill) {
            if let Some(process) = process {
                self.functions.kill(process);
            }
            return ServiceReply::NoResponse;
        }
        reply_with_fault(fault, self.api(operation, body), service_errors, || ()).await
    }

    /// The order that a call is about, where it is about one.
    async fn order_of_call(&self, point: &str, body: &Value) -> Option<String> {
        let text = |field: &str| body.get(field).and_then(Value::as_str);
        if point == START {
            return text("name").map(|name| order_of(name).to_owned());
        }
        let id = self.driver.store.by_token(text("taskToken")?.to_owned()).await.ok()??;
        let order = |live: &super::live::Live| order_of(&live.start.execution_name).to_owned();
        self.driver.read(id, order).await.ok()
    }
}

const START: &str = "states.start";

fn point(operation: &str) -> Option<&'static str> {
    match operation {
        "StartExecution" => Some(START),
        "SendTaskSuccess" | "SendTaskFailure" | "SendTaskHeartbeat" => Some("states.answer"),
        _ => None,
    }
}

fn service_errors() -> ServiceErrors {
    ServiceErrors {
        throttled: AwsError::client("ThrottlingException", "Rate exceeded"),
        conflict: AwsError::client("ConflictException", "The request conflicts with another one"),
        internal: AwsError::server("InternalServerError", "Internal server error"),
    }
}
