//! The state machine that ships is one that AWS would create, and one that this
//! engine runs.
//!
//! Its `${Substitutions}` are CloudFormation's to fill; here each becomes the ARN
//! that the name asks for.

use std::path::Path;

use asl::StateMachine;
use asl::validate::{self, StateMachineType, ValidationOptions};

/// The definition with every substitution filled.
fn deployed() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../statemachine.asl.json");
    let mut text = std::fs::read_to_string(file).expect("the state machine file");
    while let Some((before, rest)) = text.split_once("${") {
        let (name, after) = rest.split_once('}').expect("a substitution ends");
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
fn the_state_machine_file_is_one_that_aws_creates() {
    let diagnostics =
        validate::validate(&deployed(), ValidationOptions::aws(StateMachineType::Standard));
    assert_eq!(diagnostics, [], "no error, and no warning either");
}

#[test]
fn the_state_machine_file_is_one_that_the_engine_runs() {
    let machine = StateMachine::parse(&deployed()).expect("a machine");
    assert_eq!(machine.check_supported(), Ok(()));
}
