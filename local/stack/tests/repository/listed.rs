//! The lists of the template that name every function, and every index: a new one that is
//! left out of a list would work, and be missing where it matters.

use std::collections::BTreeSet;

use domain::operation::Function;
use serde_json::{Value, json};

use crate::alarms::{read_by_dashboard, resources, template, text};

/// The references in a list.
fn references(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(text).collect()
}

/// The logical ids of all functions.
fn functions(template: &Value) -> Vec<String> {
    resources(template, "AWS::Serverless::Function").map(|(id, _)| id.to_owned()).collect()
}

#[test]
fn every_function_may_use_the_tables_through_the_customer_managed_key() {
    let template = template();
    let roles = references(&template["Resources"]["KmsKeyAccess"]["Properties"]["Roles"]);
    for function in functions(&template) {
        assert!(roles.contains(&format!("{function}Role")), "KmsKeyAccess: Roles lacks {function}");
    }
}

#[test]
fn a_change_of_any_property_publishes_a_version_of_every_function() {
    let template = template();
    for (id, properties) in resources(&template, "AWS::Serverless::Function") {
        let all = &properties["AutoPublishAliasAllProperties"];
        assert_eq!(*all, json!(true), "{id}: AutoPublishAliasAllProperties");
    }
}

#[test]
fn errors_of_every_step_roll_a_new_workflow_back() {
    let template = template();
    let workflow = &template["Resources"]["OrderWorkflow"]["Properties"]["DeploymentPreference"];
    let alarms = references(&workflow["Alarms"]);
    for function in Function::ALL {
        let id = function.logical_id();
        let alarm = format!("{}ErrorsAlarm", id.trim_end_matches("Function"));
        assert!(alarms.contains(&alarm), "OrderWorkflow: DeploymentPreference lacks {alarm}");
    }
}

#[test]
fn the_dashboard_graphs_every_function_and_every_index() {
    let template = template();
    let read = read_by_dashboard(&template);
    let graphs = |metric: &str, resource: &str| {
        read.iter().any(|one| one.name == metric && one.is_about(resource))
    };
    for function in functions(&template) {
        for metric in ["Errors", "Throttles", "Duration", "Invocations"] {
            assert!(graphs(metric, &function), "the dashboard has no {metric} of {function}");
        }
        let logs = format!("{}Logs", function.trim_end_matches("Function"));
        assert!(graphs("IncomingBytes", &logs), "the dashboard has no IncomingBytes of {logs}");
    }
    for (table, properties) in resources(&template, "AWS::DynamoDB::Table") {
        for index in properties["GlobalSecondaryIndexes"].as_array().into_iter().flatten() {
            let name = text(&index["IndexName"]);
            assert!(
                graphs("WriteThrottleEvents", &name),
                "the dashboard has no WriteThrottleEvents of {table}'s index {name}"
            );
        }
    }
}
