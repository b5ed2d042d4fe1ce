//! The results and errors of the functions.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scope::{TestScope, Variables};

fn evaluate(call: &str, input: &Value) -> Result<Value, String> {
    let scope = TestScope::new(json!({"Id": "i"}), Variables::new());
    let call = IntrinsicCall::parse(call).map_err(|error| error.message)?;
    call.evaluate(&scope.scope(input)).map_err(|error| error.to_string())
}

#[test]
fn each_function_returns_the_result_of_the_developer_guide() {
    let check = |call: &str, expected: Value| {
        let input = json!({"a": [1, 2, 3, 2], "o": {"k": "v", "l": [1.5, null]}, "s": "x"});
        assert_eq!(evaluate(call, &input), Ok(expected), "{call}");
    };
    check("States.Format('{} and {}', $.s, 2.3)", json!("x and 2.3"));
    check("States.Format('{}', $.o)", json!("{k=v, l=[1.5, null]}"));
    check(r"States.Format('\{\} it\'s \\ {}', true)", json!(r"{} it's \ true"));
    check("States.Format('{}', 10000000.0)", json!("1.0E7"));
    check("States.JsonToString($.o)", json!("{\"k\":\"v\",\"l\":[1.5,null]}"));
    check("States.Array()", json!([]));
    check("States.Array('Foo', $.s, 2.3, null)", json!(["Foo", "x", 2.3, null]));
    check("States.ArrayPartition($.a, 3)", json!([[1, 2, 3], [2]]));
    check("States.ArrayContains($.a, 3)", json!(true));
    check("States.ArrayContains($.a, '3')", json!(false));
    check("States.ArrayRange(1, 9, 2)", json!([1, 3, 5, 7, 9]));
    check("States.ArrayRange(3, 0, -2)", json!([3, 1]));
    check("States.ArrayGetItem($.a, 2)", json!(3));
    check("States.ArrayLength($.a)", json!(4));
    check("States.ArrayUnique($.a)", json!([1, 2, 3]));
    check("States.Base64Encode('Data to encode')", json!("RGF0YSB0byBlbmNvZGU="));
    check("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", json!("Data to encode"));
    check("States.Hash('input data', 'SHA-1')", json!("aaff4a450a104cd177d28d18d74485e8cae074b7"));
    check("States.JsonMerge($.o, $.o, false)", json!({"k": "v", "l": [1.5, null]}));
    check("States.MathAdd(111, -1)", json!(110));
    check("States.MathAdd(1.5, 1.51)", json!(4));
    check("States.StringSplit('This.is+a,,test', '.+,')", json!(["This", "is", "a", "test"]));
    check("States.ArrayGetItem(States.StringSplit('a-b', '-'), States.MathAdd(0, 1))", json!("b"));
    check("States.ArrayLength( States.Array( $$.Id ,1 ) )", json!(2));
}

#[test]
fn random_numbers_depend_only_on_the_seed() {
    let input = json!({});
    let uuid = evaluate("States.UUID()", &input);
    assert_eq!(uuid, evaluate("States.UUID()", &input));
    assert_eq!(uuid.unwrap().as_str().map(str::len), Some(36));
    for _ in 0..20 {
        let drawn = evaluate("States.MathRandom(-5, 5)", &input).unwrap().as_i64();
        assert!(drawn.is_some_and(|drawn| (-5..5).contains(&drawn)));
    }
    // The results of new java.util.Random(42).nextInt(100) and so on in Java.
    for (width, seed, expected) in [(100, 42, 30), (1000, -7, 662), (8, 42, 5), (999, 3, 239)] {
        let call = format!("States.MathRandom(1, {}, {seed})", width + 1);
        assert_eq!(evaluate(&call, &input), Ok(json!(expected + 1)), "{call}");
    }
}

#[test]
fn a_failed_call_names_itself() {
    let check = |call: &str, expected: &str| {
        let expected = format!("The function '{call}' had the following error: {expected}");
        assert_eq!(evaluate(call, &json!({"a": [1]})), Err(expected));
    };
    check(
        "States.Format('{}', $.no)",
        "The JsonPath argument for the field '$.no' could not be found in the input '{\"a\":[1]}'",
    );
    check("States.ArrayGetItem($.a, 1)", "Index 1 is out of bounds for an array of length 1");
    check("States.ArrayLength('a')", "States.ArrayLength takes an array, not \"a\"");
    check("States.ArrayRange(0, 1, 0)", "the increment of States.ArrayRange cannot be zero");
    check("States.ArrayRange(0, 5000, 1)", "States.ArrayRange gives at most 1000 items");
    check("States.Format('{} {}', 1)", "there are more {} in the template than arguments");
    check("States.Hash('a', 'CRC')", "the algorithm 'CRC' is not supported");
    check(
        "States.JsonMerge($, $, true)",
        "States.JsonMerge supports the shallow mode only: its third argument is false",
    );
}

#[test]
fn invalid_calls_are_rejected() {
    for text in [
        "",
        "States",
        "States.",
        "States.Nothing()",
        "States.Array",
        "States.Array(",
        "States.Array(1",
        "States.Array(1,)",
        "States.Array(1 2)",
        "States.Array(1) x",
        "States.Array(x)",
        "States.Array('a)",
        "States.Array(\"a\")",
        r"States.Array('\n')",
        r#"States.StringToJson('{"text":"An \"escaped\" quote"}')"#,
        "States.UUID(1)",
        "States.MathAdd(1)",
        "States.Array($.)",
    ] {
        assert!(IntrinsicCall::parse(text).is_err(), "{text}");
    }
    let nested = |depth: usize| "States.Array(".repeat(depth) + &")".repeat(depth);
    assert!(IntrinsicCall::parse(&nested(10)).is_ok());
    assert!(IntrinsicCall::parse(&nested(11)).is_err());
}

#[test]
fn blank_text_parses_as_json_null() {
    for (text, expected) in
        [("", json!(null)), ("  ", json!(null)), ("-0", json!(0)), ("1.10", json!(1.1))]
    {
        assert_eq!(evaluate("States.StringToJson($)", &json!(text)), Ok(expected), "{text:?}");
    }
    assert!(evaluate("States.StringToJson($)", &json!("{")).is_err());
}

proptest! {
    #[test]
    fn the_parser_never_panics(text in "\\PC{0,40}") {
        let _ = IntrinsicCall::parse(&text);
        let _ = IntrinsicCall::parse(&format!("States.Format({text})"));
    }

    #[test]
    fn functions_never_panic(
        index in 0_usize..18,
        arguments in proptest::collection::vec(
            prop_oneof![
                "'([a-z0-9{},:]|\\\\\\\\|\\\\\\{){0,6}'",
                any::<i64>().prop_map(|number| number.to_string()),
                any::<f32>().prop_filter("JSON", |number| number.is_finite()).prop_map(|number| format!("{number:?}")),
                Just("null".to_owned()), Just("false".to_owned()), Just("$.a".to_owned()), Just("$".to_owned()),
            ],
            0..4,
        ),
    ) {
        let name = ["Format", "StringToJson", "JsonToString", "Array", "ArrayPartition",
            "ArrayContains", "ArrayRange", "ArrayGetItem", "ArrayLength", "ArrayUnique",
            "Base64Encode", "Base64Decode", "Hash", "JsonMerge", "MathRandom", "MathAdd",
            "StringSplit", "UUID"][index];
        let call = format!("States.{name}({})", arguments.join(", "));
        let _ = evaluate(&call, &json!({"a": [1, "b", {"c": null}]}));
        if let Ok(expression) = IntrinsicCall::parse(&call) {
            let printed = expression.to_string();
            let reparsed = IntrinsicCall::parse(&printed).map_err(|error| TestCaseError::fail(format!("{printed}: {error}")))?;
            prop_assert_eq!(reparsed.to_string(), printed);
        }
    }

    #[test]
    fn json_survives_a_round_trip_through_text(value in "[a-z\"\\\\é\u{1}]{0,12}", number in any::<i64>()) {
        let input = json!({"v": value, "n": number});
        let text = evaluate("States.JsonToString($)", &input).unwrap();
        prop_assert_eq!(evaluate("States.StringToJson($)", &text), Ok(input));
    }
}
