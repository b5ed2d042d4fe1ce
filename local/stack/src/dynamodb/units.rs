//! What the calls about an order come to in DynamoDB's request units.
//!
//! The emulator reckons them as AWS does, from the sizes of the items and of what
//! the indexes hold of them (docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html:
//! an entry of an index that moves is two writes), so each call is made to tell.
//! A write whose condition fails is billed too, by the size of what is there.

use serde_json::{Value, json};

use super::Caller;
use super::request::Request;
use crate::aws::AwsError;
use crate::counters::{Counters, Payer, RECONCILER, Units};

/// What is to be asked and told about one call.
#[derive(Debug)]
pub(super) struct Bill {
    order: String,
    payer: Payer,
    is_write: bool,
    /// What a failed condition comes to: one unit for each item, twice that in a transaction.
    refused: u64,
}

const ASK: &str = "ReturnConsumedCapacity";
const TOLD: &str = "ConsumedCapacity";

impl Bill {
    /// Has a call tell what it consumes, if it is billed to an order: whatever a
    /// function or the state machine does about one, but not what somebody who
    /// looks at it reads, nor what is read of many at once.
    pub(super) fn open(request: &Request<'_>, body: &mut Value) -> Option<Self> {
        let order = request.order()?.to_owned();
        let is_write = request.is_write();
        if request.operation.starts_with("Batch") {
            return None;
        }
        let payer = match request.caller {
            Caller::Other => return None,
            Caller::Function(name) if name == "order-api" && !is_write => return None,
            Caller::Function(name) if name == RECONCILER => Payer::Reconciler,
            Caller::Function(_) | Caller::StateMachine => Payer::Order,
        };
        let fields = body.as_object_mut()?;
        if fields.contains_key(ASK) {
            return None;
        }
        fields.insert(ASK.to_owned(), json!("INDEXES"));
        let parts = fields.get("TransactItems").and_then(Value::as_array);
        let items = parts.map_or(1, |parts| 2 * parts.len());
        let refused = u64::try_from(items).unwrap_or(u64::MAX);
        Some(Self { order, payer, is_write, refused })
    }

    /// Adds what the call came to, and gives the answer as it was asked for.
    pub(super) fn settle(
        self,
        answer: Result<Value, AwsError>,
        counters: &Counters,
    ) -> Result<Value, AwsError> {
        let (answer, units) = match answer {
            Ok(mut answer) => {
                let told = answer.as_object_mut().and_then(|fields| fields.shift_remove(TOLD));
                (Ok(answer), consumed(&told.unwrap_or_default(), self.is_write))
            }
            Err(error) if is_refused(&error) => {
                (Err(error), Units { writes: self.refused, ..Units::default() })
            }
            Err(error) => (Err(error), Units::default()),
        };
        counters.spend(&self.order, self.payer, units);
        answer
    }
}

fn is_refused(error: &AwsError) -> bool {
    ["ConditionalCheckFailedException", "TransactionCanceledException"]
        .contains(&error.code.as_str())
}

/// The units of an answer: of one table, or of a list of tables.
fn consumed(told: &Value, is_write: bool) -> Units {
    let tables = match told {
        Value::Array(tables) => tables.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut units = Units::default();
    for table in tables {
        let indexes = table["GlobalSecondaryIndexes"].as_object();
        let of_table = whole(&table["Table"]);
        units.add(if is_write {
            let index_writes = indexes.into_iter().flat_map(|all| all.values()).map(whole).sum();
            Units { writes: of_table, index_writes, ..Units::default() }
        } else {
            Units { reads: of_table, ..Units::default() }
        });
    }
    units
}

/// Units are whole for what is billed here: strong reads, writes, transactions.
fn whole(told: &Value) -> u64 {
    let text = told["CapacityUnits"].to_string();
    text.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(operation: &'a str, body: &'a Value, caller: &'a Caller) -> Request<'a> {
        Request { operation, body, caller }
    }

    #[test]
    fn only_what_functions_and_the_state_machine_do_about_one_order_is_billed() {
        let key = json!({ "orderId": { "S": "o1" } });
        let one = json!({ "TableName": "Orders", "Key": key });
        let many = json!({ "RequestItems": { "Orders": { "Keys": [key] } } });
        let shelf = json!({ "TableName": "Inventory", "Key": { "sku": { "S": "MUG" } } });
        let check = |operation: &str, body: &Value, caller: &Caller, expected: Option<Payer>| {
            let bill = Bill::open(&request(operation, body, caller), &mut body.clone());
            assert_eq!(bill.map(|bill| bill.payer), expected, "{operation} by {caller:?}");
        };
        let of = |name: &str| Caller::Function(name.to_owned());
        check("GetItem", &one, &of("process-payment"), Some(Payer::Order));
        check("UpdateItem", &one, &Caller::StateMachine, Some(Payer::Order));
        check("UpdateItem", &one, &of("order-api"), Some(Payer::Order));
        check("GetItem", &one, &of("order-api"), None);
        check("GetItem", &one, &of("reconcile-orders"), Some(Payer::Reconciler));
        check("UpdateItem", &one, &Caller::Other, None);
        check("BatchGetItem", &many, &of("reconcile-orders"), None);
        check("UpdateItem", &shelf, &of("order-api"), None);
    }

    #[test]
    fn a_call_is_made_to_tell_and_the_answer_is_as_it_was_asked_for() {
        let body = json!({ "TableName": "Orders", "Key": { "orderId": { "S": "o1" } } });
        let caller = Caller::StateMachine;
        let mut sent = body.clone();
        let bill = Bill::open(&request("UpdateItem", &body, &caller), &mut sent).unwrap();
        assert_eq!(sent[ASK], "INDEXES");
        let index =
            json!({ "open": { "CapacityUnits": 2.0 }, "customerId": { "CapacityUnits": 1.0 } });
        let told = json!({ "Table": { "CapacityUnits": 3.0 }, "GlobalSecondaryIndexes": index });
        let counters = Counters::new();
        let answer = bill.settle(Ok(json!({ "Attributes": {}, TOLD: told })), &counters);
        assert_eq!(answer.unwrap(), json!({ "Attributes": {} }));
        let expected = Units { reads: 0, writes: 3, index_writes: 3 };
        assert_eq!(counters.of("o1").units, expected);
    }

    #[test]
    fn a_condition_that_fails_is_billed_and_any_other_error_is_not() {
        let key = json!({ "orderId": { "S": "o1" } });
        let caller = Caller::StateMachine;
        let check = |operation: &str, body: &Value, code: &str, expected: u64| {
            let counters = Counters::new();
            let bill = Bill::open(&request(operation, body, &caller), &mut body.clone()).unwrap();
            assert!(bill.settle(Err(AwsError::client(code, "no")), &counters).is_err());
            assert_eq!(counters.of("o1").units.writes, expected, "{code}");
        };
        let one = json!({ "TableName": "Orders", "Key": key });
        check("UpdateItem", &one, "ConditionalCheckFailedException", 1);
        check("UpdateItem", &one, "ValidationException", 0);
        let order = json!({ "Update": { "TableName": "Orders", "Key": key } });
        let shelf =
            json!({ "Update": { "TableName": "Inventory", "Key": { "sku": { "S": "MUG" } } } });
        let both = json!({ "TransactItems": [order, shelf] });
        check("TransactWriteItems", &both, "TransactionCanceledException", 4);
    }
}
