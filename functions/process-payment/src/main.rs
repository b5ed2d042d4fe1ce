//! The Lambda binary of `process-payment`: reads the settings and connects the function
//! to its dependencies. The logic is in the library.

use std::time::Duration;

use aws::clock::SystemClock;
use aws::instrumented::Instrumented;
use aws::{AwsClients, clock, runtime};
use http_client::{HttpClient, Timeouts};
use process_payment::ProcessPayment;
use stripe::Stripe;

/// Three calls in a row (create, confirm, retrieve) take at most 45 s of the function's
/// 60 s. The rest is left for the Orders table.
const STRIPE_TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_secs(3), total: Duration::from_secs(15) };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let settings = runtime::init()?;
    let stripe = settings.stripe()?;
    let orders_table = settings.orders_table()?;
    let review_policy = settings.review_policy()?;
    let https = HttpClient::new(STRIPE_TIMEOUTS)?;
    let aws = AwsClients::from_env().await;
    // During initialization, because Lambda gives that phase the most CPU.
    let (key, ()) =
        tokio::join!(aws.secret_value(&stripe.secret), https.preconnect(&stripe.base_url));
    let stripe = Stripe::new(https, stripe.base_url, key?);
    let function = ProcessPayment {
        orders: aws.orders(orders_table),
        payment_provider: Instrumented::new(stripe, SystemClock::start()),
        review_policy,
    };
    let function = &function;
    // Boxed, because the SDK's futures are large and deeply nested.
    runtime::run(|input| Box::pin(function.handle(input, clock::now))).await
}
