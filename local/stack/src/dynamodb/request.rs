//! One request: the orders that it names, and the count to which it adds.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Caller;
use crate::aws::error::AwsError;
use crate::counters::{Count, Counters, RECONCILER};

/// One request in DynamoDB's JSON.
pub(super) struct Request<'a> {
    pub(super) operation: &'a str,
    pub(super) body: &'a Value,
    pub(super) caller: &'a Caller,
}

/// The table whose items are orders, and its key.
const ORDERS: &str = "Orders";
const ORDER_KEY: &str = "orderId";

impl<'a> Request<'a> {
    /// The first order that the request names.
    pub(super) fn order(&self) -> Option<&'a str> {
        self.orders().into_iter().next()
    }

    /// Whether the request may write. PartiQL statements count as writes.
    pub(super) fn is_write(&self) -> bool {
        const WRITES: [&str; 8] = [
            "BatchExecuteStatement",
            "BatchWriteItem",
            "DeleteItem",
            "ExecuteStatement",
            "ExecuteTransaction",
            "PutItem",
            "TransactWriteItems",
            "UpdateItem",
        ];
        WRITES.contains(&self.operation)
    }

    /// The orders that a write changes: all that it names, except those in a
    /// `ConditionCheck`.
    pub(super) fn written_orders(&self) -> BTreeSet<&'a str> {
        let Some(parts) = self.body["TransactItems"].as_array() else {
            return self.orders().into_iter().collect();
        };
        let actions = parts.iter().filter_map(Value::as_object).flatten();
        let write_events = actions.filter(|(kind, _)| *kind != "ConditionCheck");
        write_events.filter_map(|(_, action)| order_of(action)).collect()
    }

    /// Counts the request for each order that it names.
    pub(super) fn count(&self, counters: &Counters) {
        let Some(count) = self.counts_as() else { return };
        for order in self.orders() {
            counters.add(order, count);
        }
    }

    /// DynamoDB's error when another transaction holds one of the items.
    pub(super) fn conflict(&self) -> AwsError {
        let Some(parts) = self.body["TransactItems"].as_array() else {
            let text = "Transaction is ongoing for the item";
            return AwsError::client("TransactionConflictException", text);
        };
        let codes = (0..parts.len()).map(|n| if n == 0 { CONFLICT } else { "None" });
        canceled(&codes.collect::<Vec<_>>())
    }

    /// DynamoDB's error when a condition fails: in a transaction, the conditions on all
    /// items that are not orders, so the goods are out of stock.
    pub(super) fn failed_condition(&self) -> AwsError {
        let Some(parts) = self.body["TransactItems"].as_array() else {
            return AwsError::client("ConditionalCheckFailedException", FAILED_CONDITION_TEXT);
        };
        let actions = |part: &'a Value| part.as_object().into_iter().flat_map(|part| part.values());
        let is_order = |part: &'a Value| actions(part).any(|action| order_of(action).is_some());
        let codes = parts.iter().map(|part| if is_order(part) { "None" } else { FAILED_CONDITION });
        canceled(&codes.collect::<Vec<_>>())
    }

    /// The count to which the request adds. `None` for calls of the reconciler and of
    /// other clients, and for all calls of the order API except the put of the order.
    fn counts_as(&self) -> Option<Count<'static>> {
        let count = match self.operation {
            "GetItem" | "BatchGetItem" | "TransactGetItems" => Count::Read,
            "TransactWriteItems" => Count::Transaction,
            "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" => Count::Write,
            _ => return None,
        };
        let counted = match self.caller {
            Caller::Other => false,
            Caller::StateMachine => true,
            Caller::Function(name) if name == "order-api" => self.operation == "PutItem",
            Caller::Function(name) => name != RECONCILER,
        };
        counted.then_some(count)
    }

    /// The orders whose keys the request names, in its own order.
    fn orders(&self) -> Vec<&'a str> {
        let body = self.body;
        if let Some(parts) = body["TransactItems"].as_array() {
            let actions = parts.iter().filter_map(Value::as_object).flat_map(|part| part.values());
            return actions.filter_map(order_of).collect();
        }
        if let Some(of_table) = body.get("RequestItems").map(|tables| &tables[ORDERS]) {
            let keys = of_table["Keys"].as_array().into_iter().flatten().filter_map(order_in_key);
            let write_events = of_table.as_array().into_iter().flatten();
            let written =
                write_events.filter_map(Value::as_object).flat_map(|write| write.values());
            return keys.chain(written.filter_map(order_in_action)).collect();
        }
        order_of(body).into_iter().collect()
    }
}

const CONFLICT: &str = "TransactionConflict";
const FAILED_CONDITION: &str = "ConditionalCheckFailed";
const FAILED_CONDITION_TEXT: &str = "The conditional request failed";

/// DynamoDB's error for a canceled transaction, with the code of each of its items.
fn canceled(codes: &[&str]) -> AwsError {
    let text = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    let reasons: Vec<_> = codes.iter().map(|code| reason(code)).collect();
    AwsError::client("TransactionCanceledException", text)
        .with("CancellationReasons", Value::Array(reasons))
}

fn reason(code: &str) -> Value {
    match code {
        CONFLICT => json!({ "Code": CONFLICT, "Message": "Transaction is ongoing for the item" }),
        FAILED_CONDITION => json!({ "Code": FAILED_CONDITION, "Message": FAILED_CONDITION_TEXT }),
        _ => json!({ "Code": "None" }),
    }
}

/// The order that an action on one table names.
fn order_of(action: &Value) -> Option<&str> {
    let table = action["TableName"].as_str()?;
    let name = table.rsplit('/').next().unwrap_or(table); // It may be an ARN.
    if name == ORDERS { order_in_action(action) } else { None }
}

fn order_in_action(action: &Value) -> Option<&str> {
    action.get("Key").or_else(|| action.get("Item")).and_then(order_in_key)
}

/// Whether a key of the Orders table is that of an order. The lease of the sweep is no order.
pub(crate) fn is_order_id(key: &str) -> bool {
    !key.contains('#')
}

fn order_in_key(key: &Value) -> Option<&str> {
    key[ORDER_KEY]["S"].as_str().filter(|key| is_order_id(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(body: &Value) -> Vec<&str> {
        Request { operation: "", body, caller: &Caller::Other }.orders()
    }

    #[test]
    fn the_orders_of_a_request_are_read_from_its_keys() {
        fn check(body: &Value, expected: &[&str]) {
            assert_eq!(orders(body), expected, "{body}");
        }
        let key = json!({ "orderId": { "S": "o1" } });
        let other = json!({ "orderId": { "S": "o2" } });
        check(&json!({ "TableName": "Orders", "Key": key }), &["o1"]);
        check(&json!({ "TableName": "Orders", "Item": key }), &["o1"]);
        let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/Orders";
        check(&json!({ "TableName": arn, "Key": key }), &["o1"]);
        check(&json!({ "TableName": "Inventory", "Key": { "sku": { "S": "MUG" } } }), &[]);
        check(&json!({ "TableName": "Orders", "IndexName": "open" }), &[]);
        let stock =
            json!({ "Update": { "TableName": "Inventory", "Key": { "sku": { "S": "MUG" } } } });
        let order = json!({ "Update": { "TableName": "Orders", "Key": key } });
        check(&json!({ "TransactItems": [stock, order] }), &["o1"]);
        check(&json!({ "RequestItems": { "Orders": { "Keys": [key, other] } } }), &["o1", "o2"]);
        let put = json!({ "PutRequest": { "Item": key } });
        let delete = json!({ "DeleteRequest": { "Key": other } });
        check(&json!({ "RequestItems": { "Orders": [put, delete] } }), &["o1", "o2"]);
        check(&json!({ "RequestItems": { "Inventory": { "Keys": [] } } }), &[]);
        check(&json!(null), &[]);
    }

    #[test]
    fn a_condition_check_of_an_order_is_not_a_write() {
        let part = |kind: &str, id: &str| json!({ kind: { "TableName": "Orders", "Key": { "orderId": { "S": id } } } });
        let body = json!({ "TransactItems": [
            part("ConditionCheck", "o1"), part("Update", "o2"), part("Put", "o3"),
        ] });
        let request =
            Request { operation: "TransactWriteItems", body: &body, caller: &Caller::Other };
        assert_eq!(request.written_orders().into_iter().collect::<Vec<_>>(), ["o2", "o3"]);
        let body = json!({ "TableName": "Orders", "Item": { "orderId": { "S": "o1" } } });
        let request = Request { operation: "PutItem", body: &body, caller: &Caller::Other };
        assert_eq!(request.written_orders().into_iter().collect::<Vec<_>>(), ["o1"]);
    }

    #[test]
    fn only_calls_of_the_execution_and_the_put_of_the_order_are_counted() {
        fn check(caller: &Caller, operation: &str, expected: Option<Count<'static>>) {
            let request = Request { operation, body: &Value::Null, caller };
            assert_eq!(request.counts_as(), expected, "{operation} by {caller:?}");
        }
        let of = |name: &str| Caller::Function(name.to_owned());
        check(&of("process-payment"), "GetItem", Some(Count::Read));
        check(&of("process-payment"), "UpdateItem", Some(Count::Write));
        check(&of("check-inventory"), "TransactWriteItems", Some(Count::Transaction));
        check(&of("order-api"), "PutItem", Some(Count::Write));
        check(&of("order-api"), "GetItem", None);
        check(&of("order-api"), "UpdateItem", None);
        check(&of("reconcile-orders"), "UpdateItem", None);
        check(&Caller::StateMachine, "UpdateItem", Some(Count::Write));
        check(&Caller::Other, "GetItem", None);
        check(&of("process-payment"), "DescribeTable", None);
    }
}
