//! What several tests of the stack need: a host with the probe function.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use stack::clock::{ClockSettings, StackClock};
use stack::counters::Counters;
use stack::faults::Faults;
use stack::lambda::{FunctionSettings, HostSettings, InvokeOutcome, LambdaHost};

/// A host with its clock, its counters and its fault plan.
pub(crate) struct Hosted {
    pub(crate) host: Arc<LambdaHost>,
    pub(crate) clock: StackClock,
    pub(crate) counters: Counters,
    pub(crate) faults: Faults,
}

/// The probe, under the name of a real function.
pub(crate) fn probe() -> FunctionSettings {
    FunctionSettings {
        name: "process-payment".to_owned(),
        logical_id: "ProcessPaymentFunction".to_owned(),
        binary: PathBuf::from(env!("CARGO_BIN_EXE_probe-function")),
        timeout: Duration::from_secs(30),
        memory_mb: 512,
        environment: [("ORDERS_TABLE".to_owned(), "Orders".to_owned())].into(),
        limit: 8,
    }
}

pub(crate) async fn host(function: FunctionSettings) -> Hosted {
    host_on(ClockSettings::default(), function).await
}

pub(crate) async fn host_on(clock: ClockSettings, function: FunctionSettings) -> Hosted {
    let (clock, counters, faults) = (StackClock::new(clock), Counters::new(), Faults::new());
    let settings = HostSettings { functions: vec![function], log_file: None };
    let host = LambdaHost::start(settings, clock.clone(), counters.clone(), faults.clone());
    Hosted { host: host.await.expect("the host starts"), clock, counters, faults }
}

impl Hosted {
    /// Invokes the probe; its payload as JSON.
    pub(crate) async fn ask(&self, event: Value) -> (InvokeOutcome, Value) {
        let payload = Bytes::from(event.to_string());
        let outcome = self.host.invoke("process-payment", payload).await.expect("it is accepted");
        let answer = serde_json::from_slice(&outcome.payload).expect("the answer is JSON");
        (outcome, answer)
    }
}
