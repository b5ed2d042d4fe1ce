//! Sample orders at every stage of their life, made by the same writes that make real
//! ones. No test writes an order by hand.

use domain::catalog::LineItem;
use domain::order::{Customer, NewOrder, OutOfStockPolicy};
use domain::payment::{PaymentIntent, PaymentIntentState, RiskLevel};
use domain::policy::ReviewPolicy;
use domain::shipment::{
    Address, BoughtLabel, LabelRefundState, ProviderShipment, Rate, ShippingService,
};
use domain::{
    Currency, CustomerId, Money, Order, OrderId, PaymentIntentId, Quantity, RateId, ShipmentId,
    Sku, Status, TaskToken, Timestamp,
};

/// When the sample orders are placed: 2026-11-23T04:00:00Z.
pub fn placed_at() -> Timestamp {
    must("2026-11-23T04:00:00Z".parse())
}

fn must<T, E: std::fmt::Debug>(parsed: Result<T, E>) -> T {
    #[expect(clippy::expect_used, reason = "constants of this file")]
    parsed.expect("a sample parses")
}

/// A new order: two mugs and a T-shirt, 44.99 USD.
pub fn new_order() -> NewOrder {
    let customer_id = must(CustomerId::parse("customer-1"));
    let line = |sku: &str, title: &str, n: u32, price, weight_grams| LineItem {
        sku: must(Sku::parse(sku)),
        title: title.to_owned(),
        quantity: must(Quantity::try_from(n)),
        unit_price: Money::new(price, Currency::Usd),
        weight_grams,
    };
    NewOrder {
        order_id: OrderId::for_request(&customer_id, "sample"),
        customer_id,
        customer: Customer {
            name: "Ada Lovelace".to_owned(),
            email: Some("ada@example.com".to_owned()),
            phone: Some("+14155550123".to_owned()),
        },
        shipping_address: Address {
            street1: "417 Montgomery St".to_owned(),
            street2: None,
            city: "San Francisco".to_owned(),
            state: Some("CA".to_owned()),
            postal_code: "94104".to_owned(),
            country: "US".to_owned(),
        },
        items: vec![line("MUG", "Mug", 2, 1250, 350), line("TEE", "T-shirt", 1, 1999, 180)],
        total: Money::new(4499, Currency::Usd),
        payment_method: "pm_card_visa".to_owned(),
        payment_customer: None,
        shipping_service: ShippingService::Standard,
        scheduled_for: None,
        when_out_of_stock: OutOfStockPolicy::Reject,
        request_hash: "sample".to_owned(),
    }
}

/// An order that was just placed.
pub fn received() -> Order {
    Order::accept(new_order(), placed_at())
}

/// The payment intent of the sample order, in a state.
pub fn payment_intent(state: PaymentIntentState) -> PaymentIntent {
    PaymentIntent {
        id: must(PaymentIntentId::parse("pi_sample")),
        state,
        amount: Money::new(4499, Currency::Usd),
        received_minor: if state == PaymentIntentState::Succeeded { 4499 } else { 0 },
        refunded_minor: 0,
        capture_before: Some(placed_at().plus_hours(7 * 24)),
        risk: RiskLevel::Normal,
        disputed: false,
    }
}

/// An order whose payment is authorized.
pub fn authorized() -> Order {
    let order = received()
        .with_intent(&payment_intent(PaymentIntentState::RequiresConfirmation).id, placed_at());
    let held = payment_intent(PaymentIntentState::RequiresCapture);
    must(order.authorized(&held, &ReviewPolicy::default(), placed_at()))
}

/// An order that waits for its review.
pub fn in_review() -> Order {
    let order = received()
        .with_intent(&payment_intent(PaymentIntentState::RequiresConfirmation).id, placed_at());
    let risky = PaymentIntent {
        risk: RiskLevel::Elevated,
        ..payment_intent(PaymentIntentState::RequiresCapture)
    };
    let order = must(order.authorized(&risky, &ReviewPolicy::default(), placed_at()));
    waiting(order, Status::InReview, domain::order::Attention::Review)
}

/// The order as a waiting task of the state machine writes it.
pub fn waiting(mut order: Order, status: Status, attention: domain::order::Attention) -> Order {
    order.version += 1;
    order.status = status;
    order.attention = Some(attention);
    order.task_token = Some(must(TaskToken::parse(format!("token-{}", order.version))));
    order.timeline.push(domain::order::TimelineEntry {
        at: order.updated_at,
        status,
        detail: None,
    });
    order
}

/// An order whose stock is reserved.
pub fn reserved() -> Order {
    must(authorized().reserved(placed_at()))
}

/// The shipment of the sample order, without a label.
pub fn provider_shipment() -> ProviderShipment {
    let rate = |id: &str, service: &str, price_minor, days| Rate {
        id: must(RateId::parse(id)),
        carrier: "USPS".to_owned(),
        service: service.to_owned(),
        price: Money::new(price_minor, Currency::Usd),
        delivery_days: Some(days),
    };
    ProviderShipment {
        id: must(ShipmentId::parse("shp_sample")),
        rates: vec![rate("rate_1", "GroundAdvantage", 593, 5), rate("rate_2", "Express", 3120, 1)],
        bought: None,
        refund: LabelRefundState::NotRequested,
        tracking: None,
    }
}

/// A bought label with this tracking code.
pub fn bought_label(tracking_code: &str) -> BoughtLabel {
    BoughtLabel { tracking_code: Some(tracking_code.to_owned()), tracking_url: None }
}

/// An order whose shipment is stored.
pub fn shipping() -> Order {
    let shipment = provider_shipment();
    must(reserved().with_shipment(&shipment, &shipment.rates[0], placed_at()))
}

/// An order whose label is bought.
pub fn labeled() -> Order {
    shipping().with_label("9400100000000000000000", Some("https://track.example/1"), placed_at())
}

/// An order that is fulfilled.
pub fn fulfilled() -> Order {
    must(labeled().fulfilled(placed_at()))
}

/// An order that waits for an operator, after its label was bought.
pub fn needs_attention() -> Order {
    waiting(labeled(), Status::NeedsAttention, domain::order::Attention::Operator)
}
