//! Installs the state machines of the template in Step Functions.

use std::path::Path;

use serde_json::{Value, json};

use super::error::StartError;
use crate::aws::error::AwsError;
use crate::functions::BuildError;
use crate::stepfunctions::StepFunctions;
use crate::template::{Template, TemplateStateMachine, role_name};

/// Creates or updates the template's state machines. As on AWS, a running execution
/// keeps the definition with which it started.
pub(super) async fn install(
    step_functions: &StepFunctions,
    template: &Template,
    root: &Path,
) -> Result<(), StartError> {
    for machine in template.state_machines()? {
        let definition = read_definition(&machine, root)?;
        let rejected = StartError::rejected(format!("the state machine {}", machine.name));
        deploy(step_functions, &machine, &definition).await.map_err(rejected)?;
    }
    Ok(())
}

async fn deploy(
    step_functions: &StepFunctions,
    machine: &TemplateStateMachine,
    definition: &str,
) -> Result<(), AwsError> {
    create_or_update(step_functions, machine, definition).await?;
    if let Some(alias) = &machine.alias {
        point_to_newest(step_functions, &machine.name, alias).await?;
    }
    Ok(())
}

/// Publishes the definition as a version, unless it is one, and points the alias to it.
async fn point_to_newest(
    step_functions: &StepFunctions,
    machine: &str,
    alias: &str,
) -> Result<Value, AwsError> {
    let publish = json!({ "stateMachineArn": arn(machine) });
    let published = step_functions.api("PublishStateMachineVersion", publish).await?;
    let routes = json!([{
        "stateMachineVersionArn": published["stateMachineVersionArn"],
        "weight": 100,
    }]);
    let create = json!({ "name": alias, "routingConfiguration": routes });
    match step_functions.api("CreateStateMachineAlias", create).await {
        Err(error) if error.code == "ConflictException" => {
            let alias = format!("{}:{alias}", arn(machine));
            let update = json!({ "stateMachineAliasArn": alias, "routingConfiguration": routes });
            step_functions.api("UpdateStateMachineAlias", update).await
        }
        answer => answer,
    }
}

fn arn(machine: &str) -> String {
    format!("arn:aws:states:us-east-1:000000000000:stateMachine:{machine}")
}

fn read_definition(machine: &TemplateStateMachine, root: &Path) -> Result<String, StartError> {
    let path = root.join(&machine.definition_uri);
    let text =
        std::fs::read_to_string(&path).map_err(|source| BuildError::Unreadable { path, source })?;
    Ok(machine.substitute(&text))
}

async fn create_or_update(
    step_functions: &StepFunctions,
    machine: &TemplateStateMachine,
    definition: &str,
) -> Result<Value, AwsError> {
    let role_arn = format!("arn:aws:iam::000000000000:role/{}", role_name(&machine.name));
    let create = json!({
        "name": machine.name,
        "definition": definition,
        "roleArn": role_arn,
        "type": machine.kind,
    });
    match step_functions.api("CreateStateMachine", create).await {
        Err(error) if error.code == "StateMachineAlreadyExists" => {
            let arn = arn(&machine.name);
            let update = json!({
                "stateMachineArn": arn, "definition": definition, "roleArn": role_arn,
            });
            step_functions.api("UpdateStateMachine", update).await
        }
        answer => answer,
    }
}
