//! The Lambda host: runs the real function binaries as Lambda runs them.

mod invocation;

use bytes::Bytes;

pub use invocation::{InvokeError, InvokeOutcome};

/// All functions and their processes.
#[derive(Debug)]
pub struct LambdaHost {}

impl LambdaHost {
    /// Invokes a function, waits for its answer, and returns it.
    ///
    /// `function` is a name, a logical id of the template or an ARN, each with or
    /// without a qualifier. A function that fails is an `Ok` whose
    /// [`InvokeOutcome::function_error`] is set, as on AWS.
    pub async fn invoke(
        &self,
        function: &str,
        payload: Bytes,
    ) -> Result<InvokeOutcome, InvokeError> {
        let _ = payload;
        Err(InvokeError::NotFound { function: function.to_owned() })
    }

    /// Kills (SIGKILL) the process that is at work on an invocation whose payload
    /// has this `orderId`. Nothing happens when there is none.
    pub fn kill_order(&self, order_id: &str) {
        let _ = order_id;
    }
}
