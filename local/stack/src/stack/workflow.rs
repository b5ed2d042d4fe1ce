//! Installs the state machines of the template in Step Functions.

use std::path::Path;

use serde_json::{Value, json};

use super::error::StartError;
use crate::aws::error::AwsError;
use crate::functions::BuildError;
use crate::stepfunctions::StepFunctions;
use crate::template::{Template, TemplateStateMachine};

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
        create_or_update(step_functions, &machine, &definition).await.map_err(rejected)?;
    }
    Ok(())
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
    let create = json!({
        "name": machine.name,
        "definition": definition,
        "roleArn": "arn:aws:iam::000000000000:role/local",
        "type": machine.kind,
    });
    match step_functions.api("CreateStateMachine", create).await {
        Err(error) if error.code == "StateMachineAlreadyExists" => {
            let arn =
                format!("arn:aws:states:us-east-1:000000000000:stateMachine:{}", machine.name);
            let update = json!({ "stateMachineArn": arn, "definition": definition });
            step_functions.api("UpdateStateMachine", update).await
        }
        answer => answer,
    }
}
