//! The state machine that ships, as Step Functions is given it.

use std::path::Path;

use serde_json::{Value, json};

use super::StartError;
use crate::functions::BuildError;
use crate::stepfunctions::StepFunctions;
use crate::template::{Template, TemplateStateMachine};

/// Creates the template's state machines, or brings them up to date. Executions
/// that have begun stay on the definition that they began with, as on AWS.
pub(super) async fn install(
    states: &StepFunctions,
    template: &Template,
    root: &Path,
) -> Result<(), StartError> {
    for machine in template.state_machines()? {
        let definition = definition(&machine, root)?;
        let refused = StartError::refused(format!("the state machine {}", machine.name));
        create_or_update(states, &machine, &definition).await.map_err(refused)?;
    }
    Ok(())
}

fn definition(machine: &TemplateStateMachine, root: &Path) -> Result<String, StartError> {
    let path = root.join(&machine.definition_uri);
    let text =
        std::fs::read_to_string(&path).map_err(|source| BuildError::Unreadable { path, source })?;
    Ok(machine.substitute(&text))
}

async fn create_or_update(
    states: &StepFunctions,
    machine: &TemplateStateMachine,
    definition: &str,
) -> Result<Value, crate::aws::AwsError> {
    let create = json!({
        "name": machine.name,
        "definition": definition,
        "roleArn": "arn:aws:iam::000000000000:role/local",
        "type": machine.kind,
    });
    match states.api("CreateStateMachine", create).await {
        Err(error) if error.code == "StateMachineAlreadyExists" => {
            let arn =
                format!("arn:aws:states:us-east-1:000000000000:stateMachine:{}", machine.name);
            let update = json!({ "stateMachineArn": arn, "definition": definition });
            states.api("UpdateStateMachine", update).await
        }
        answer => answer,
    }
}
