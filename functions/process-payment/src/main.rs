//! `process-payment` as Lambda runs it: what it is told, what it works with.
//!
//! The function itself is the library beside it; nothing is decided here.

use std::time::Duration;

use aws::clock::SystemClock;
use aws::metered::Metered;
use aws::{Aws, clock, lambda};
use http_client::{Https, Limits};
use process_payment::ProcessPayment;
use stripe::Stripe;

/// Three calls one after another (create, confirm, look up) end within the
/// function's 60 s, with time left for the table.
const GATEWAY: Limits = Limits { connect: Duration::from_secs(3), total: Duration::from_secs(15) };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let settings = lambda::begin()?;
    let stripe = settings.stripe()?;
    let orders_table = settings.orders_table()?;
    let review = settings.review_policy()?;
    let https = Https::new(GATEWAY)?;
    let aws = Aws::connect().await;
    // While the function starts: its processor is fastest now.
    let (key, ()) = tokio::join!(aws.reveal(&stripe.secret), https.open(&stripe.base_url));
    let function = ProcessPayment {
        orders: aws.orders(orders_table),
        gateway: Metered::new(Stripe::new(https, stripe.base_url, key?), SystemClock::start()),
        review,
    };
    let function = &function;
    // Boxed, because the SDK's futures are large and deeply nested.
    lambda::run(|input| Box::pin(function.handle(input, clock::now))).await
}
