//! State machines, their versions and aliases.

use serde_json::{Value, json};

use super::bench::{Bench, ROLE, function, only};

fn pass(result: &str) -> Value {
    only(json!({ "Type": "Pass", "Result": result }))
}

#[tokio::test]
async fn a_machine_is_described_as_it_was_created() {
    let bench = Bench::new().await;
    let definition = pass("a");
    let arn = bench.machine("Shop", &definition).await;
    assert_eq!(arn, "arn:aws:states:us-east-1:000000000000:stateMachine:Shop");
    let shown = bench.call("DescribeStateMachine", json!({ "stateMachineArn": arn })).await;
    assert_eq!(shown["definition"], definition.to_string());
    assert_eq!(shown["status"], "ACTIVE");
    assert_eq!(shown["type"], "STANDARD");
    assert_eq!(shown["roleArn"], ROLE);
    assert_eq!(
        shown["loggingConfiguration"],
        json!({ "level": "OFF", "includeExecutionData": false })
    );
    assert_eq!(bench.machine("Shop", &definition).await, arn, "the same again is the same");
}

#[tokio::test]
async fn a_running_execution_stays_on_the_definition_that_it_began_with() {
    let mut bench = Bench::new().await;
    let slow = json!({
        "StartAt": "Wait",
        "States": {
            "Wait": { "Type": "Wait", "Seconds": 5, "Next": "Say" },
            "Say": { "Type": "Pass", "Result": "old", "End": true },
        }
    });
    let arn = bench.machine("Shop", &slow).await;
    let held = bench.clock.busy("the test");
    let begun = bench.begin(&arn, "before", &json!({})).await;
    let update = json!({ "stateMachineArn": arn, "definition": pass("new").to_string() });
    let updated = bench.call("UpdateStateMachine", update).await;
    assert!(updated["revisionId"].is_string());
    let after = bench.run(&arn, "after", &json!({})).await;
    assert_eq!(after["output"], r#""new""#);
    drop(held);
    assert_eq!(bench.ended(&begun).await["output"], r#""old""#);
    let of = bench.call("DescribeStateMachineForExecution", json!({ "executionArn": begun })).await;
    assert_eq!(of["definition"], slow.to_string());
}

#[tokio::test]
async fn an_alias_leads_to_its_version() {
    let mut bench = Bench::new().await;
    let arn = bench.machine("Shop", &pass("one")).await;
    let publish = json!({ "stateMachineArn": arn });
    let version = bench.call("PublishStateMachineVersion", publish.clone()).await;
    let version = version["stateMachineVersionArn"].as_str().unwrap().to_owned();
    assert_eq!(version, format!("{arn}:1"));
    let again = bench.call("PublishStateMachineVersion", publish).await;
    assert_eq!(again["stateMachineVersionArn"], version, "one revision, one version");
    let routes = json!([{ "stateMachineVersionArn": version, "weight": 100 }]);
    let alias = json!({ "name": "live", "routingConfiguration": routes });
    let alias = bench.call("CreateStateMachineAlias", alias).await;
    let alias = alias["stateMachineAliasArn"].as_str().unwrap().to_owned();
    assert_eq!(alias, format!("{arn}:live"));
    let update = json!({ "stateMachineArn": arn, "definition": pass("two").to_string() });
    bench.call("UpdateStateMachine", update).await;
    for (started, output) in [(&arn, r#""two""#), (&version, r#""one""#), (&alias, r#""one""#)] {
        let name = format!("by-{}", started.rsplit(':').next().unwrap());
        let ended = bench.run(started, &name, &json!({})).await;
        assert_eq!(ended["output"], output, "{started}");
        assert_eq!(ended["stateMachineArn"], arn);
    }
    let by_alias = bench.call("ListExecutions", json!({ "stateMachineArn": alias })).await;
    assert_eq!(by_alias["executions"].as_array().unwrap().len(), 1);
    assert_eq!(by_alias["executions"][0]["stateMachineAliasArn"], alias);
}

#[tokio::test]
async fn a_deleted_machine_goes_when_its_last_execution_has_ended() {
    let mut bench = Bench::new().await;
    let machine = only(json!({ "Type": "Wait", "Seconds": 5 }));
    let arn = bench.machine("Shop", &machine).await;
    let held = bench.clock.busy("the test");
    let begun = bench.begin(&arn, "one", &json!({})).await;
    bench.call("DeleteStateMachine", json!({ "stateMachineArn": arn })).await;
    let shown = bench.call("DescribeStateMachine", json!({ "stateMachineArn": arn })).await;
    assert_eq!(shown["status"], "DELETING");
    let start = json!({ "stateMachineArn": arn, "name": "two" });
    assert_eq!(bench.refused("StartExecution", start).await.code, "StateMachineDeleting");
    drop(held);
    assert_eq!(bench.ended(&begun).await["status"], "SUCCEEDED");
    let describe = json!({ "stateMachineArn": arn });
    while bench.states.api("DescribeStateMachine", describe.clone()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let gone = bench.refused("DescribeStateMachine", describe).await;
    assert_eq!(gone.code, "StateMachineDoesNotExist");
}

#[tokio::test]
async fn machines_are_listed_by_pages() {
    let bench = Bench::new().await;
    for name in ["C", "A", "B"] {
        bench.machine(name, &only(function("echo"))).await;
    }
    let first = bench.call("ListStateMachines", json!({ "maxResults": 2 })).await;
    let next = json!({ "maxResults": 2, "nextToken": first["nextToken"] });
    let second = bench.call("ListStateMachines", next).await;
    let names: Vec<_> = [first, second]
        .iter()
        .flat_map(|page| page["stateMachines"].as_array().unwrap().clone())
        .map(|machine| machine["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["A", "B", "C"]);
}
