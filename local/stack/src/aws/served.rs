//! What a call of an AWS API comes to on the wire, planned faults included.

use std::time::Duration;

use emulators::faults::FaultKind;
use serde_json::Value;

use super::AwsError;
use crate::faults::Fault;

/// How a call ends for its caller.
#[derive(Debug, Clone, PartialEq)]
pub enum Served {
    /// With an answer.
    Answer(Value),
    /// With an error of AWS's.
    Refusal(AwsError),
    /// The connection is closed, and there is no answer.
    Closed,
    /// The connection stays open, and nothing comes.
    Silence,
}

impl From<Result<Value, AwsError>> for Served {
    fn from(result: Result<Value, AwsError>) -> Self {
        result.map_or_else(Self::Refusal, Self::Answer)
    }
}

impl Served {
    /// The end as one sees it who calls through AWS's SDK inside of AWS.
    pub fn into_result(self) -> Result<Value, AwsError> {
        let unreachable = "Unable to execute HTTP request: the connection was closed";
        match self {
            Self::Answer(answer) => Ok(answer),
            Self::Refusal(error) => Err(error),
            Self::Closed | Self::Silence => {
                Err(AwsError::server("SdkClientException", unreachable))
            }
        }
    }
}

/// A service's own words for the errors that a plan can ask for.
pub(crate) struct Words {
    pub(crate) throttled: AwsError,
    pub(crate) conflict: AwsError,
    pub(crate) broken: AwsError,
}

/// Carries out a call as the fault, if any, lets it go. `kill` kills the caller.
pub(crate) async fn serve(
    fault: Option<Fault>,
    call: impl Future<Output = Result<Value, AwsError>>,
    words: impl FnOnce() -> Words,
    kill: impl FnOnce(),
) -> Served {
    let Some(fault) = fault else { return call.await.into() };
    match fault.kind {
        FaultKind::ConnectionRefused => Served::Closed,
        FaultKind::Hang => Served::Silence,
        FaultKind::Throttle | FaultKind::TooManyRequests => Served::Refusal(words().throttled),
        FaultKind::Conflict => Served::Refusal(words().conflict),
        FaultKind::ServerError => Served::Refusal(words().broken),
        with_effect => after(with_effect, &fault, call.await.into(), words, kill).await,
    }
}

/// What becomes of an answer once the call had its effect.
async fn after(
    kind: FaultKind,
    fault: &Fault,
    served: Served,
    words: impl FnOnce() -> Words,
    kill: impl FnOnce(),
) -> Served {
    match kind {
        FaultKind::DropResponse => Served::Closed,
        FaultKind::ServerErrorAfterEffect => Served::Refusal(words().broken),
        FaultKind::Delay => {
            // Real time: it is held against the HTTP limits of a running process.
            tokio::time::sleep(Duration::from_millis(fault.delay_ms.unwrap_or_default())).await;
            served
        }
        FaultKind::Kill => {
            kill();
            Served::Silence
        }
        _ => served,
    }
}
