//! Customers: who saved a card, and which customer of the shop that is (`metadata`).
//!
//! Source: docs.stripe.com/api/customers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::StripeEmulator;
use super::error::ApiError;
use super::params::Params;
use super::payment_intents::CallContext;

const PARAMS: &[&str] = &["description", "email", "metadata", "name"];

/// The test customers, who exist from the start: the id, and `metadata.customer_id`. Each has
/// every test card.
const TEST_CUSTOMERS: [(&str, &str); 4] = [
    ("cus_ada", "customer-1"),
    ("cus_bob", "customer-2"),
    ("cus_canarysong", "customer-1"),
    ("cus_1", "tester"),
];

/// A customer.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    created: Timestamp,
    metadata: Vec<(String, String)>,
}

/// The customers by id.
pub(crate) type Customers = BTreeMap<String, Customer>;

impl StripeEmulator {
    pub(super) fn create_customer(
        &mut self,
        params: &Params,
        context: CallContext<'_>,
    ) -> Result<Value, ApiError> {
        params.reject_unknown(PARAMS)?;
        let customer = Customer { created: context.at, metadata: params.map("metadata") };
        let id = self.ids.stripe("cus");
        let body = render(&id, &customer);
        self.customers.insert(id, customer);
        Ok(body)
    }

    pub(super) fn get_customer(&self, id: &str) -> Result<Value, ApiError> {
        let customer =
            self.customer(id).ok_or_else(|| ApiError::missing(404, "id", "customer", id))?;
        Ok(render(id, &customer))
    }

    /// Refuses a customer who does not exist, as a parameter.
    pub(super) fn require_customer(&self, id: &str) -> Result<(), ApiError> {
        let missing = || ApiError::missing(400, "customer", "customer", id);
        self.customer(id).map(|_| ()).ok_or_else(missing)
    }

    fn customer(&self, id: &str) -> Option<Customer> {
        let test = TEST_CUSTOMERS.iter().find(|(test, _)| *test == id);
        let of_test = test.map(|(_, customer_id)| Customer {
            created: Timestamp::UNIX_EPOCH,
            metadata: vec![("customer_id".to_owned(), (*customer_id).to_owned())],
        });
        of_test.or_else(|| self.customers.get(id).cloned())
    }
}

fn render(id: &str, customer: &Customer) -> Value {
    let metadata: BTreeMap<_, _> = customer.metadata.iter().cloned().collect();
    json!({
        "id": id,
        "object": "customer",
        "created": customer.created.as_second(),
        "livemode": false,
        "metadata": metadata,
    })
}
