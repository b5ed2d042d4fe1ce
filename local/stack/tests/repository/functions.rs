//! What holds for each function that the state machine calls.

use domain::operation::Function;
use domain::steps::{self, Kind};
use serde_json::Value;

use crate::files::{read, root, rust_files_below};
use crate::template::functions_of_the_template;

/// A function that outlives its task would still act while the state machine retries
/// it, so the Lambda timeout must end first.
#[test]
fn the_timeout_of_each_function_ends_before_that_of_its_task() {
    let machine: Value = serde_json::from_str(&read("statemachine.asl.json")).unwrap();
    let functions = functions_of_the_template();
    for (state, row) in steps::rows() {
        let Kind::Task(operation) = row.kind else { continue };
        let id = operation.function().logical_id();
        let function = functions.get(&id).unwrap_or_else(|| panic!("template.yaml lacks {id}"));
        let task = machine["States"][state.as_str()]["TimeoutSeconds"].as_u64();
        assert!(
            task.is_some_and(|task| task > function.timeout && function.timeout > 0),
            "{state}: TimeoutSeconds {task:?} must exceed the {} s of {id}",
            function.timeout
        );
    }
}

#[test]
fn each_function_is_tested_with_its_samples_and_with_a_crash_at_every_call() {
    for function in Function::ALL {
        let folder = format!("functions/{function}/tests");
        assert!(root().join(&folder).is_dir(), "{folder} is missing");
        let tests: String = rust_files_below(&folder)
            .iter()
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect();
        for helper in ["assert_every_sample_input_is_understood", "testing::crash"] {
            assert!(tests.contains(helper), "{folder} does not use testing's `{helper}`");
        }
    }
}
