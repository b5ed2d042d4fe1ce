//! The AWS endpoint: the one URL for all SDKs and the AWS CLI.
//!
//! One port serves four services. As on AWS, the path identifies Lambda's Invoke API, and
//! `X-Amz-Target` identifies DynamoDB, Step Functions and Secrets Manager. [`signer`]
//! identifies the caller by its signature. An unknown operation gets AWS's own error.
//!
//! Start with [`json`] (DynamoDB, Step Functions, Secrets Manager), [`invoke`] (Lambda) and
//! [`fault_plan`]; [`service_reply`] and [`error`] hold the types of their responses.

pub mod error;
mod fault_plan;
mod invoke;
mod json;
pub(crate) mod service_reply;
mod signer;

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use tokio::net::TcpListener;

use crate::clock::StackClock;
use crate::dynamodb::DynamoDb;
use crate::faults::Faults;
use crate::http::{Handler, Reply, Request, Server, header};
use crate::iam::Permissions;
use crate::lambda::LambdaHost;
use crate::secretsmanager::SecretsManager;

pub use error::AwsError;
pub use service_reply::ServiceReply;
pub use signer::Signer;

/// Step Functions, as a function of the operation, its body and the signer. The endpoint
/// does not depend on the service itself, so tests can replace it.
pub type StepFunctionsApi = Arc<
    dyn Fn(String, Value, Signer) -> Pin<Box<dyn Future<Output = ServiceReply> + Send>>
        + Send
        + Sync,
>;

/// The services behind the endpoint.
#[derive(Clone)]
pub struct Services {
    /// Lambda.
    pub lambda: Arc<LambdaHost>,
    /// DynamoDB.
    pub dynamodb: Arc<DynamoDb>,
    /// Step Functions.
    pub step_functions: StepFunctionsApi,
    /// Secrets Manager.
    pub secrets: Arc<SecretsManager>,
    /// The stack's clock, which does not skip ahead while a request is served.
    pub clock: StackClock,
    /// The fault plan at `/_faults`.
    pub faults: Faults,
    /// What the functions may call; without it, everything.
    pub permissions: Option<Arc<Permissions>>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

/// The running endpoint. It stops when it is dropped.
#[derive(Debug)]
pub struct Endpoint {
    server: Server,
}

impl Endpoint {
    /// Serves on this listener.
    ///
    /// # Errors
    /// When the listener has no local address.
    pub fn start(listener: TcpListener, services: Services) -> io::Result<Self> {
        Ok(Self { server: Server::start(listener, services)? })
    }

    /// The base URL.
    pub fn url(&self) -> String {
        self.server.url()
    }
}

impl Handler for Services {
    // DynamoDB's limit. A transaction of 100 items of 400 KB exceeds it on AWS, too.
    const BODY_LIMIT: usize = 16 * 1024 * 1024;

    async fn handle(&self, request: Request) -> Reply {
        let services = self.clone();
        let busy = self.clock.busy("a request to the AWS endpoint");
        let service_reply = async move {
            let reply = services.route(request).await;
            drop(busy);
            reply
        };
        // In a separate task: as on AWS, a call continues after its caller has gone.
        tokio::spawn(service_reply).await.unwrap_or(Reply::CloseConnection)
    }
}

impl Services {
    async fn route(&self, request: Request) -> Reply {
        let path = request.uri().path();
        if path == fault_plan::PATH {
            return fault_plan::serve(&self.faults, &request).into();
        }
        let signer = match Signer::identify(&request, self.lambda.credentials()) {
            Ok(signer) => signer,
            Err(error) => return json::error(error),
        };
        if path.starts_with(invoke::PATH) {
            return invoke::serve(self, &request, &signer).await;
        }
        match header(request.headers(), "x-amz-target").split_once('.') {
            Some((json::DYNAMODB, operation)) => {
                json::dynamodb(self, operation, &request, &signer).await
            }
            Some((json::STEP_FUNCTIONS, operation)) => {
                json::step_functions(self, operation, &request, signer).await
            }
            Some((json::SECRETS_MANAGER, operation)) => {
                json::secrets_manager(self, operation, &request, &signer)
            }
            _ => json::unknown_operation(),
        }
    }
}
