//! For any text, validation ends in linear time without a panic, and the engine parses every
//! definition that validation accepts.

use std::fmt::Write;

use asl::StateMachine;
use asl::validate::{self, StateMachineType, ValidationOptions};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// A definition with some of every feature, to be corrupted.
const DEFINITION: &str = r#"{"Comment":"c","QueryLanguage":"JSONPath","StartAt":"Choose","TimeoutSeconds":60,"States":{
"Choose":{"Type":"Choice","Choices":[{"And":[{"Variable":"$.a","NumericLessThan":1},{"Not":{"Variable":"$.b[0]","TimestampEquals":"2016-03-14T01:59:00Z"}}],"Next":"Work"}],"Default":"Wait"},
"Work":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","Parameters":{"FunctionName":"f","Payload":{"token.$":"$$.Task.Token","text.$":"States.Format('{} \\'{}', $.a['b'][0], $x)"}},"ResultSelector":{"r.$":"$.r"},"ResultPath":"$.r","TimeoutSeconds":60,"HeartbeatSecondsPath":"$.h","Retry":[{"ErrorEquals":["A"],"IntervalSeconds":1,"BackoffRate":1.5,"MaxAttempts":2,"MaxDelaySeconds":9,"JitterStrategy":"FULL"}],"Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.e","Next":"Each"}],"Assign":{"x.$":"$.a"},"Next":"Each"},
"Each":{"Type":"Map","ItemsPath":"$.i","MaxConcurrency":2,"ItemSelector":{"v.$":"$$.Map.Item.Value"},"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b","Key":"k"},"ReaderConfig":{"InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["h"]}},"ItemBatcher":{"MaxItemsPerBatch":2},"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},"StartAt":"Both","States":{"Both":{"Type":"Parallel","Branches":[{"StartAt":"Say","States":{"Say":{"Type":"Pass","QueryLanguage":"JSONata","Output":{"x":"{% $states.input.a[b = 1] ? 'y' : [1..2] %}"},"End":true}}}],"End":true}}},"Next":"Wait"},
"Wait":{"Type":"Wait","SecondsPath":"$.s","Next":"Fail"},
"Fail":{"Type":"Fail","ErrorPath":"$.e","CausePath":"States.Format('{}', $.c)"}}}"#;

const OPTIONS: [ValidationOptions; 3] = [
    ValidationOptions { machine_type: StateMachineType::Standard, profile: validate::Profile::Aws },
    ValidationOptions { machine_type: StateMachineType::Express, profile: validate::Profile::Aws },
    ValidationOptions {
        machine_type: StateMachineType::Standard,
        profile: validate::Profile::Template,
    },
];

/// Words of the States Language.
const WORDS: [&str; 44] = [
    "StartAt",
    "States",
    "Type",
    "Next",
    "End",
    "Choices",
    "Default",
    "Variable",
    "And",
    "Not",
    "StringEquals",
    "NumericEqualsPath",
    "Condition",
    "Branches",
    "ItemProcessor",
    "Iterator",
    "ProcessorConfig",
    "Mode",
    "Parameters",
    "Arguments",
    "Output",
    "Assign",
    "a.$",
    "a",
    "ResultPath",
    "Resource",
    "Retry",
    "Catch",
    "ErrorEquals",
    "Seconds",
    "Timestamp",
    "QueryLanguage",
    "JSONata",
    "Map",
    "Task",
    "Choice",
    "Parallel",
    "Wait",
    "Pass",
    "$.a[?(@.b)]",
    "{% $a.b %}",
    "States.Format('{}', $.a)",
    "arn:aws:states:::lambda:invoke",
    "${X}",
];

fn validate_with_all_options(text: &str) {
    for options in OPTIONS {
        let diagnostics = validate::validate(text, options);
        if validate::invalid_definition_message(&diagnostics).is_none() {
            let parsed: Result<Map<String, Value>, _> = serde_json::from_str(text);
            assert!(parsed.is_ok(), "accepted but not parsed: {text}");
            // AWS and this engine check the contents of filters only during execution.
            let has_filter = text.contains("[?") || text.contains("[(");
            if options.profile == validate::Profile::Aws && !has_filter {
                assert_eq!(
                    StateMachine::parse(text).err(),
                    None,
                    "accepted but not parsed: {text}"
                );
            }
        }
    }
}

fn word() -> impl Strategy<Value = String> {
    select(&WORDS[..]).prop_map(str::to_owned)
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_validated(text in "\\PC{0,200}") {
        validate_with_all_options(&text);
    }

    #[test]
    fn any_json_with_words_of_the_language_is_validated(tree in tree()) {
        validate_with_all_options(&tree.to_string());
        validate_with_all_options(&json!({"StartAt": "a", "States": {"a": tree}}).to_string());
    }

    #[test]
    fn any_expression_path_and_call_is_validated(text in "[$.a'\\[\\]?(){}%0@*,:\\\\ \"/~|^<>=St]{0,40}") {
        let jsonata = json!({"QueryLanguage": "JSONata", "StartAt": "a", "States": {
            "a": {"Type": "Pass", "Output": format!("{{% {text} %}}"), "End": true}}});
        validate_with_all_options(&jsonata.to_string());
        let jsonpath = json!({"StartAt": "a", "States": {"a": {
            "Type": "Pass", "Parameters": {"v.$": text, "w.$": format!("States.Format({text})")},
            "InputPath": text, "ResultPath": text, "End": true}}});
        validate_with_all_options(&jsonpath.to_string());
    }

    #[test]
    fn a_corrupted_definition_is_validated(
        at in 0..DEFINITION.len(),
        length in 0_usize..20,
        with in prop_oneof![word(), "\\PC{0,5}", Just("{\"".to_owned()), Just("]}".to_owned())],
    ) {
        let corrupted: String = DEFINITION.chars().take(at)
            .chain(with.chars())
            .chain(DEFINITION.chars().skip(at + length))
            .collect();
        validate_with_all_options(&corrupted);
    }
}

#[test]
fn the_uncorrupted_definition_is_valid() {
    assert_eq!(
        validate::invalid_definition_message(&validate::validate(DEFINITION, OPTIONS[0])),
        None
    );
}

/// `opening` repeated `depth` times, `middle`, and `closing` repeated `depth` times.
fn nested(opening: &str, middle: &str, closing: &str, depth: usize) -> String {
    format!("{}{middle}{}", opening.repeat(depth), closing.repeat(depth))
}

#[test]
fn deep_nesting_is_validated() {
    let machine = |state: &str| format!(r#"{{"StartAt":"a","States":{{"a":{state}}}}}"#);
    for depth in [10, 40, 126, 130, 20_000] {
        validate_with_all_options(&nested("[", "", "]", depth));
        validate_with_all_options(&nested(r#"{"a":"#, "1", "}", depth));
        let branches = r#"{"StartAt":"a","States":{"a":{"Type":"Parallel","End":true,"Branches":["#;
        validate_with_all_options(&nested(branches, "", "]}}}", depth));
        let items = r#"{"StartAt":"a","States":{"a":{"Type":"Map","End":true,"ItemProcessor":"#;
        validate_with_all_options(&nested(items, "1", "}}}", depth));
        let rule = nested(r#"{"Not":"#, "{}", "}", depth);
        validate_with_all_options(&machine(&format!(r#"{{"Type":"Choice","Choices":[{rule}]}}"#)));
        let payload = nested(r#"{"b.$":"$.x","a":["#, "1", "]}", depth);
        validate_with_all_options(&machine(&format!(
            r#"{{"Type":"Pass","Parameters":{payload}}}"#
        )));
        for text in [
            nested("States.Array(", "1", ")", depth),
            nested("$.a[?(@.b == ", "1", ")]", depth),
            nested("$['a'", "", "]", depth),
            nested("(", "1", ")", depth),
            nested("$f(function($x){", "1", "})", depth),
        ] {
            validate_with_all_options(&machine(&format!(
                r#"{{"Type":"Pass","Parameters":{{"v.$":"{text}"}},"InputPath":"{text}"}}"#
            )));
            validate_with_all_options(&machine(&format!(
                r#"{{"Type":"Pass","QueryLanguage":"JSONata","Output":"{{% {text} %}}"}}"#
            )));
        }
    }
}

/// A hundred kilobytes each: superlinear validation would not end in time.
#[test]
fn long_texts_are_validated_in_linear_time() {
    let mut states = String::new();
    for number in 0..4_000 {
        write!(states, r#""s{number}":{{"Type":"Pass","Next":"s{}"}},"#, number + 1).expect("text");
    }
    validate_with_all_options(&format!(
        r#"{{"StartAt":"s0","States":{{{states}"s4000":{{"Type":"Fail"}}}}}}"#
    ));
    let long_name = "n".repeat(50_000);
    let fields: Vec<_> = (0..20_000).map(|number| format!(r#""f{number}":1"#)).collect();
    let fields = fields.join(",");
    validate_with_all_options(&format!(
        r#"{{"States":{{"{long_name}":{{"Type":"Pass",{fields}}}}}}}"#
    ));
    validate_with_all_options(&format!(
        r#"{{"States":{{"a":{{"Type":"Pass","Parameters":{{"{long_name}":{{{fields}}}}}}}}}}}"#
    ));
    let names: Vec<_> = (0..20_000).map(|number| format!("n{number}")).collect();
    for text in [
        names.join("+"),
        names.join("."),
        format!("${}", ".a".repeat(50_000)),
        format!("${}", "[0]".repeat(30_000)),
        format!("${}", "[?(@.a)]".repeat(20_000)),
        format!("States.Array({})", vec!["'x'"; 20_000].join(",")),
        "'".repeat(100_000),
        "{".repeat(100_000),
    ] {
        let jsonata = json!({"StartAt": "a", "States": {"a": {"Type": "Pass",
            "QueryLanguage": "JSONata", "Output": format!("{{% {text} %}}"), "End": true}}});
        validate_with_all_options(&jsonata.to_string());
        let jsonpath = json!({"StartAt": "a", "States": {"a": {"Type": "Pass",
            "Parameters": {"v.$": text}, "InputPath": text, "ResultPath": text, "End": true}}});
        validate_with_all_options(&jsonpath.to_string());
    }
}
