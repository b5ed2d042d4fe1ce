//! The Lambda binary of `process-payment`: reads the settings and connects the function
//! to its dependencies. The logic is in the library.

use std::time::Duration;

use aws::clock::SystemClock;
use aws::instrumented::Instrumented;
use aws::{AwsClients, Live, Settings, clock, runtime};
use domain::ErrorName;
use domain::ports::ApiKeySource as _;
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
    let orders = settings.orders_table()?;
    let https = HttpClient::new(STRIPE_TIMEOUTS)?;
    let aws = AwsClients::from_env().await;
    let live = Live::new(&aws, &settings)?;
    let (review_policy, key) =
        (live.settings(Settings::review_policy), live.api_key(stripe.clone()));
    // During initialization, because Lambda gives that phase the most CPU. What cannot be
    // read yet is read again by the first invocation.
    let _read_again = tokio::join!(
        review_policy.current_settings(),
        key.current(),
        https.preconnect(&stripe.base_url)
    );
    let orders = aws.orders(orders);
    let provider = Stripe::new(https, stripe.base_url, key.clone());
    let provider = Instrumented::new(provider, SystemClock::start());
    let (orders, provider, review_policy, key) = (&orders, &provider, &review_policy, &key);
    runtime::run(|input| {
        // Boxed, because the SDK's futures are large and deeply nested.
        Box::pin(async move {
            key.ensure_readable().await?;
            let review_policy = review_policy.current_settings().await;
            let review_policy = review_policy
                .map_err(|error| error.into_step_error(ErrorName::PaymentMisconfigured))?;
            let function = ProcessPayment {
                orders: orders.clone(),
                payment_provider: provider.clone(),
                review_policy,
            };
            Box::pin(function.handle(input, clock::now)).await
        })
    })
    .await
}
