//! State machines, versions and aliases.

use serde_json::{Value, json};

use super::test_bed::{ROLE, TestBed, function, single_state};

fn pass(result: &str) -> Value {
    single_state(json!({ "Type": "Pass", "Result": result }))
}

#[tokio::test]
async fn a_state_machine_is_described_as_it_was_created() {
    let bed = TestBed::new().await;
    let definition = pass("a");
    let arn = bed.create("Shop", &definition).await;
    assert_eq!(arn, "arn:aws:states:us-east-1:000000000000:stateMachine:Shop");
    let description = bed.call("DescribeStateMachine", json!({ "stateMachineArn": arn })).await;
    assert_eq!(description["definition"], definition.to_string());
    assert_eq!(description["status"], "ACTIVE");
    assert_eq!(description["type"], "STANDARD");
    assert_eq!(description["roleArn"], ROLE);
    assert_eq!(
        description["loggingConfiguration"],
        json!({ "level": "OFF", "includeExecutionData": false })
    );
    assert_eq!(bed.create("Shop", &definition).await, arn, "a repeated request");
}

#[tokio::test]
async fn a_running_execution_keeps_the_definition_on_which_it_started() {
    let mut bed = TestBed::new().await;
    let slow = json!({
        "StartAt": "Wait",
        "States": {
            "Wait": { "Type": "Wait", "Seconds": 5, "Next": "Say" },
            "Say": { "Type": "Pass", "Result": "old", "End": true },
        }
    });
    let arn = bed.create("Shop", &slow).await;
    let busy = bed.clock.busy("the test");
    let started = bed.start(&arn, "before", &json!({})).await;
    let update = json!({ "stateMachineArn": arn, "definition": pass("new").to_string() });
    let updated = bed.call("UpdateStateMachine", update).await;
    assert!(updated["revisionId"].is_string());
    let after = bed.run(&arn, "after", &json!({})).await;
    assert_eq!(after["output"], r#""new""#);
    drop(busy);
    assert_eq!(bed.wait_for_end(&started).await["output"], r#""old""#);
    let description =
        bed.call("DescribeStateMachineForExecution", json!({ "executionArn": started })).await;
    assert_eq!(description["definition"], slow.to_string());
}

#[tokio::test]
async fn an_alias_routes_to_its_version() {
    let mut bed = TestBed::new().await;
    let arn = bed.create("Shop", &pass("one")).await;
    let publish = json!({ "stateMachineArn": arn });
    let version = bed.call("PublishStateMachineVersion", publish.clone()).await;
    let version = version["stateMachineVersionArn"].as_str().unwrap().to_owned();
    assert_eq!(version, format!("{arn}:1"));
    let again = bed.call("PublishStateMachineVersion", publish).await;
    assert_eq!(again["stateMachineVersionArn"], version, "one revision, one version");
    let routes = json!([{ "stateMachineVersionArn": version, "weight": 100 }]);
    let alias = json!({ "name": "live", "routingConfiguration": routes });
    let alias = bed.call("CreateStateMachineAlias", alias).await;
    let alias = alias["stateMachineAliasArn"].as_str().unwrap().to_owned();
    assert_eq!(alias, format!("{arn}:live"));
    let update = json!({ "stateMachineArn": arn, "definition": pass("two").to_string() });
    bed.call("UpdateStateMachine", update).await;
    for (started, output) in [(&arn, r#""two""#), (&version, r#""one""#), (&alias, r#""one""#)] {
        let name = format!("by-{}", started.rsplit(':').next().unwrap());
        let ended = bed.run(started, &name, &json!({})).await;
        assert_eq!(ended["output"], output, "{started}");
        assert_eq!(ended["stateMachineArn"], arn);
    }
    let by_alias = bed.call("ListExecutions", json!({ "stateMachineArn": alias })).await;
    assert_eq!(by_alias["executions"].as_array().unwrap().len(), 1);
    assert_eq!(by_alias["executions"][0]["stateMachineAliasArn"], alias);
}

#[tokio::test]
async fn a_deleted_state_machine_is_removed_when_its_last_execution_ends() {
    let mut bed = TestBed::new().await;
    let machine = single_state(json!({ "Type": "Wait", "Seconds": 5 }));
    let arn = bed.create("Shop", &machine).await;
    let busy = bed.clock.busy("the test");
    let started = bed.start(&arn, "one", &json!({})).await;
    bed.call("DeleteStateMachine", json!({ "stateMachineArn": arn })).await;
    let description = bed.call("DescribeStateMachine", json!({ "stateMachineArn": arn })).await;
    assert_eq!(description["status"], "DELETING");
    let start = json!({ "stateMachineArn": arn, "name": "two" });
    assert_eq!(bed.call_error("StartExecution", start).await.code, "StateMachineDeleting");
    drop(busy);
    assert_eq!(bed.wait_for_end(&started).await["status"], "SUCCEEDED");
    let describe = json!({ "stateMachineArn": arn });
    while bed.states.api("DescribeStateMachine", describe.clone()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let gone = bed.call_error("DescribeStateMachine", describe).await;
    assert_eq!(gone.code, "StateMachineDoesNotExist");
}

#[tokio::test]
async fn state_machines_are_listed_in_pages() {
    let bed = TestBed::new().await;
    for name in ["C", "A", "B"] {
        bed.create(name, &single_state(function("echo"))).await;
    }
    let first = bed.call("ListStateMachines", json!({ "maxResults": 2 })).await;
    let next = json!({ "maxResults": 2, "nextToken": first["nextToken"] });
    let second = bed.call("ListStateMachines", next).await;
    let names: Vec<_> = [first, second]
        .iter()
        .flat_map(|page| page["stateMachines"].as_array().unwrap().clone())
        .map(|machine| machine["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["A", "B", "C"]);
}
