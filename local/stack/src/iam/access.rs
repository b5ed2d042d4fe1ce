//! What a call needs: the actions on the resources that AWS evaluates for it.
//!
//! Sources: the service authorization reference of each service; "Using IAM with `DynamoDB`
//! transactions" (a transaction needs the actions of its items and no further one);
//! "Authorization for versions and aliases in Step Functions workflows" (the resource is
//! always the unqualified ARN of the state machine, also for a task token).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The condition keys that the local stack sets.
pub(super) const CONTEXT_KEYS: [&str; 1] = [QUALIFIER_KEY];
const QUALIFIER_KEY: &str = "states:StateMachineQualifier";

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// The action, such as `dynamodb:GetItem`.
    pub action: String,
    /// The ARN of the resource.
    pub resource: String,
    /// The values of condition keys.
    pub(super) context: BTreeMap<&'static str, String>,
}

impl Access {
    pub(super) fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        let (action, resource) = (action.into(), resource.into());
        Self { action, resource, context: BTreeMap::new() }
    }
}

/// What an operation of Secrets Manager needs, on the secret of this ARN.
pub fn of_secrets_manager(operation: &str, arn: Option<&str>) -> Vec<Access> {
    vec![Access::new(format!("secretsmanager:{operation}"), arn.unwrap_or("*"))]
}

/// What a DynamoDB operation needs.
///
/// A PartiQL operation has no action with its name, so a role allows it only with
/// `dynamodb:*`. A request that names no table needs nothing: DynamoDB rejects it.
pub fn of_dynamodb(operation: &str, body: &Value) -> Vec<Access> {
    let mut needed: Vec<_> = match operation {
        "TransactWriteItems" => transaction_items(body, |kind| match kind {
            "Put" => Some("PutItem"),
            "Update" => Some("UpdateItem"),
            "Delete" => Some("DeleteItem"),
            "ConditionCheck" => Some("ConditionCheckItem"),
            _ => None,
        }),
        "TransactGetItems" => transaction_items(body, |kind| (kind == "Get").then_some("GetItem")),
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flat_map(Map::keys);
            tables.map(|table| dynamodb_access(operation, table, None)).collect()
        }
        "ListTables" => vec![Access::new("dynamodb:ListTables", "*")],
        "BatchExecuteStatement" | "ExecuteStatement" | "ExecuteTransaction" => {
            vec![Access::new(format!("dynamodb:{operation}"), "*")]
        }
        _ => {
            let index = body["IndexName"].as_str();
            let table = body["TableName"].as_str().or_else(|| body["ResourceArn"].as_str());
            table.map(|table| dynamodb_access(operation, table, index)).into_iter().collect()
        }
    };
    needed.sort();
    needed.dedup();
    needed
}

/// The access of each item of a transaction. `action` is that of the item's kind.
fn transaction_items(body: &Value, action: impl Fn(&str) -> Option<&'static str>) -> Vec<Access> {
    let items = body["TransactItems"].as_array().into_iter().flatten();
    items
        .filter_map(Value::as_object)
        .flatten()
        .filter_map(|(kind, item)| {
            Some(dynamodb_access(action(kind)?, item["TableName"].as_str()?, None))
        })
        .collect()
}

/// A table is named by its name or by its ARN.
fn dynamodb_access(action: &str, table: &str, index: Option<&str>) -> Access {
    let name = table.rsplit('/').next().unwrap_or(table);
    let index = index.map(|index| format!("/index/{index}")).unwrap_or_default();
    Access::new(
        format!("dynamodb:{action}"),
        format!("arn:aws:dynamodb:us-east-1:000000000000:table/{name}{index}"),
    )
}

/// What a Step Functions operation needs. `machine_of_token` is the ARN of the state
/// machine that issued the request's task token.
///
/// A request that names nothing that exists needs nothing: Step Functions rejects it.
pub fn of_step_functions(
    operation: &str,
    body: &Value,
    machine_of_token: Option<&str>,
) -> Option<Access> {
    let action = format!("states:{operation}");
    if let Some(arn) = body["executionArn"].as_str() {
        return Some(Access::new(action, arn));
    }
    if body["taskToken"].is_string() {
        return machine_of_token.map(|arn| Access::new(action, arn));
    }
    let named = ["stateMachineArn", "stateMachineAliasArn", "stateMachineVersionArn"];
    let Some(arn) = named.iter().find_map(|field| body[*field].as_str()) else {
        return Some(Access::new(action, "*"));
    };
    let parts: Vec<_> = arn.split(':').collect();
    let unqualified = parts.get(..7).map_or_else(|| arn.to_owned(), |parts| parts.join(":"));
    let mut access = Access::new(action, unqualified);
    access.context.extend(parts.get(7).map(|qualifier| (QUALIFIER_KEY, (*qualifier).to_owned())));
    Some(access)
}

/// What an invocation of this function needs. The ARN has the qualifier of the call.
pub fn of_invocation(function_arn: String) -> Access {
    Access::new("lambda:InvokeFunction", function_arn)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table";
    const STATES: &str = "arn:aws:states:us-east-1:000000000000";

    fn pairs(needed: &[Access]) -> Vec<(&str, &str)> {
        needed.iter().map(|access| (access.action.as_str(), access.resource.as_str())).collect()
    }

    #[test]
    fn an_operation_on_an_index_needs_the_index_and_not_the_table() {
        let check = |operation: &str, body: Value, expected: &[(&str, &str)]| {
            assert_eq!(pairs(&of_dynamodb(operation, &body)), expected, "{operation}");
        };
        let (orders, open) = (format!("{TABLE}/Orders"), format!("{TABLE}/Orders/index/open"));
        check("GetItem", json!({ "TableName": "Orders" }), &[("dynamodb:GetItem", &orders)]);
        check("GetItem", json!({ "TableName": orders }), &[("dynamodb:GetItem", &orders)]);
        let query = json!({ "TableName": "Orders", "IndexName": "open" });
        check("Query", query, &[("dynamodb:Query", &open)]);
        check("Scan", json!({ "TableName": "Orders" }), &[("dynamodb:Scan", &orders)]);
        check("ListTables", json!({}), &[("dynamodb:ListTables", "*")]);
        check("ExecuteStatement", json!({}), &[("dynamodb:ExecuteStatement", "*")]);
        check("GetItem", json!({}), &[]);
    }

    #[test]
    fn a_batch_needs_its_own_action_on_each_table_and_a_transaction_those_of_its_items() {
        let (inventory, orders) = (format!("{TABLE}/Inventory"), format!("{TABLE}/Orders"));
        let batch = json!({ "RequestItems": { "Orders": {}, "Inventory": {} } });
        assert_eq!(
            pairs(&of_dynamodb("BatchGetItem", &batch)),
            [("dynamodb:BatchGetItem", &*inventory), ("dynamodb:BatchGetItem", &orders)]
        );
        let transaction = json!({ "TransactItems": [
            { "Update": { "TableName": "Inventory" } }, { "Update": { "TableName": "Inventory" } },
            { "Put": { "TableName": "Inventory" } }, { "Delete": { "TableName": "Orders" } },
            { "ConditionCheck": { "TableName": "Orders" } },
        ] });
        assert_eq!(
            pairs(&of_dynamodb("TransactWriteItems", &transaction)),
            [
                ("dynamodb:ConditionCheckItem", &*orders),
                ("dynamodb:DeleteItem", &orders),
                ("dynamodb:PutItem", &inventory),
                ("dynamodb:UpdateItem", &inventory),
            ]
        );
        let reads = json!({ "TransactItems": [{ "Get": { "TableName": "Orders" } }] });
        assert_eq!(
            pairs(&of_dynamodb("TransactGetItems", &reads)),
            [("dynamodb:GetItem", &*orders)]
        );
    }

    #[test]
    fn step_functions_evaluates_executions_and_unqualified_state_machines() {
        let machine = format!("{STATES}:stateMachine:OrderWorkflow");
        let execution = format!("{STATES}:execution:OrderWorkflow:ord_1");
        let check = |operation: &str, body: Value, expected: Option<&str>| {
            let needed = of_step_functions(operation, &body, Some(&machine));
            let resource = needed.map(|access| access.resource);
            assert_eq!(resource.as_deref(), expected, "{operation}");
        };
        check("StartExecution", json!({ "stateMachineArn": machine }), Some(&machine));
        let live = json!({ "stateMachineArn": format!("{machine}:live") });
        check("StartExecution", live.clone(), Some(&machine));
        check("StopExecution", json!({ "executionArn": execution }), Some(&execution));
        check("SendTaskSuccess", json!({ "taskToken": "t" }), Some(&machine));
        check("ListStateMachines", json!({}), Some("*"));
        let needed = of_step_functions("StartExecution", &live, None).unwrap();
        assert_eq!(needed.context[QUALIFIER_KEY], "live");
        assert_eq!(of_step_functions("SendTaskFailure", &json!({ "taskToken": "t" }), None), None);
    }
}
