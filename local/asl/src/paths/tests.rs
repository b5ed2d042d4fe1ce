//! What paths read and write, and their error messages.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scope::{TestScope, Variables};

fn read(path: &str, input: &Value) -> Result<Value, String> {
    let variables: Variables = [("name".to_owned(), json!({"x": [1, 2]}))].into_iter().collect();
    let scope = TestScope::new(json!({"Execution": {"Id": "arn"}}), variables);
    let path = Path::parse(path).map_err(|error| error.message)?;
    path.read(&scope.scope(input)).map_err(|error| error.reason)
}

fn store() -> Value {
    json!({
        "book": [
            {"title": "A", "price": 8, "isbn": "1"},
            {"title": "B", "price": 12.5},
            {"title": "C", "price": 9, "tags": ["x", "y"]},
        ],
        "a b": {"c": 1},
        "n": null,
        "limit": 9,
    })
}

#[test]
fn a_path_reads_the_values_it_names() {
    let check = |path: &str, expected: Value| {
        assert_eq!(read(path, &store()), Ok(expected), "{path}");
    };
    check("$.limit", json!(9));
    check("$['limit']", json!(9));
    check("$['a b']['c']", json!(1));
    check("$.book[0].title", json!("A"));
    check("$.book[(@.length-1)].title", json!("C"));
    check("$.book[(@.size() - 3)].title", json!("A"));
    check("$.book[?(@.title == B)].price", json!([12.5]));
    check("$.book[?(@.price != null && @.isbn == 1)].title", json!(["A"]));
    check("$.book[*][?(@ > 1)]", json!([]));
    check("$.book.[0].title", json!("A"));
    check("$.n", json!(null));
    check("$.book[0,2].title", json!(["A", "C"]));
    check("$.book[1:].title", json!(["B", "C"]));
    check("$.book[:1].title", json!(["A"]));
    check("$.book[0:2].title", json!(["A", "B"]));
    check("$.book[0:2:7].title", json!(["A", "B"]));
    check("$.book[-2:].title", json!(["B", "C"]));
    check("$.book[*].price", json!([8, 12.5, 9]));
    check("$.book[0]['title','price']", json!({"title": "A", "price": 8}));
    check("$.no.such[*].title", json!([]));
    check("$.no[1:]", json!([]));
    check("$.limit[?(@.a)]", json!([]));
    check("$..title", json!(["A", "B", "C"]));
    check("$..tags[0]", json!(["x"]));
    check("$['a b','no']['c']", json!([1]));
    check("$.book[?(@.isbn)].title", json!(["A"]));
    check("$.book[?(!@.isbn)].title", json!(["B", "C"]));
    check("$.book[?(@.price > 8.5)].title", json!(["B", "C"]));
    check("$.book[?(@.price == $.limit)].title", json!(["C"]));
    check("$.book[?(@.price<10&&@['title']!='A')].title", json!(["C"]));
    check("$.book[?(@.title == 'A' || @.title == \"B\")].price", json!([8, 12.5]));
    check("$.book[?(@.title in ['A', 'C'])].price", json!([8, 9]));
    check("$.book[?(@.tags contains 'x')].price", json!([9]));
    check("$.book[?(@.price == '8')].title", json!(["A"]));
    check("$.book[?(@.no == @.no)].title", json!([]));

    check("$$.Execution.Id", json!("arn"));
    check("$name.x[1]", json!(2));
    check("$name", json!({"x": [1, 2]}));
}

#[test]
fn a_definite_path_without_a_value_fails_with_the_message_of_aws() {
    let check = |path: &str, expected: &str| {
        assert_eq!(read(path, &store()), Err(expected.to_owned()), "{path}");
    };
    check("$.no", "No results for path: $['no']");
    check("$.no.such.path", "Missing property in path $['no']");
    check("$.book[-1]", "No results for path: $['book'][-1]");
    check("$.book.length()", "Property ['length()'] not found in path $['book']");
    check("$.limit.x.y", "Property ['x'] not found in path $['limit']");
    check("$.book[9]", "No results for path: $['book'][9]");
    check("$.book[9].title", "No results for path: $['book'][9]['title']");
    check("$.other", "No results for path: $['other']");
    check("$.limit[0]", "Filter: [0] can only be applied to arrays. Current context is: 9");
    check("$.n[0]", "The path $['n'] is null");
    check("$missing", "No results for path: $['missing']");
}

#[test]
fn invalid_paths_are_rejected() {
    for text in [
        "",
        "a",
        "$.",
        "$..",
        "$...a",
        "$.a b",
        "$[",
        "$[']",
        "$['a'",
        "$['a',]",
        "$[1,]",
        "$[:]",
        "$[x]",
        "$[?@.a]",
        "$[?(@.a]",
        "$[?(@.a == )]",
        "$ a",
        "$[99999999999]",
        "$.a[]",
    ] {
        assert!(Path::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_path_into_a_null_input_fails() {
    let expected = "Unable to apply Path transformation to null or empty input.";
    assert_eq!(read("$.a", &Value::Null), Err(expected.to_owned()));
    assert_eq!(read("$$.Execution.Id", &Value::Null), Ok(json!("arn")));
}

#[test]
fn a_reference_path_creates_missing_objects() {
    let check = |path: &str, into: Value, expected: Value| {
        let path = ReferencePath::parse(path).unwrap();
        assert_eq!(path.write(into, json!("v")).unwrap(), expected);
    };
    check("$", json!({"a": 1}), json!("v"));
    check("$.a", json!({"b": 1}), json!({"b": 1, "a": "v"}));
    check("$.a", json!({"a": {"x": 1}, "b": 2}), json!({"a": "v", "b": 2}));
    check("$.a.b.c", json!({"a": {"x": 1}}), json!({"a": {"x": 1, "b": {"c": "v"}}}));
    check("$['a b']", json!({}), json!({"a b": "v"}));
    check("$.a[1]", json!({"a": [1, 2, 3]}), json!({"a": [1, "v", 3]}));
}

#[test]
fn an_unwritable_reference_path_reports_itself_and_the_input() {
    let check = |path: &str, into: Value, input: &str| {
        let error = ReferencePath::parse(path).unwrap().write(into, json!(1)).unwrap_err();
        assert_eq!(error.reason, format!("Unable to apply ReferencePath {path} to input {input}"));
    };
    check("$.a", json!("text"), "\"text\"");
    check("$.a.b", json!({"a": 1}), "{\"a\":1}");
    check("$[3]", json!([1]), "[1]");
    assert!(ReferencePath::parse("$..a").is_err());
    assert!(ReferencePath::parse("$$.a").is_err());
}

#[test]
fn a_path_that_visits_too_many_values_is_stopped() {
    let mut wide = json!(1);
    for _ in 0..40 {
        wide = json!([wide.clone(), wide]);
        if wide.to_string().len() > 4_000 {
            break;
        }
    }
    let error = read("$..*..*..*..*..*..*..*", &wide).unwrap_err();
    assert!(error.starts_with("the path visits more than"), "{error}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c ]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[a-c]{1,2}", inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_parser_never_panics(text in "\\PC{0,40}") {
        let _ = Path::parse(&text);
        let _ = Path::parse(&format!("${text}"));
        let _ = Path::parse(&format!("$[?({text})]"));
    }

    #[test]
    fn evaluation_never_panics(
        path in "\\$([.][a-c]|[.]{2}[a-c]|\\[-?[0-3]\\]|\\[\\*\\]|\\[-?[0-3]:-?[0-3]\\]|\\[\\?\\(@([.][a-c])? ?(==|<|!=|>=) ?(1|'a'|\\$[.]a)\\)\\]|\\['a','b'\\]){0,6}",
        input in any_json(),
    ) {
        let _ = read(&path, &input);
    }

    #[test]
    fn a_printed_path_parses_to_the_same_path(
        text in "\\$[$a]?([.][a-cA']{1,3}|[.]{2}[a-c]|\\[-?[0-9]{1,3}(,[0-9])?\\]|[.]\\*|\\[ ?[0-3]?:-?[0-3]\\]|\\[\\?\\((!?@[.]a|@ ?(==|<|in) ?(1|'a'|\\['x'\\]|\\$[.]a)|@.a > 1 && !\\(@.b\\))\\)\\]|\\['[a\"\\\\ ]{0,3}x','b'\\]|\\[\"[a' ]{0,3}\"\\]){0,6}",
    ) {
        if let Ok(path) = Path::parse(&text) {
            let printed = path.to_string();
            let reparsed = Path::parse(&printed).map_err(|error| TestCaseError::fail(format!("{printed}: {error}")))?;
            prop_assert_eq!(reparsed.steps, path.steps, "{} printed as {}", text, printed);
            prop_assert_eq!(reparsed.root, path.root);
        }
    }

    #[test]
    fn a_written_value_can_be_read_back(
        names in proptest::collection::vec("[a-c]{1,2}", 1..4),
        into in any_json(),
        value in any_json(),
    ) {
        let path = format!("$.{}", names.join("."));
        let reference = ReferencePath::parse(&path).unwrap();
        if let Ok(written) = reference.write(into, value.clone()) {
            prop_assert_eq!(read(&path, &written), Ok(value));
        }
    }
}
