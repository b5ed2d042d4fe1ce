//! An error that moves from the state in which it occurred to a retrier, a catcher or the end of
//! the execution.

use serde_json::{Value, json};

use crate::history;
use crate::retry::{self, ErrorName};

/// An error with its name and cause.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) error: Option<String>,
    pub(super) cause: Option<String>,
    /// The error is a heartbeat timeout, which also matches `States.HeartbeatTimeout`.
    heartbeat: bool,
}

pub(super) const STATES_RUNTIME: &str = "States.Runtime";
const STATES_TIMEOUT: &str = "States.Timeout";

impl Failure {
    /// An error reported by a task, by a Fail state or by this engine.
    pub(super) fn new(error: Option<String>, cause: Option<String>) -> Failure {
        Failure { error, cause, heartbeat: false }
    }

    pub(super) fn runtime(cause: String) -> Failure {
        Failure::new(Some(STATES_RUNTIME.to_owned()), Some(cause))
    }

    /// A timeout. AWS records a heartbeat timeout as `States.Timeout` too.
    pub(super) fn timeout(heartbeat: bool) -> Failure {
        Failure { heartbeat, ..Failure::new(Some(STATES_TIMEOUT.to_owned()), None) }
    }

    pub(super) fn too_large(resource: &str) -> Failure {
        let cause = format!(
            "The state/task '{resource}' returned a result with a size exceeding the maximum number of bytes service limit."
        );
        Failure::new(Some("States.DataLimitExceeded".to_owned()), Some(cause))
    }

    /// `States.Runtime` can be neither retried nor caught.
    pub(super) fn is_uncatchable(&self) -> bool {
        self.error.as_deref() == Some(STATES_RUNTIME)
    }

    pub(super) fn matches(&self, error_equals: &[String]) -> bool {
        let name = ErrorName { name: self.error.as_deref(), is_heartbeat_timeout: self.heartbeat };
        retry::matches(error_equals, name)
    }

    /// The error output that a catcher receives. A timeout has an empty cause; an error sent
    /// without a cause has a null one.
    pub(super) fn output(&self) -> Value {
        match (&self.error, &self.cause) {
            (Some(error), None) if error == STATES_TIMEOUT => {
                json!({ "Error": error, "Cause": "" })
            }
            (error, cause) => json!({ "Error": error, "Cause": cause }),
        }
    }

    pub(super) fn details(&self, key: &str) -> Value {
        history::failure_details(key, self.error.as_deref(), self.cause.as_deref())
    }
}
