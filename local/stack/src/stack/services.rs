//! The parts that every service of a stack shares, and the services built on them.

use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::error::StartError;
use super::secrets::TEST_VALUES;
use super::state_folder::StateFolder;
use crate::api_gateway::ApiGateway;
use crate::aws::{Endpoint, Services, StepFunctionsApi};
use crate::clock::StackClock;
use crate::counters::Counters;
use crate::dynamodb::{self, DynamoDb, Store};
use crate::eventbridge::{self, EventBridge};
use crate::faults::Faults;
use crate::iam::Permissions;
use crate::lambda::LambdaHost;
use crate::panel::Panel;
use crate::secretsmanager::SecretsManager;
use crate::stack_handle::StackHandle;
use crate::stepfunctions::{self, StepFunctions, StoreLocation};
use crate::template::Template;
use crate::urls::Urls;

/// The clock, the counters, the fault plan, the Lambda host and the permissions of one stack.
#[derive(Debug)]
pub(super) struct SharedServices {
    pub(super) clock: StackClock,
    pub(super) counters: Counters,
    pub(super) faults: Faults,
    pub(super) lambda: Arc<LambdaHost>,
    pub(super) permissions: Option<Arc<Permissions>>,
}

impl SharedServices {
    /// Opens DynamoDB and creates the tables of the template.
    pub(super) async fn dynamodb(
        &self,
        template: &Template,
        folder: &StateFolder,
    ) -> Result<Arc<DynamoDb>, StartError> {
        let deps = dynamodb::Deps {
            clock: self.clock.clone(),
            counters: self.counters.clone(),
            faults: self.faults.clone(),
            functions: Some(Arc::clone(&self.lambda)),
        };
        let file = folder.persistent_path("tables.sqlite");
        let store = file.as_deref().map_or(Store::Memory, Store::File);
        let tables = DynamoDb::open(store, deps).map_err(StartError::rejected("the tables"))?;
        for definition in template.tables() {
            let what = format!("the table {}", definition["TableName"]);
            tables.create_table(&definition).await.map_err(StartError::rejected(what))?;
        }
        Ok(Arc::new(tables))
    }

    /// Starts Step Functions and resumes the executions of earlier stacks.
    pub(super) async fn step_functions(
        &self,
        dynamodb: &Arc<DynamoDb>,
        folder: &StateFolder,
    ) -> Result<StepFunctions, StartError> {
        let deps = stepfunctions::Deps {
            clock: self.clock.clone(),
            lambda: Arc::clone(&self.lambda) as _,
            dynamodb: Arc::clone(dynamodb),
            store: folder
                .persistent_path("executions.sqlite")
                .map_or(StoreLocation::Memory, StoreLocation::File),
            counters: self.counters.clone(),
            faults: self.faults.clone(),
            permissions: self.permissions.clone(),
        };
        Ok(StepFunctions::start(deps).await?)
    }

    /// The running services, for observers of orders.
    pub(super) fn handle(
        &self,
        urls: Urls,
        dynamodb: Arc<DynamoDb>,
        step_functions: StepFunctions,
        secrets: Arc<SecretsManager>,
    ) -> StackHandle {
        let (clock, faults) = (self.clock.clone(), self.faults.clone());
        let lambda = Arc::clone(&self.lambda);
        StackHandle { urls, clock, faults, dynamodb, step_functions, secrets, lambda }
    }

    /// Starts the template's schedules and event rules.
    pub(super) fn eventbridge(
        &self,
        template: &Template,
        handle: &StackHandle,
    ) -> Result<EventBridge, StartError> {
        let deps = eventbridge::Deps {
            clock: self.clock.clone(),
            target: Arc::clone(&self.lambda) as _,
            dynamodb: Arc::clone(handle.dynamodb()),
            step_functions: handle.step_functions().clone(),
            faults: self.faults.clone(),
        };
        Ok(EventBridge::start(template, &deps)?)
    }

    /// Opens Secrets Manager with the secrets of the template.
    pub(super) fn secrets(
        &self,
        template: &Template,
        folder: &StateFolder,
    ) -> Result<Arc<SecretsManager>, StartError> {
        let file = folder.persistent_path("secrets.json");
        let secrets = template.secrets()?;
        SecretsManager::open(file, secrets, &TEST_VALUES, self.clock.clone())
            .map(Arc::new)
            .map_err(StartError::io("the secrets"))
    }

    /// Serves the AWS endpoint on this listener.
    pub(super) fn aws_endpoint(
        &self,
        listener: TcpListener,
        dynamodb: &Arc<DynamoDb>,
        step_functions: &StepFunctions,
        secrets: &Arc<SecretsManager>,
    ) -> Result<Endpoint, StartError> {
        let states = step_functions.clone();
        let step_functions: StepFunctionsApi = Arc::new(move |operation, body, signer| {
            let states = states.clone();
            Box::pin(async move { states.serve(&operation, body, &signer).await })
        });
        let services = Services {
            lambda: Arc::clone(&self.lambda),
            dynamodb: Arc::clone(dynamodb),
            step_functions,
            secrets: Arc::clone(secrets),
            clock: self.clock.clone(),
            faults: self.faults.clone(),
            permissions: self.permissions.clone(),
        };
        Endpoint::start(listener, services).map_err(StartError::io("the AWS endpoint"))
    }

    /// Serves the HTTP API on this listener.
    pub(super) fn api_gateway(
        &self,
        listener: TcpListener,
        template: &Template,
        root: &Path,
        panel: Panel,
    ) -> Result<ApiGateway, StartError> {
        let (lambda, clock) = (Arc::clone(&self.lambda), self.clock.clone());
        ApiGateway::start(listener, template.routes()?, root.join("console"), lambda, clock, panel)
            .map_err(StartError::io("the API"))
    }
}
