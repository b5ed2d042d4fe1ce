//! The changes that the test makes, and the discrepancies by which each must be reported.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::tampering::Tamperer;

/// Discrepancies: the kind, and the order's id or the SKU.
pub(crate) type Discrepancies = BTreeSet<(String, String)>;

/// The orders that are changed. Each is changed once: reporting a discrepancy writes the
/// order, and a written order is not compared again for a while.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// Fulfilled orders.
    pub(crate) fulfilled: Vec<String>,
    /// Compensated after its label was bought.
    pub(crate) compensated: String,
    /// Compensated with a shipment, but without a label.
    pub(crate) without_label: String,
    /// Failed because the card was declined.
    pub(crate) declined: Vec<String>,
    /// Scheduled for a date that lies far ahead.
    pub(crate) scheduled: String,
}

/// The number of fulfilled orders that the changes need.
pub(crate) const FULFILLED_ORDERS: usize = 12;

/// An order that has no record.
pub(crate) const UNKNOWN_ORDER: &str = "ord_00000000000000000000000000000000";
/// An order whose record cannot be read.
pub(crate) const MALFORMED_ORDER: &str = "ord_11111111111111111111111111111111";

/// A change of one record.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    RefundInFull,
    RefundInPart,
    ChargeTwice,
    ChargeDeclinedOrder,
    ChargeUnknownOrder,
    RefundLabel,
    BuySecondLabel,
    BuyLabelOfFailedOrder,
    BuyLabelOfUnknownOrder,
    SetPaymentToAuthorized,
    SetPaymentToRefunded,
    ReplaceIntentId,
    ReplaceShipmentId,
    RemoveLabel,
    ReleaseReservation,
    SetTotal,
    AddTaskToken,
    SetStatusToFulfilled,
    SetStatusToRejected,
    RemoveFromOpenIndex,
    DecreaseAvailable,
    IncreaseReceived,
    SetAvailableToNegative,
    PutMalformedOrder,
}

impl Change {
    /// All changes. The last one makes the orders unreadable as a whole, after which
    /// stock levels cannot be compared any more.
    pub(crate) const ALL: [Self; 24] = [
        Self::RefundInFull,
        Self::RefundInPart,
        Self::ChargeTwice,
        Self::ChargeDeclinedOrder,
        Self::ChargeUnknownOrder,
        Self::RefundLabel,
        Self::BuySecondLabel,
        Self::BuyLabelOfFailedOrder,
        Self::BuyLabelOfUnknownOrder,
        Self::SetPaymentToAuthorized,
        Self::SetPaymentToRefunded,
        Self::ReplaceIntentId,
        Self::ReplaceShipmentId,
        Self::RemoveLabel,
        Self::ReleaseReservation,
        Self::SetTotal,
        Self::AddTaskToken,
        Self::SetStatusToFulfilled,
        Self::SetStatusToRejected,
        Self::RemoveFromOpenIndex,
        Self::DecreaseAvailable,
        Self::IncreaseReceived,
        Self::SetAvailableToNegative,
        Self::PutMalformedOrder,
    ];

    /// Makes the change, and returns the discrepancies that must be reported.
    pub(crate) async fn make(self, tamperer: &Tamperer<'_>, orders: &Orders) -> Discrepancies {
        match self {
            Self::RefundInFull
            | Self::RefundInPart
            | Self::ChargeTwice
            | Self::ChargeDeclinedOrder
            | Self::ChargeUnknownOrder => self.change_payment(tamperer, orders).await,
            Self::RefundLabel
            | Self::BuySecondLabel
            | Self::BuyLabelOfFailedOrder
            | Self::BuyLabelOfUnknownOrder => self.change_label(tamperer, orders).await,
            Self::DecreaseAvailable | Self::IncreaseReceived | Self::SetAvailableToNegative => {
                self.change_stock(tamperer).await
            }
            Self::ReleaseReservation => {
                let (id, update) = (&orders.fulfilled[9], "SET #reservation.#releasedAt = :v");
                let values = json!({":v": {"S": "2026-01-01T00:00:00.000Z"}});
                tamperer.update_order(id, update, values).await;
                let of_stock = discrepancies("PEN-01", &["SHELF_DIFFERS"]);
                discrepancies(id, &["STOCK_NOT_HELD"]).union(&of_stock).cloned().collect()
            }
            Self::PutMalformedOrder => {
                let item = json!({"orderId": {"S": MALFORMED_ORDER}, "status": {"S": "FINE"}});
                let body = json!({"TableName": "Orders", "Item": item});
                tamperer.dynamodb("PutItem", &body).await;
                discrepancies(MALFORMED_ORDER, &["ORDER_UNREADABLE"])
            }
            _ => self.change_record(tamperer, orders).await,
        }
    }

    /// Changes money at the payment provider.
    async fn change_payment(self, tamperer: &Tamperer<'_>, orders: &Orders) -> Discrepancies {
        match self {
            Self::RefundInFull => {
                let id = &orders.fulfilled[0];
                let intent = intent_id(tamperer, id).await;
                tamperer.stripe("refunds", &[("payment_intent", &intent)]).await;
                discrepancies(id, &["REFUNDED_THOUGH_FULFILLED"])
            }
            Self::RefundInPart => {
                let id = &orders.fulfilled[1];
                let intent = intent_id(tamperer, id).await;
                let form = [("payment_intent", intent.as_str()), ("amount", "1")];
                tamperer.stripe("refunds", &form).await;
                discrepancies(id, &["REFUNDED_THOUGH_FULFILLED"])
            }
            Self::ChargeTwice => charge(tamperer, &orders.fulfilled[2], "STRAY_INTENT").await,
            Self::ChargeDeclinedOrder => {
                charge(tamperer, &orders.declined[0], "STRAY_INTENT").await
            }
            _ => charge(tamperer, UNKNOWN_ORDER, "INTENT_OF_UNKNOWN_ORDER").await,
        }
    }

    /// Changes labels at the shipping provider.
    async fn change_label(self, tamperer: &Tamperer<'_>, orders: &Orders) -> Discrepancies {
        match self {
            Self::RefundLabel => {
                let id = &orders.fulfilled[3];
                let shipment = shipment_id(tamperer, id).await;
                tamperer.easypost(&format!("shipments/{shipment}/refund"), &json!({})).await;
                discrepancies(id, &["LABEL_GIVEN_BACK"])
            }
            Self::BuySecondLabel => buy_label(tamperer, &orders.fulfilled[4], "STRAY_LABEL").await,
            Self::BuyLabelOfFailedOrder => {
                let id = &orders.without_label;
                let item = tamperer.order(id).await;
                let shipment = &item["shipment"]["M"];
                let rate = json!({"rate": {"id": shipment["rateId"]["S"]}});
                let shipment_id = shipment["shipmentId"]["S"].as_str().unwrap();
                tamperer.easypost(&format!("shipments/{shipment_id}/buy"), &rate).await;
                discrepancies(id, &["LABEL_KEPT"])
            }
            _ => buy_label(tamperer, UNKNOWN_ORDER, "LABEL_OF_UNKNOWN_ORDER").await,
        }
    }

    /// Changes stock levels in the Inventory table.
    async fn change_stock(self, tamperer: &Tamperer<'_>) -> Discrepancies {
        let number = |number: &str| json!({":n": {"N": number}});
        let (sku, update, values, kind) = match self {
            Self::DecreaseAvailable => {
                ("MUG-01", "SET #available = #available - :n", number("1"), "SHELF_DIFFERS")
            }
            Self::IncreaseReceived => {
                ("LAMP-01", "SET #received = #received + :n", number("1"), "SHELF_DIFFERS")
            }
            _ => ("TEE-01", "SET #available = :n", number("-1"), "SHELF_NEGATIVE"),
        };
        tamperer.update_stock(sku, update, values).await;
        discrepancies(sku, &[kind])
    }

    /// Changes an order's record in the Orders table.
    async fn change_record(self, tamperer: &Tamperer<'_>, orders: &Orders) -> Discrepancies {
        let (id, update, values, kinds) = self.record_change(orders);
        tamperer.update_order(id, update, values).await;
        discrepancies(id, kinds)
    }

    /// The order, the update expression with its values, and the expected discrepancies.
    fn record_change(
        self,
        orders: &Orders,
    ) -> (&str, &'static str, Value, &'static [&'static str]) {
        let text = |text: &str| json!({":v": {"S": text}});
        let payment_status = "SET #payment.#status = :v";
        match self {
            Self::SetPaymentToAuthorized => {
                let kinds = &["PAYMENT_RECORD_DIFFERS"];
                (&orders.fulfilled[5], payment_status, text("AUTHORIZED"), kinds)
            }
            Self::SetPaymentToRefunded => {
                let kinds = &["PAYMENT_RECORD_DIFFERS"];
                (&orders.declined[1], payment_status, text("REFUNDED"), kinds)
            }
            Self::ReplaceIntentId => {
                let (update, kinds) =
                    ("SET #payment.#intentId = :v", &["INTENT_MISSING", "STRAY_INTENT"]);
                (&orders.fulfilled[6], update, text("pi_unknown"), kinds)
            }
            Self::ReplaceShipmentId => {
                let (update, kinds) =
                    ("SET #shipment.#shipmentId = :v", &["LABEL_MISSING", "STRAY_LABEL"]);
                (&orders.fulfilled[7], update, text("shp_unknown"), kinds)
            }
            Self::RemoveLabel => {
                let kinds = &["LABEL_MISSING", "LABEL_RECORD_DIFFERS"];
                (&orders.fulfilled[8], "REMOVE #shipment.#label", json!({}), kinds)
            }
            Self::SetTotal => {
                let kinds = &["TOTAL_DIFFERS", "CAPTURED_AMOUNT_DIFFERS"];
                let amount = json!({":v": {"N": "699"}});
                (&orders.fulfilled[10], "SET #total.#amount = :v", amount, kinds)
            }
            Self::AddTaskToken => {
                (&orders.fulfilled[11], "SET #taskToken = :v", text("token"), &["WAIT_LEFT"])
            }
            Self::SetStatusToRejected => {
                let kinds = &["OUTCOME_DIFFERS"];
                (&orders.compensated, "SET #status = :v", text("REJECTED"), kinds)
            }
            Self::RemoveFromOpenIndex => {
                (&orders.scheduled, "REMOVE #open, #checkAt", json!({}), &["UNWATCHED"])
            }
            Self::SetStatusToFulfilled => {
                let kinds = &[
                    "LABEL_MISSING",
                    "NOT_CAPTURED",
                    "OUTCOME_DIFFERS",
                    "PAYMENT_RECORD_DIFFERS",
                    "STOCK_NOT_HELD",
                ];
                (&orders.declined[2], "SET #status = :v", text("FULFILLED"), kinds)
            }
            other => panic!("{other:?} does not change an order's record"),
        }
    }
}

/// Reads the discrepancies of a report.
pub(crate) fn reported(report: &Value) -> Discrepancies {
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let subject = |entry: &Value| {
        let name = if entry["sku"].is_null() { "orderId" } else { "sku" };
        text(entry, name)
    };
    let entries = report["differences"].as_array().unwrap().iter();
    entries.map(|entry| (text(entry, "kind"), subject(entry))).collect()
}

fn discrepancies(subject: &str, kinds: &[&str]) -> Discrepancies {
    kinds.iter().map(|kind| ((*kind).to_owned(), subject.to_owned())).collect()
}

async fn intent_id(tamperer: &Tamperer<'_>, id: &str) -> String {
    tamperer.order(id).await["payment"]["M"]["intentId"]["S"].as_str().unwrap().to_owned()
}

async fn shipment_id(tamperer: &Tamperer<'_>, id: &str) -> String {
    tamperer.order(id).await["shipment"]["M"]["shipmentId"]["S"].as_str().unwrap().to_owned()
}

/// Makes changes that cost nothing or do not concern the shop's orders: an unconfirmed
/// PaymentIntent, a charge and a label of no order, a shipment without a label.
pub(crate) async fn make_harmless_changes(tamperer: &Tamperer<'_>, orders: &Orders) {
    let order = ("metadata[order_id]", orders.fulfilled[0].as_str());
    tamperer.stripe("payment_intents", &[&CARD[..], &[order]].concat()).await;
    tamperer.stripe("payment_intents", &[&CARD[..], &[("confirm", "true")]].concat()).await;
    create_shipment(tamperer, &orders.fulfilled[0]).await;
    buy_label(tamperer, "the shop's own letters", "").await;
}

const CARD: [(&str, &str); 5] = [
    ("amount", "700"),
    ("currency", "usd"),
    ("payment_method", "pm_card_visa"),
    ("automatic_payment_methods[enabled]", "true"),
    ("automatic_payment_methods[allow_redirects]", "never"),
];

/// Charges a card for an order.
async fn charge(tamperer: &Tamperer<'_>, id: &str, kind: &str) -> Discrepancies {
    let confirmation = [("confirm", "true"), ("metadata[order_id]", id)];
    tamperer.stripe("payment_intents", &[&CARD[..], &confirmation].concat()).await;
    discrepancies(id, &[kind])
}

/// Buys a label for an order.
async fn buy_label(tamperer: &Tamperer<'_>, id: &str, kind: &str) -> Discrepancies {
    let shipment = create_shipment(tamperer, id).await;
    let rate = json!({"rate": {"id": shipment["rates"][0]["id"]}});
    let shipment_id = shipment["id"].as_str().unwrap();
    tamperer.easypost(&format!("shipments/{shipment_id}/buy"), &rate).await;
    discrepancies(id, &[kind])
}

/// Creates a shipment for an order.
async fn create_shipment(tamperer: &Tamperer<'_>, id: &str) -> Value {
    let address = json!({
        "name": "Ada Lovelace", "street1": "388 Townsend St", "city": "San Francisco",
        "state": "CA", "zip": "94107", "country": "US", "phone": "+14155550123",
    });
    let shipment = json!({"shipment": {
        "reference": id, "to_address": address, "from_address": address,
        "parcel": {"weight": 10.0},
    }});
    tamperer.easypost("shipments", &shipment).await
}
