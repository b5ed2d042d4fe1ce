//! `reconcile-orders` as Lambda runs it: what it is told, what it works with.
//!
//! The function itself is the library beside it; nothing is decided here.

use std::time::Duration;

use aws::clock::SystemClock;
use aws::metered::Metered;
use aws::{Aws, clock, lambda};
use easypost::EasyPost;
use http_client::{Https, Limits};
use reconcile_orders::ReconcileOrders;
use stripe::Stripe;

/// An order takes five calls of a provider at most; one that is slow is looked
/// at again later, so that it does not hold up the others.
const PROVIDERS: Limits =
    Limits { connect: Duration::from_secs(3), total: Duration::from_secs(15) };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let settings = lambda::begin()?;
    let (stripe, easypost) = (settings.stripe()?, settings.easypost()?);
    let from = settings.ship_from()?;
    let (orders_table, inventory_table) = (settings.orders_table()?, settings.inventory_table()?);
    let machine = settings.state_machine_arn()?;
    let https = Https::new(PROVIDERS)?;
    let aws = Aws::connect().await;
    // While the function starts: its processor is fastest now.
    let (gateway_key, carrier_key, (), ()) = tokio::join!(
        aws.reveal(&stripe.secret),
        aws.reveal(&easypost.secret),
        https.open(&stripe.base_url),
        https.open(&easypost.base_url),
    );
    let gateway = Stripe::new(https.clone(), stripe.base_url, gateway_key?);
    let carrier = EasyPost::new(https, easypost.base_url, carrier_key?, from);
    let function = ReconcileOrders {
        orders: aws.orders(&orders_table),
        stock: aws.inventory(orders_table, inventory_table),
        workflow: aws.workflow(machine),
        gateway: Metered::new(gateway, SystemClock::start()),
        carrier: Metered::new(carrier, SystemClock::start()),
    };
    let function = &function;
    // Boxed, because the SDK's futures are large and deeply nested.
    lambda::run(|input| Box::pin(function.handle(input, clock::now))).await
}
