//! The Lambda binary of `initiate-shipping`: reads the settings and connects the function
//! to its dependencies. The logic is in the library.

use std::time::Duration;

use aws::clock::SystemClock;
use aws::instrumented::Instrumented;
use aws::{AwsClients, clock, runtime};
use easypost::EasyPost;
use http_client::{HttpClient, Timeouts};
use initiate_shipping::InitiateShipping;

/// Three calls in a row (create, buy, retrieve) take at most 75 s of the function's 90 s.
/// The rest is left for the Orders table. EasyPost asks the carriers for rates, so a call
/// can take many seconds.
const EASYPOST_TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_secs(3), total: Duration::from_secs(25) };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let settings = runtime::init()?;
    let easypost = settings.easypost()?;
    let ship_from = settings.ship_from()?;
    let orders_table = settings.orders_table()?;
    let https = HttpClient::new(EASYPOST_TIMEOUTS)?;
    let aws = AwsClients::from_env().await;
    // During initialization, because Lambda gives that phase the most CPU.
    let (key, ()) =
        tokio::join!(aws.secret_value(&easypost.secret), https.preconnect(&easypost.base_url));
    let easypost = EasyPost::new(https, easypost.base_url, key?, ship_from);
    let function = InitiateShipping {
        orders: aws.orders(orders_table),
        shipping_provider: Instrumented::new(easypost, SystemClock::start()),
    };
    let function = &function;
    // Boxed, because the SDK's futures are large and deeply nested.
    runtime::run(|input| Box::pin(function.handle(input, clock::now))).await
}
