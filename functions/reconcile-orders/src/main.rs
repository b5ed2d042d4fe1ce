//! `reconcile-orders` as Lambda runs it: what it is told, what it works with.
//!
//! The function itself is the library beside it; nothing is decided here.

use std::time::Duration;

use aws::clock::SystemClock;
use aws::instrumented::Instrumented;
use aws::{AwsClients, clock, runtime};
use easypost::EasyPost;
use http_client::{HttpClient, Timeouts};
use reconcile_orders::ReconcileOrders;
use stripe::Stripe;

/// An order takes five calls of a provider at most; one that is slow is looked
/// at again later, so that it does not hold up the others.
const PROVIDERS: Timeouts =
    Timeouts { connect: Duration::from_secs(3), total: Duration::from_secs(15) };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let settings = runtime::init()?;
    let (stripe, easypost) = (settings.stripe()?, settings.easypost()?);
    let from = settings.ship_from()?;
    let (orders_table, inventory_table) = (settings.orders_table()?, settings.inventory_table()?);
    let machine = settings.state_machine_arn()?;
    let https = HttpClient::new(PROVIDERS)?;
    let aws = AwsClients::from_env().await;
    // While the function starts: its processor is fastest now.
    let (gateway_key, carrier_key, (), ()) = tokio::join!(
        aws.secret_value(&stripe.secret),
        aws.secret_value(&easypost.secret),
        https.preconnect(&stripe.base_url),
        https.preconnect(&easypost.base_url),
    );
    let gateway = Stripe::new(https.clone(), stripe.base_url, gateway_key?);
    let carrier = EasyPost::new(https, easypost.base_url, carrier_key?, from);
    let function = ReconcileOrders {
        orders: aws.orders(&orders_table),
        stock: aws.inventory(orders_table, inventory_table),
        workflow: aws.workflow(machine),
        gateway: Instrumented::new(gateway, SystemClock::start()),
        carrier: Instrumented::new(carrier, SystemClock::start()),
    };
    let function = &function;
    // Boxed, because the SDK's futures are large and deeply nested.
    runtime::run(|input| Box::pin(function.handle(input, clock::now))).await
}
