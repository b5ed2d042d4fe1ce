//! The one AWS endpoint: what every SDK and the AWS CLI talk to.
//!
//! One port for three services, told apart as AWS's own endpoints are: Lambda's
//! Invoke by its path, DynamoDB and Step Functions by `X-Amz-Target`. Signatures
//! are taken unchecked; only who signed is read off them ([`signer`]). What is not
//! served is refused in AWS's own shape.
//!
//! Read [`error`] for that shape, [`json`], [`invoke`] and [`plan`] for what is
//! behind each of the three kinds of path.

pub mod error;
mod invoke;
mod json;
mod plan;
pub(crate) mod served;
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
use crate::lambda::LambdaHost;

pub use error::AwsError;
pub use served::Served;
pub use signer::Signer;

/// Step Functions, as the endpoint needs it: an operation, its body and who asks, and
/// what it comes to.
pub type StatesApi = Arc<
    dyn Fn(String, Value, Signer) -> Pin<Box<dyn Future<Output = Served> + Send>> + Send + Sync,
>;

/// The services behind the endpoint.
#[derive(Clone)]
pub struct Services {
    /// Lambda.
    pub lambda: Arc<LambdaHost>,
    /// DynamoDB.
    pub dynamodb: Arc<DynamoDb>,
    /// Step Functions.
    pub states: StatesApi,
    /// The stack's clock: it does not leap while a request is served.
    pub clock: StackClock,
    /// What is to go wrong, planned at `/_faults`.
    pub faults: Faults,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

/// The endpoint; it ends when it is dropped.
#[derive(Debug)]
pub struct Endpoint {
    server: Server,
}

impl Endpoint {
    /// Serves on this listener.
    pub fn start(listener: TcpListener, services: Services) -> io::Result<Self> {
        Ok(Self { server: Server::start(listener, services)? })
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        self.server.url()
    }
}

impl Handler for Services {
    // DynamoDB's own limit; a transaction of 100 items of 400 KB is over it on AWS too.
    const BODY_LIMIT: usize = 16 * 1024 * 1024;

    async fn handle(&self, request: Request) -> Reply {
        let services = self.clone();
        let busy = self.clock.busy("a request to the AWS endpoint");
        let served = async move {
            let reply = services.route(request).await;
            drop(busy);
            reply
        };
        // On its own, so that a call once read is carried out although its caller
        // goes away, as on AWS.
        tokio::spawn(served).await.unwrap_or(Reply::Close)
    }
}

impl Services {
    async fn route(&self, request: Request) -> Reply {
        let path = request.uri().path();
        if path.starts_with(invoke::PATH) {
            return invoke::serve(self, &request).await;
        }
        if path == plan::PATH {
            return plan::serve(&self.faults, &request).into();
        }
        match header(request.headers(), "x-amz-target").split_once('.') {
            Some((json::DYNAMODB, operation)) => json::dynamodb(self, operation, &request).await,
            Some((json::STATES, operation)) => json::states(self, operation, &request).await,
            _ => json::unknown_operation(),
        }
    }
}
