//! The rules of validation: definitions and the messages AWS returns for them.

use super::*;

/// The errors of a definition, as `CreateStateMachine` lists them.
fn errors(text: &str, options: ValidationOptions) -> Vec<String> {
    validate(text, options)
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(Diagnostic::to_line)
        .collect()
}

fn check(definition: &Value, expected: &[&str]) {
    let text = definition.to_string();
    assert_eq!(errors(&text, ValidationOptions::default()), expected, "{text}");
}

/// A state machine that starts at the first of these states.
fn state_machine(states: &Value) -> Value {
    let first = states.as_object().and_then(|states| states.keys().next()).expect("a state");
    json!({"StartAt": first, "States": states})
}

/// A state machine with one state, `A`.
fn single_state(state: &Value) -> Value {
    json!({"StartAt": "A", "States": {"A": state}})
}

#[test]
fn a_text_that_is_not_a_definition_is_rejected() {
    for (text, expected) in [
        (" ", "SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object at null"),
        ("[]", "SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object at null"),
        ("{}", "SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /"),
    ] {
        assert_eq!(errors(text, ValidationOptions::default()), [expected], "{text}");
    }
}

#[test]
fn each_state_type_rejects_fields_of_other_types() {
    for (state_type, field) in [
        ("Pass", "TimeoutSeconds"),
        ("Pass", "Catch"),
        ("Wait", "Retry"),
        ("Wait", "ResultPath"),
        ("Succeed", "Next"),
        ("Fail", "InputPath"),
        ("Choice", "End"),
        ("Map", "TimeoutSeconds"),
        ("Parallel", "HeartbeatSeconds"),
        ("Task", "bugInputPath"),
    ] {
        let errors_found = errors(
            &single_state(&json!({"Type": state_type, (field): 1})).to_string(),
            ValidationOptions::default(),
        );
        let expected =
            format!("SCHEMA_VALIDATION_FAILED: Field '{field}' is not supported at /States/A");
        assert!(errors_found.contains(&expected), "{state_type} {field}: {errors_found:?}");
    }
}

#[test]
fn a_field_of_the_other_query_language_is_rejected() {
    check(
        &single_state(&json!({"Type": "Pass", "Output": 1, "End": true})),
        &[
            "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field 'Output' is \
           only supported for the 'JSONata' QueryLanguage at /States/A",
        ],
    );
    let jsonata = json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
        "A": {"Type": "Pass", "ResultPath": "$.a", "End": true}}});
    check(
        &jsonata,
        &["SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONata', but field \
           'ResultPath' is only supported for the 'JSONPath' QueryLanguage at /States/A"],
    );
}

#[test]
fn transitions_need_targets_and_states_must_be_reachable() {
    check(
        &state_machine(
            &json!({"A": {"Type": "Pass", "Next": "X"}, "B": {"Type": "Pass", "End": true}}),
        ),
        &[
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /States/A/Next",
            "MISSING_TRANSITION_TARGET: State \"B\" is not reachable. at /States/B",
        ],
    );
    check(
        &json!({"StartAt": "X", "States": {
            "A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}}}),
        &[
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /StartAt",
            "MISSING_TRANSITION_TARGET: State \"A\" is not reachable. at /States/A",
        ],
    );
    check(
        &state_machine(&json!({
            "A": {"Type": "Choice", "Default": "Y", "Choices": [
                {"Variable": "$.a", "IsPresent": true, "Next": "X"}]},
            "B": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}], "Next": "B"},
            "C": {"Type": "Succeed"}})),
        &[
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: Y at /States/A/Default",
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /States/A/Choices[0]/Next",
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: Z at /States/B/Catch[0]/Next",
            "MISSING_TRANSITION_TARGET: State \"C\" is not reachable. at /States/C",
        ],
    );
}

#[test]
fn a_state_machine_without_an_end_gets_no_reachability_errors() {
    check(
        &state_machine(
            &json!({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"},
            "C": {"Type": "Pass", "Next": "A"}}),
        ),
        &["MISSING_END_STATE: Workflow has no terminal state at null"],
    );
    check(
        &state_machine(&json!({"A": {"Type": "Pass", "Next": "NOPE"}})),
        &[
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: NOPE at /States/A/Next",
            "MISSING_END_STATE: Workflow has no terminal state at null",
        ],
    );
}

#[test]
fn state_names_are_unique_across_nested_state_machines() {
    check(
        &single_state(&json!({"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}]})),
        &["DUPLICATE_STATE_NAME: Duplicate State name: A at /States/A/Branches[0]/States/A"],
    );
    let twice = r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"},"A":{"Type":"Succeed"}}}"#;
    assert_eq!(
        errors(twice, ValidationOptions::default()),
        ["DUPLICATE_STATE_NAME: Duplicate State name: A at /States/A"]
    );
}

#[test]
fn values_are_checked_for_type_and_range() {
    for (state, expected) in [
        (
            json!({"Type": "Wait", "Seconds": "60", "End": true}),
            "Expected value of type Integer at /States/A/Seconds",
        ),
        (
            json!({"Type": "Wait", "Seconds": 10_000_000_000_000_000_i64, "End": true}),
            "Maximum value is 99999999 at /States/A/Seconds",
        ),
        (
            json!({"Type": "Wait", "Seconds": -1, "End": true}),
            "Minimum value is 0 at /States/A/Seconds",
        ),
        (
            json!({"Type": "Wait", "Timestamp": "2016-12-05", "End": true}),
            "String does not match RFC3339 timestamp at /States/A/Timestamp",
        ),
        (
            json!({"Type": "Pass", "OutputPath": "Test", "End": true}),
            "Value must be a valid JSONPath. at /States/A/OutputPath",
        ),
        (
            json!({"Type": "Pass", "ResultPath": "Test", "End": true}),
            "Value is not a Reference Path: Reference path didn't start with '$' at /States/A/ResultPath",
        ),
        (
            json!({"Type": "Pass", "Parameters": {"v.$": "Test"}, "End": true}),
            "The value for the field 'v.$' must be a valid JSONPath or a valid intrinsic function call at /States/A/Parameters",
        ),
        (
            json!({"Type": "Pass", "Assign": {"v.$": "Test"}, "End": true}),
            "The value for the field 'v.$' must be a valid JSONPath or a valid intrinsic function call at /States/A/Assign",
        ),
        (
            json!({"Type": "Choice", "Choices": [{"Variable": "$", "StringMatches": "x"}], "Default": "A"}),
            "These fields are required: [Next] at /States/A/Choices[0]",
        ),
        (
            json!({"Type": "Choice", "Default": "A"}),
            "These fields are required: [Choices] at /States/A",
        ),
    ] {
        let errors_found = errors(&single_state(&state).to_string(), ValidationOptions::default());
        let expected = format!("SCHEMA_VALIDATION_FAILED: {expected}");
        assert_eq!(errors_found, [expected], "{state}");
    }
}

#[test]
fn states_all_must_be_alone_and_last() {
    let state = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
        "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["X", "States.ALL"]}]});
    check(
        &single_state(&state),
        &[
            "SCHEMA_VALIDATION_FAILED: States.ALL must appear alone and at end of list at \
           /States/A/Retry[0]/ErrorEquals[0]",
            "SCHEMA_VALIDATION_FAILED: States.ALL must appear alone and at end of list at \
           /States/A/Retry[1]/ErrorEquals[1]",
        ],
    );
}

#[test]
fn the_limits_of_a_map_state_are_checked() {
    for (extra, expected) in [
        (
            json!({"MaxConcurrency": 1, "MaxConcurrencyPath": "$.n"}),
            "There should only be one of the following fields: [MaxConcurrency, MaxConcurrencyPath] at /States/A",
        ),
        (
            json!({"ToleratedFailureCount": -1}),
            "Minimum value is 0 at /States/A/ToleratedFailureCount",
        ),
        (
            json!({"ToleratedFailurePercentage": -1}),
            "Minimum value is 0.0 at /States/A/ToleratedFailurePercentage",
        ),
        (
            json!({"ToleratedFailurePercentage": 101}),
            "Maximum value is 100.0 at /States/A/ToleratedFailurePercentage",
        ),
        (
            json!({"MaxConcurrencyPath": "$$.Execution.Input.n"}),
            "Value is not a Reference Path at /States/A/MaxConcurrencyPath",
        ),
    ] {
        let mut state = json!({"Type": "Map", "End": true, "ItemProcessor": {
            "StartAt": "B", "States": {"B": {"Type": "Succeed"}}}});
        for (field, value) in extra.as_object().expect("fields") {
            state[field] = value.clone();
        }
        let errors_found = errors(&single_state(&state).to_string(), ValidationOptions::default());
        assert_eq!(errors_found, [format!("SCHEMA_VALIDATION_FAILED: {expected}")], "{extra}");
    }
}

#[test]
fn jsonata_expressions_are_parsed() {
    let state = |output: Value| {
        json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
            "A": {"Type": "Pass", "Output": output, "End": true}}})
    };
    check(
        &state(json!({"v": "{% phone %}"})),
        &["UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not \
           supported. at /States/A/Output/v"],
    );
    check(
        &state(json!(["{% 1 + %}"])),
        &["INVALID_JSONATA_EXPRESSION: Unexpected end of expression at /States/A/Output[0]"],
    );
    check(&state(json!({"v": " {% phone %} ", "w": "{% $states.input.phone %}"})), &[]);
    check(
        &state(json!({"v": "{% $$ %}"})),
        &["UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$$' at the top level is not supported. \
           at /States/A/Output/v"],
    );
}

#[test]
fn only_a_catcher_reads_the_error_output() {
    let task = |output: &str, catcher: Value| {
        json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                "Output": {"v": output}, "Catch": [catcher], "Next": "B"},
            "B": {"Type": "Succeed"}}})
    };
    let error = "{% $states.errorOutput.Error %}";
    let catcher = |output: &str| {
        json!({"ErrorEquals": ["States.ALL"], "Next": "B", "Output": {"why": output},
            "Assign": {"why": output}})
    };
    check(&task("{% $states.result %}", catcher(error)), &[]);
    check(
        &task(error, catcher(error)),
        &["UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$states.errorOutput' is supported in \
           Catch only. at /States/A/Output/v"],
    );
}

#[test]
fn a_catcher_has_no_other_fields() {
    for field in ["Parameters", "ResultSelector", "OutputPath", "End", "MaxAttempts"] {
        let mut catcher = json!({"ErrorEquals": ["States.ALL"], "Next": "B"});
        catcher[field] = json!({});
        let state = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Catch": [catcher], "Next": "B"});
        let expected = format!(
            "SCHEMA_VALIDATION_FAILED: Field '{field}' is not supported at /States/A/Catch[0]"
        );
        check(&state_machine(&json!({"A": state, "B": {"Type": "Succeed"}})), &[&expected]);
    }
}

#[test]
fn an_express_workflow_has_no_callbacks_jobs_or_activities() {
    for (resource, message) in [
        (
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Express state machine does not support '.waitForTaskToken' service integration ",
        ),
        (
            "arn:aws:states:::states:startExecution.sync",
            "Express state machine does not support '.sync' service integration",
        ),
        (
            "arn:aws:states:us-east-1:000000000000:activity:a",
            "Express state machine does not support Activity ARN",
        ),
    ] {
        let text =
            single_state(&json!({"Type": "Task", "Resource": resource, "End": true})).to_string();
        assert_eq!(errors(&text, ValidationOptions::aws(StateMachineType::Standard)), [""; 0]);
        assert_eq!(
            errors(&text, ValidationOptions::aws(StateMachineType::Express)),
            [format!("SCHEMA_VALIDATION_FAILED: {message} at /States/A/Resource")]
        );
    }
}

#[test]
fn a_template_may_contain_substitutions() {
    let text = single_state(&json!({"Type": "Task", "Resource": "${Function}", "End": true,
        "TimeoutSeconds": "${Seconds}", "Parameters": {"v.$": "$.${Field}"}}))
    .to_string();
    assert_eq!(errors(&text, ValidationOptions::template()), [""; 0]);
    assert!(!is_valid(&text, ValidationOptions::default()));
}

#[test]
fn warnings_do_not_make_a_definition_invalid() {
    let text =
        single_state(&json!({"Type": "Pass", "Parameters": {"v": "$.a"}, "End": true})).to_string();
    let diagnostics = validate(&text, ValidationOptions::default());
    assert_eq!(invalid_definition_message(&diagnostics), None);
    let codes: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    assert_eq!(codes, [DiagnosticCode::NoDollar]);
    assert_eq!(validation_response(&diagnostics, Severity::Error, 100)["diagnostics"], json!([]));
    assert_eq!(validation_response(&diagnostics, Severity::Warning, 0)["truncated"], json!(true));
}
