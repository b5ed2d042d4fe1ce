//! `process-payment` as Lambda runs it: what it is told, what it works with.
//!
//! The function itself is the library beside it; nothing is decided here.

use std::time::Duration;

use aws::clock::SystemClock;
use aws::instrumented::Instrumented;
use aws::{AwsClients, clock, runtime};
use http_client::{HttpClient, Timeouts};
use process_payment::ProcessPayment;
use stripe::Stripe;

/// Three calls one after another (create, confirm, look up) end within the
/// function's 60 s, with time left for the table.
const GATEWAY: Timeouts =
    Timeouts { connect: Duration::from_secs(3), total: Duration::from_secs(15) };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let settings = runtime::init()?;
    let stripe = settings.stripe()?;
    let orders_table = settings.orders_table()?;
    let review = settings.review_policy()?;
    let https = HttpClient::new(GATEWAY)?;
    let aws = AwsClients::from_env().await;
    // While the function starts: its processor is fastest now.
    let (key, ()) =
        tokio::join!(aws.secret_value(&stripe.secret), https.preconnect(&stripe.base_url));
    let function = ProcessPayment {
        orders: aws.orders(orders_table),
        gateway: Instrumented::new(Stripe::new(https, stripe.base_url, key?), SystemClock::start()),
        review,
    };
    let function = &function;
    // Boxed, because the SDK's futures are large and deeply nested.
    runtime::run(|input| Box::pin(function.handle(input, clock::now))).await
}
