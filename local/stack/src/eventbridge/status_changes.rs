//! Sends the end of each execution to the functions whose rules match it.
//!
//! Delivery is best effort, as on AWS: a fault plan can lose an event, and so can a kill
//! of the stack between the end and the delivery. The schedule covers lost events. The
//! clock does not skip ahead during a delivery: the guard of the execution's last event is
//! held until the function's invocation has ended.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

use super::{EventTarget, payloads};
use crate::clock::BusyGuard;
use crate::faults::{Faults, STATUS_CHANGE};
use crate::stepfunctions::{
    Progress, ProgressEvent, ProgressNotification, StepFunctions, order_of_execution,
};
use crate::template::TemplateRule;

/// Dispatches status changes to the functions of the rules.
#[derive(Debug, Clone)]
pub(super) struct StatusChangeDispatcher {
    pub(super) rules: Vec<TemplateRule>,
    pub(super) step_functions: StepFunctions,
    pub(super) target: Arc<dyn EventTarget>,
    pub(super) faults: Faults,
}

impl StatusChangeDispatcher {
    /// Dispatches every end of an execution from now on, each in its own task.
    pub(super) async fn run(self, mut progress_events: Receiver<ProgressNotification>) {
        let mut deliveries = JoinSet::new(); // Aborted when it is dropped.
        loop {
            tokio::select! {
                received = progress_events.recv() => match received {
                    Ok(ProgressNotification { progress, busy }) => {
                        if matches!(progress.event, ProgressEvent::Ended { .. }) {
                            deliveries.spawn(self.clone().dispatch(progress, busy));
                        }
                    }
                    Err(RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "progress events of executions were missed");
                    }
                    Err(RecvError::Closed) => return,
                },
                Some(_) = deliveries.join_next() => {}
            }
        }
    }

    async fn dispatch(self, progress: Progress, busy: BusyGuard) {
        let Some(event) = self.event(&progress).await else { return };
        let payload = Bytes::from(event.to_string());
        let deliveries = self.rules.iter().filter(|rule| rule.matches(&event)).map(|rule| {
            let (dispatcher, payload, busy) = (self.clone(), payload.clone(), busy.clone());
            let (function, execution) = (rule.function.clone(), progress.execution.clone());
            async move { dispatcher.deliver(&function, &execution, payload, busy).await }
        });
        let deliveries: JoinSet<()> = deliveries.collect();
        drop(busy);
        deliveries.join_all().await;
    }

    /// The event with the execution's status at its end, even if it was redriven since.
    async fn event(&self, progress: &Progress) -> Option<Value> {
        let ProgressEvent::Ended { status, .. } = &progress.event else { return None };
        let body = json!({ "executionArn": progress.execution_arn });
        match self.step_functions.api("DescribeExecution", body).await {
            Ok(described) => Some(payloads::status_change(&described, status, progress.at)),
            Err(error) => {
                tracing::warn!(%error, "an execution that ended could not be described");
                None
            }
        }
    }

    async fn deliver(&self, function: &str, execution: &str, event: Bytes, busy: BusyGuard) {
        if self.faults.next_fault(STATUS_CHANGE, Some(order_of_execution(execution))).is_some() {
            tracing::info!(function, execution, "a planned fault drops a status change");
            return;
        }
        self.target.deliver(function, event, busy).await;
    }
}
