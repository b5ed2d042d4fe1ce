//! AWS would create the state machine that ships, and this engine runs it.
//!
//! CloudFormation fills in its `${Substitutions}`; here each becomes an ARN derived from its name.

use std::path::Path;

use asl::StateMachine;
use asl::validate::{self, StateMachineType, ValidationOptions};

/// The definition with all substitutions filled in.
fn deployed() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../statemachine.asl.json");
    let mut text = std::fs::read_to_string(file).expect("the state machine file");
    while let Some((before, rest)) = text.split_once("${") {
        let (name, after) = rest.split_once('}').expect("the end of the substitution");
        text = format!("{before}{}{after}", value_of(name));
    }
    text
}

fn value_of(name: &str) -> String {
    match name.strip_suffix("Arn") {
        Some(function) => format!("arn:aws:lambda:us-east-1:000000000000:function:{function}"),
        None => format!("the-{name}"),
    }
}

#[test]
fn aws_would_create_the_state_machine_file() {
    let diagnostics =
        validate::validate(&deployed(), ValidationOptions::aws(StateMachineType::Standard));
    assert_eq!(diagnostics, [], "neither errors nor warnings");
}

#[test]
fn the_engine_runs_the_state_machine_file() {
    let machine = StateMachine::parse(&deployed()).expect("a state machine");
    assert_eq!(machine.check_supported(), Ok(()));
}
