//! What a fault plan makes of a call of the API: `states.start` for
//! `StartExecution`, `states.answer` for the answers to waiting tasks. Calls are
//! counted for each order, which is read off the execution's name.

use serde_json::Value;

use super::StepFunctions;
use super::driver::order_of;
use crate::aws::served::{Words, serve};
use crate::aws::{AwsError, Served};

impl StepFunctions {
    /// Carries out one operation as it goes on the wire, planned faults included.
    pub async fn serve(&self, operation: &str, body: Value) -> Served {
        let Some(point) = point(operation) else {
            return self.api(operation, body).await.into();
        };
        let order = self.order_of_call(point, &body).await;
        let fault = self.faults.decide(point, order.as_deref());
        let kill = || {
            if let Some(order) = &order {
                self.functions.kill_order(order);
            }
        };
        serve(fault, self.api(operation, body), words, kill).await
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

fn words() -> Words {
    Words {
        throttled: AwsError::client("ThrottlingException", "Rate exceeded"),
        conflict: AwsError::client("ConflictException", "The request conflicts with another one"),
        broken: AwsError::server("InternalServerError", "Internal server error"),
    }
}
