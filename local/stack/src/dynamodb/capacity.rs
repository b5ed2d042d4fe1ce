//! The request units of the calls for an order.
//!
//! The emulator computes them as AWS does, from the sizes of the items and of their index
//! entries (docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html: an index
//! entry that moves costs two writes). Each call therefore requests
//! `ReturnConsumedCapacity`. AWS also bills a write whose condition fails, by the size of
//! the existing item.

use serde_json::{Value, json};

use super::Caller;
use super::request::Request;
use crate::aws::error::AwsError;
use crate::counters::{BilledTo, Counters, RECONCILER, Units};

/// Measures the request units of one call.
#[derive(Debug)]
pub(super) struct CapacityMeter {
    order: String,
    billed_to: BilledTo,
    is_write: bool,
    /// The units of a failed condition: one for each item, two in a transaction.
    failed_condition_units: u64,
}

const RETURN_CONSUMED_CAPACITY: &str = "ReturnConsumedCapacity";
const CONSUMED_CAPACITY: &str = "ConsumedCapacity";

impl CapacityMeter {
    /// Requests the consumed capacity of a call that is billed to an order: a call by a
    /// function or the state machine that names one order. Reads of the order API and
    /// batch reads are not billed to an order.
    pub(super) fn attach(request: &Request<'_>, body: &mut Value) -> Option<Self> {
        let order = request.order()?.to_owned();
        let is_write = request.is_write();
        if request.operation.starts_with("Batch") {
            return None;
        }
        let billed_to = match request.caller {
            Caller::Other => return None,
            Caller::Function(name) if name == "order-api" && !is_write => return None,
            Caller::Function(name) if name == RECONCILER => BilledTo::Reconciler,
            Caller::Function(_) | Caller::StateMachine => BilledTo::Order,
        };
        let fields = body.as_object_mut()?;
        if fields.contains_key(RETURN_CONSUMED_CAPACITY) {
            return None;
        }
        fields.insert(RETURN_CONSUMED_CAPACITY.to_owned(), json!("INDEXES"));
        let parts = fields.get("TransactItems").and_then(Value::as_array);
        let items = parts.map_or(1, |parts| 2 * parts.len());
        let failed_condition_units = u64::try_from(items).unwrap_or(u64::MAX);
        Some(Self { order, billed_to, is_write, failed_condition_units })
    }

    /// Records the units, and removes them from the response.
    pub(super) fn record(
        self,
        answer: Result<Value, AwsError>,
        counters: &Counters,
    ) -> Result<Value, AwsError> {
        let (answer, units) = match answer {
            Ok(mut answer) => {
                let reported = answer
                    .as_object_mut()
                    .and_then(|fields| fields.shift_remove(CONSUMED_CAPACITY));
                (Ok(answer), consumed_units(&reported.unwrap_or_default(), self.is_write))
            }
            Err(error) if is_failed_condition(&error) => {
                (Err(error), Units { writes: self.failed_condition_units, ..Units::default() })
            }
            Err(error) => (Err(error), Units::default()),
        };
        counters.add_units(&self.order, self.billed_to, units);
        answer
    }
}

fn is_failed_condition(error: &AwsError) -> bool {
    ["ConditionalCheckFailedException", "TransactionCanceledException"]
        .contains(&error.code.as_str())
}

/// The units in a response, which reports one table or a list of tables.
fn consumed_units(reported: &Value, is_write: bool) -> Units {
    let tables = match reported {
        Value::Array(tables) => tables.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut units = Units::default();
    for table in tables {
        let indexes = table["GlobalSecondaryIndexes"].as_object();
        let of_table = whole_units(&table["Table"]);
        units.add(if is_write {
            let index_writes =
                indexes.into_iter().flat_map(|all| all.values()).map(whole_units).sum();
            Units { writes: of_table, index_writes, ..Units::default() }
        } else {
            Units { reads: of_table, ..Units::default() }
        });
    }
    units
}

/// Strong reads, writes and transactions cost whole units.
fn whole_units(reported: &Value) -> u64 {
    let text = reported["CapacityUnits"].to_string();
    text.split('.').next().and_then(|whole_units| whole_units.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(operation: &'a str, body: &'a Value, caller: &'a Caller) -> Request<'a> {
        Request { operation, body, caller }
    }

    #[test]
    fn only_calls_of_functions_and_the_state_machine_for_one_order_are_billed() {
        let key = json!({ "orderId": { "S": "o1" } });
        let one = json!({ "TableName": "Orders", "Key": key });
        let many = json!({ "RequestItems": { "Orders": { "Keys": [key] } } });
        let stock = json!({ "TableName": "Inventory", "Key": { "sku": { "S": "MUG" } } });
        let check = |operation: &str, body: &Value, caller: &Caller, expected: Option<BilledTo>| {
            let meter = CapacityMeter::attach(&request(operation, body, caller), &mut body.clone());
            assert_eq!(meter.map(|meter| meter.billed_to), expected, "{operation} by {caller:?}");
        };
        let of = |name: &str| Caller::Function(name.to_owned());
        check("GetItem", &one, &of("process-payment"), Some(BilledTo::Order));
        check("UpdateItem", &one, &Caller::StateMachine, Some(BilledTo::Order));
        check("UpdateItem", &one, &of("order-api"), Some(BilledTo::Order));
        check("GetItem", &one, &of("order-api"), None);
        check("GetItem", &one, &of("reconcile-orders"), Some(BilledTo::Reconciler));
        check("UpdateItem", &one, &Caller::Other, None);
        check("BatchGetItem", &many, &of("reconcile-orders"), None);
        check("UpdateItem", &stock, &of("order-api"), None);
    }

    #[test]
    fn the_capacity_is_requested_and_removed_from_the_response() {
        let body = json!({ "TableName": "Orders", "Key": { "orderId": { "S": "o1" } } });
        let caller = Caller::StateMachine;
        let mut sent = body.clone();
        let meter =
            CapacityMeter::attach(&request("UpdateItem", &body, &caller), &mut sent).unwrap();
        assert_eq!(sent[RETURN_CONSUMED_CAPACITY], "INDEXES");
        let index =
            json!({ "open": { "CapacityUnits": 2.0 }, "customerId": { "CapacityUnits": 1.0 } });
        let reported =
            json!({ "Table": { "CapacityUnits": 3.0 }, "GlobalSecondaryIndexes": index });
        let counters = Counters::new();
        let answer =
            meter.record(Ok(json!({ "Attributes": {}, CONSUMED_CAPACITY: reported })), &counters);
        assert_eq!(answer.unwrap(), json!({ "Attributes": {} }));
        let expected = Units { reads: 0, writes: 3, index_writes: 3 };
        assert_eq!(counters.for_order("o1").units, expected);
    }

    #[test]
    fn a_failed_condition_is_billed_and_other_errors_are_not() {
        let key = json!({ "orderId": { "S": "o1" } });
        let caller = Caller::StateMachine;
        let check = |operation: &str, body: &Value, code: &str, expected: u64| {
            let counters = Counters::new();
            let meter =
                CapacityMeter::attach(&request(operation, body, &caller), &mut body.clone())
                    .unwrap();
            assert!(meter.record(Err(AwsError::client(code, "no")), &counters).is_err());
            assert_eq!(counters.for_order("o1").units.writes, expected, "{code}");
        };
        let one = json!({ "TableName": "Orders", "Key": key });
        check("UpdateItem", &one, "ConditionalCheckFailedException", 1);
        check("UpdateItem", &one, "ValidationException", 0);
        let order = json!({ "Update": { "TableName": "Orders", "Key": key } });
        let stock =
            json!({ "Update": { "TableName": "Inventory", "Key": { "sku": { "S": "MUG" } } } });
        let both = json!({ "TransactItems": [order, stock] });
        check("TransactWriteItems", &both, "TransactionCanceledException", 4);
    }
}
