//! What of the panel's faults the next stack on the same folder finds.

use std::path::Path;

use local_stack::clock::ClockSettings;
use local_stack::dynamodb::Caller;
use local_stack::scenarios::client::Client;
use local_stack::stack::{Ports, Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};

use crate::requests::no_binaries;
use crate::test_bed::TestBed;

const ORDER: &str = "ord_00000000000000000000000000000001";

async fn start(folder: &Path) -> TestBed {
    let root = workspace::root();
    let ports = Ports { api: 0, aws: 0, stripe: 0, easypost: 0 };
    let (clock, folder) = (ClockSettings::default(), folder.to_owned());
    let settings = Settings::persistent(&root, no_binaries(&root), ports, clock, folder, false);
    let stack = Stack::start(settings).await.unwrap();
    let client = Client::new(stack.urls());
    TestBed { stack, client }
}

#[tokio::test]
async fn a_stack_that_starts_again_has_the_faults_that_are_still_in_effect() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(folder.path()).await;
    let order = json!({ "orderId": { "S": ORDER }, "status": { "S": "RECEIVED" } });
    let put = json!({ "TableName": "Orders", "Item": order });
    first.stack.dynamodb().call("PutItem", &put, Caller::Other).await.unwrap();
    first.plant("payment-down", None).await;
    first.plant("shipping-refuses", Some(ORDER)).await;
    // A fault of the stack's own services, and one that acts on the order, end with it.
    first.plant("table-throttles", Some(ORDER)).await;
    first.plant("execution-stopped", Some(ORDER)).await;
    first.stack.shutdown().await;

    let second = start(folder.path()).await;
    let faults = second.get("faults").await;
    assert_eq!(faults["armed"], json!(["payment-down"]));
    let kept = json!([{ "fault": "shipping-refuses", "orderId": ORDER, "fired": 0 }]);
    assert_eq!(faults["planted"], kept);
    second.call("DELETE", "faults", Value::Null).await;
    second.stack.shutdown().await;

    let third = start(folder.path()).await;
    let faults = third.get("faults").await;
    assert_eq!((&faults["armed"], &faults["planted"]), (&json!([]), &json!([])));
    third.stack.shutdown().await;
}
