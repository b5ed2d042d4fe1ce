//! What a hand does to the books, one thing after the other, and by what each must
//! be found.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::hand::Hand;

/// Differences: the kind, and the order or the shelf.
pub(crate) type Found = BTreeSet<(String, String)>;

/// The orders that are meddled with, each by one plant: an order about which
/// something was found is then changed by that, and left alone for a while.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// Fulfilled ones, one for each plant that needs one.
    pub(crate) fulfilled: Vec<String>,
    /// Given up after its label was bought.
    pub(crate) undone: String,
    /// Given up with a shipment that was not bought.
    pub(crate) unsold: String,
    /// Given up because the card was refused.
    pub(crate) declined: Vec<String>,
    /// For a date that is far away.
    pub(crate) scheduled: String,
}

/// How many fulfilled orders the plants need.
pub(crate) const FULFILLED: usize = 12;

/// An order of which there is no record.
pub(crate) const UNKNOWN: &str = "ord_00000000000000000000000000000000";
/// One whose record is none.
pub(crate) const SPOILT: &str = "ord_11111111111111111111111111111111";

/// What a hand does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plant {
    Refund,
    RefundAPart,
    ChargeAgain,
    ChargeTheRefused,
    ChargeForNobody,
    GiveTheLabelBack,
    BuyAnotherLabel,
    BuyTheLabelAfterAll,
    BuyALabelForNobody,
    ForgetTheCapture,
    ForgetTheVoid,
    NameAnotherIntent,
    NameAnotherShipment,
    LoseTheLabel,
    GiveTheGoodsBack,
    ChangeTheTotal,
    LeaveAWait,
    CallItFulfilled,
    CallItRejected,
    HideItFromTheReconciler,
    TakeFromAShelf,
    ReceiveMore,
    EmptyAShelfTwice,
    Scribble,
}

/// All of them. The last spoils the orders, and with one that cannot be read the
/// shelves cannot be compared any more.
pub(crate) fn plants() -> Vec<Plant> {
    use Plant::{
        BuyALabelForNobody, BuyAnotherLabel, BuyTheLabelAfterAll, CallItFulfilled, CallItRejected,
        ChangeTheTotal, ChargeAgain, ChargeForNobody, ChargeTheRefused, EmptyAShelfTwice,
        ForgetTheCapture, ForgetTheVoid, GiveTheGoodsBack, GiveTheLabelBack,
        HideItFromTheReconciler, LeaveAWait, LoseTheLabel, NameAnotherIntent, NameAnotherShipment,
        ReceiveMore, Refund, RefundAPart, Scribble, TakeFromAShelf,
    };
    vec![
        Refund,
        RefundAPart,
        ChargeAgain,
        ChargeTheRefused,
        ChargeForNobody,
        GiveTheLabelBack,
        BuyAnotherLabel,
        BuyTheLabelAfterAll,
        BuyALabelForNobody,
        ForgetTheCapture,
        ForgetTheVoid,
        NameAnotherIntent,
        NameAnotherShipment,
        LoseTheLabel,
        GiveTheGoodsBack,
        ChangeTheTotal,
        LeaveAWait,
        CallItFulfilled,
        CallItRejected,
        HideItFromTheReconciler,
        TakeFromAShelf,
        ReceiveMore,
        EmptyAShelfTwice,
        Scribble,
    ]
}

/// What a report says.
pub(crate) fn found(report: &Value) -> Found {
    let text = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
    let differences = report["differences"].as_array().unwrap().iter();
    let name = |it: &Value| text(it, if it["sku"].is_null() { "orderId" } else { "sku" });
    differences.map(|it| (text(it, "kind"), name(it))).collect()
}

fn of(name: &str, kinds: &[&str]) -> Found {
    kinds.iter().map(|kind| ((*kind).to_owned(), name.to_owned())).collect()
}

impl Plant {
    /// Does it, and says by what it must be found.
    pub(crate) async fn plant(self, hand: &Hand<'_>, orders: &Orders) -> Found {
        match self {
            Self::Refund
            | Self::RefundAPart
            | Self::ChargeAgain
            | Self::ChargeTheRefused
            | Self::ChargeForNobody => self.at_the_gateway(hand, orders).await,
            Self::GiveTheLabelBack
            | Self::BuyAnotherLabel
            | Self::BuyTheLabelAfterAll
            | Self::BuyALabelForNobody => self.at_the_carrier(hand, orders).await,
            Self::TakeFromAShelf | Self::ReceiveMore | Self::EmptyAShelfTwice => {
                self.on_the_shelves(hand).await
            }
            Self::GiveTheGoodsBack => {
                let (id, update) = (&orders.fulfilled[9], "SET #reservation.#releasedAt = :v");
                hand.order(id, update, json!({":v": {"S": "2026-01-01T00:00:00.000Z"}})).await;
                let on_the_shelf = of("PEN-01", &["SHELF_DIFFERS"]);
                of(id, &["STOCK_NOT_HELD"]).union(&on_the_shelf).cloned().collect()
            }
            Self::Scribble => {
                let item = json!({"orderId": {"S": SPOILT}, "status": {"S": "FINE"}});
                let body = json!({"TableName": "Orders", "Item": item});
                hand.dynamodb("PutItem", &body).await;
                of(SPOILT, &["ORDER_UNREADABLE"])
            }
            _ => self.on_record(hand, orders).await,
        }
    }

    async fn at_the_gateway(self, hand: &Hand<'_>, orders: &Orders) -> Found {
        match self {
            Self::Refund => {
                let id = &orders.fulfilled[0];
                hand.gateway("refunds", &[("payment_intent", &intent(hand, id).await)]).await;
                of(id, &["REFUNDED_THOUGH_FULFILLED"])
            }
            Self::RefundAPart => {
                let id = &orders.fulfilled[1];
                let intent = intent(hand, id).await;
                hand.gateway("refunds", &[("payment_intent", &intent), ("amount", "1")]).await;
                of(id, &["REFUNDED_THOUGH_FULFILLED"])
            }
            Self::ChargeAgain => charge(hand, &orders.fulfilled[2], "STRAY_INTENT").await,
            Self::ChargeTheRefused => charge(hand, &orders.declined[0], "STRAY_INTENT").await,
            _ => charge(hand, UNKNOWN, "INTENT_OF_UNKNOWN_ORDER").await,
        }
    }

    async fn at_the_carrier(self, hand: &Hand<'_>, orders: &Orders) -> Found {
        match self {
            Self::GiveTheLabelBack => {
                let id = &orders.fulfilled[3];
                let shipment = shipment(hand, id).await;
                hand.carrier(&format!("shipments/{shipment}/refund"), &json!({})).await;
                of(id, &["LABEL_GIVEN_BACK"])
            }
            Self::BuyAnotherLabel => buy(hand, &orders.fulfilled[4], "STRAY_LABEL").await,
            Self::BuyTheLabelAfterAll => {
                let row = hand.row(&orders.unsold).await;
                let stored = &row["shipment"]["M"];
                let rate = json!({"rate": {"id": stored["rateId"]["S"]}});
                let path = format!("shipments/{}/buy", stored["shipmentId"]["S"].as_str().unwrap());
                hand.carrier(&path, &rate).await;
                of(&orders.unsold, &["LABEL_KEPT"])
            }
            _ => buy(hand, UNKNOWN, "LABEL_OF_UNKNOWN_ORDER").await,
        }
    }

    async fn on_the_shelves(self, hand: &Hand<'_>) -> Found {
        let one = json!({":n": {"N": "1"}});
        match self {
            Self::TakeFromAShelf => {
                hand.shelf("MUG-01", "SET #available = #available - :n", one).await;
                of("MUG-01", &["SHELF_DIFFERS"])
            }
            Self::ReceiveMore => {
                hand.shelf("LAMP-01", "SET #received = #received + :n", one).await;
                of("LAMP-01", &["SHELF_DIFFERS"])
            }
            _ => {
                hand.shelf("TEE-01", "SET #available = :n", json!({":n": {"N": "-1"}})).await;
                of("TEE-01", &["SHELF_NEGATIVE"])
            }
        }
    }

    async fn on_record(self, hand: &Hand<'_>, orders: &Orders) -> Found {
        let text = |text: &str| json!({":v": {"S": text}});
        let (id, update, values, kinds): (&str, _, _, &[&str]) = match self {
            Self::ForgetTheCapture => (
                &orders.fulfilled[5],
                "SET #payment.#status = :v",
                text("AUTHORIZED"),
                &["PAYMENT_RECORD_DIFFERS"],
            ),
            Self::ForgetTheVoid => (
                &orders.declined[1],
                "SET #payment.#status = :v",
                text("REFUNDED"),
                &["PAYMENT_RECORD_DIFFERS"],
            ),
            Self::NameAnotherIntent => (
                &orders.fulfilled[6],
                "SET #payment.#intentId = :v",
                text("pi_nobody"),
                &["INTENT_MISSING", "STRAY_INTENT"],
            ),
            Self::NameAnotherShipment => (
                &orders.fulfilled[7],
                "SET #shipment.#shipmentId = :v",
                text("shp_nobody"),
                &["LABEL_MISSING", "STRAY_LABEL"],
            ),
            Self::LoseTheLabel => (
                &orders.fulfilled[8],
                "REMOVE #shipment.#label",
                json!({}),
                &["LABEL_MISSING", "LABEL_RECORD_DIFFERS"],
            ),
            Self::ChangeTheTotal => (
                &orders.fulfilled[10],
                "SET #total.#amount = :v",
                json!({":v": {"N": "699"}}),
                &["TOTAL_DIFFERS", "CAPTURED_AMOUNT_DIFFERS"],
            ),
            Self::LeaveAWait => {
                (&orders.fulfilled[11], "SET #taskToken = :v", text("token"), &["WAIT_LEFT"])
            }
            Self::CallItRejected => {
                (&orders.undone, "SET #status = :v", text("REJECTED"), &["OUTCOME_DIFFERS"])
            }
            Self::HideItFromTheReconciler => {
                (&orders.scheduled, "REMOVE #open, #checkAt", json!({}), &["UNWATCHED"])
            }
            _ => (
                &orders.declined[2],
                "SET #status = :v",
                text("FULFILLED"),
                &[
                    "LABEL_MISSING",
                    "NOT_CAPTURED",
                    "OUTCOME_DIFFERS",
                    "PAYMENT_RECORD_DIFFERS",
                    "STOCK_NOT_HELD",
                ],
            ),
        };
        hand.order(id, update, values).await;
        of(id, kinds)
    }
}

async fn intent(hand: &Hand<'_>, id: &str) -> String {
    hand.row(id).await["payment"]["M"]["intentId"]["S"].as_str().unwrap().to_owned()
}

async fn shipment(hand: &Hand<'_>, id: &str) -> String {
    hand.row(id).await["shipment"]["M"]["shipmentId"]["S"].as_str().unwrap().to_owned()
}

/// What costs nothing, or is none of our business: no difference.
pub(crate) async fn harmless(hand: &Hand<'_>, orders: &Orders) {
    let order = ("metadata[order_id]", orders.fulfilled[0].as_str());
    hand.gateway("payment_intents", &[&CARD[..], &[order]].concat()).await;
    hand.gateway("payment_intents", &[&CARD[..], &[("confirm", "true")]].concat()).await;
    created(hand, &orders.fulfilled[0]).await;
    buy(hand, "the shop's own letters", "").await;
}

const CARD: [(&str, &str); 5] = [
    ("amount", "700"),
    ("currency", "usd"),
    ("payment_method", "pm_card_visa"),
    ("automatic_payment_methods[enabled]", "true"),
    ("automatic_payment_methods[allow_redirects]", "never"),
];

/// Charges a card for an order.
async fn charge(hand: &Hand<'_>, id: &str, kind: &str) -> Found {
    let more = [("confirm", "true"), ("metadata[order_id]", id)];
    hand.gateway("payment_intents", &[&CARD[..], &more].concat()).await;
    of(id, &[kind])
}

/// Buys a label for an order.
async fn buy(hand: &Hand<'_>, id: &str, kind: &str) -> Found {
    let made = created(hand, id).await;
    let rate = json!({"rate": {"id": made["rates"][0]["id"]}});
    hand.carrier(&format!("shipments/{}/buy", made["id"].as_str().unwrap()), &rate).await;
    of(id, &[kind])
}

/// Creates a shipment for an order.
async fn created(hand: &Hand<'_>, id: &str) -> Value {
    let address = json!({
        "name": "Ada Lovelace", "street1": "388 Townsend St", "city": "San Francisco",
        "state": "CA", "zip": "94107", "country": "US", "phone": "+14155550123",
    });
    let shipment = json!({"shipment": {
        "reference": id, "to_address": address, "from_address": address,
        "parcel": {"weight": 10.0},
    }});
    hand.carrier("shipments", &shipment).await
}
