//! Inputs that make no sense: refused by name, and nobody is called.

use domain::ErrorName;
use serde_json::{Value, json};
use testing::fakes::TestBed;
use testing::samples;

use crate::support::{ask, error_name};

#[test]
fn garbage_is_an_invalid_request_and_calls_nobody() {
    let order = samples::received();
    let id = &order.order_id;
    let world = TestBed::with(&order);
    for input in [
        Value::Null,
        json!(true),
        json!([1, 2]),
        json!("authorize"),
        json!({}),
        json!({"orderId": null}),
        json!({"orderId": 7}),
        json!({"orderId": ["ord_1"]}),
        json!({"orderId": "ord_1"}),
        json!({"orderId": format!("{id}\u{0}")}),
        json!({"orderId": id, "operation": "refund"}),
        json!({"orderId": id, "operation": ""}),
        json!({"orderId": id, "operation": 1}),
        json!({"orderId": id, "operation": "Capture"}),
        json!({"orderId": id, "execution": {}}),
        json!({"orderId": id, "execution": ""}),
        json!({"orderId": id, "enteredAt": "soon"}),
        json!({"orderId": id, "enteredAt": 1_795_405_999}),
        json!({"orderId": id, "failed": []}),
        json!({"orderId": id, "failed": {"InitiateShipping": "no"}}),
    ] {
        let printed = input.to_string();
        assert_eq!(error_name(ask(&world, input)), ErrorName::InvalidRequest, "{printed}");
    }
    assert!(world.calls().is_empty());
}

#[test]
fn the_plain_input_of_the_article_authorises() {
    let order = samples::received();
    let world = TestBed::with(&order);
    let output = ask(&world, json!({"orderId": order.order_id, "amount": 1})).unwrap();
    assert_eq!(output["paymentStatus"], "AUTHORIZED");
}

/// The sample inputs of this function are ones that it understands: what it lacks
/// is only the order.
#[test]
fn every_sample_input_is_understood() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/functions");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("process-payment-") {
            continue;
        }
        seen += 1;
        let input: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        match ask(&TestBed::default(), input) {
            Err(failure) => assert_eq!(failure.name, ErrorName::OrderNotFound, "{name}"),
            Ok(output) => assert_eq!(output["outcome"], "SUPERSEDED", "{name}"),
        }
    }
    assert!(seen >= 2, "{seen} sample inputs in {folder}");
}
