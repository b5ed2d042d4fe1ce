//! The end of an execution, told to the functions whose rules match it.
//!
//! Best effort, as on AWS: an event can get lost (a fault plan says so, or the stack
//! is killed between the end and the telling), and the schedule is what makes up for
//! it. While an event is delivered the clock stands: the guard of the move that ended
//! the execution is held until the function's invocation has ended.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

use super::{Target, shape};
use crate::clock::Busy;
use crate::faults::{Faults, STATUS_CHANGE};
use crate::stepfunctions::{Moved, Progress, StepFunctions, Watched, order_of};
use crate::template::TemplateRule;

/// Who is told, and by whom.
#[derive(Debug, Clone)]
pub(super) struct Telling {
    pub(super) rules: Vec<TemplateRule>,
    pub(super) states: StepFunctions,
    pub(super) target: Arc<dyn Target>,
    pub(super) faults: Faults,
}

impl Telling {
    /// Tells of every end from now on, each on its own.
    pub(super) async fn run(self, mut moves: Receiver<Watched>) {
        let mut deliveries = JoinSet::new(); // Aborted when it is dropped.
        loop {
            tokio::select! {
                seen = moves.recv() => match seen {
                    Ok(Watched { progress, busy }) => {
                        if matches!(progress.step, Moved::Ended { .. }) {
                            deliveries.spawn(self.clone().tell(progress, busy));
                        }
                    }
                    Err(RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "moves of executions were missed");
                    }
                    Err(RecvError::Closed) => return,
                },
                Some(_) = deliveries.join_next() => {}
            }
        }
    }

    async fn tell(self, progress: Progress, busy: Busy) {
        let Some(event) = self.event(&progress).await else { return };
        let payload = Bytes::from(event.to_string());
        let deliveries = self.rules.iter().filter(|rule| rule.matches(&event)).map(|rule| {
            let (telling, payload, busy) = (self.clone(), payload.clone(), busy.clone());
            let (function, execution) = (rule.function.clone(), progress.execution.clone());
            async move { telling.deliver(&function, &execution, payload, busy).await }
        });
        let deliveries: JoinSet<()> = deliveries.collect();
        drop(busy);
        deliveries.join_all().await;
    }

    /// The event as it was when the execution ended, whatever became of it since.
    async fn event(&self, progress: &Progress) -> Option<Value> {
        let Moved::Ended { status, .. } = &progress.step else { return None };
        let body = json!({ "executionArn": progress.execution_arn });
        match self.states.api("DescribeExecution", body).await {
            Ok(described) => Some(shape::status_change(&described, status, progress.at)),
            Err(error) => {
                tracing::warn!(%error, "an execution that ended could not be described");
                None
            }
        }
    }

    async fn deliver(&self, function: &str, execution: &str, event: Bytes, busy: Busy) {
        if self.faults.decide(STATUS_CHANGE, Some(order_of(execution))).is_some() {
            tracing::info!(function, execution, "a status change is lost, as planned");
            return;
        }
        self.target.deliver(function, event, busy).await;
    }
}
