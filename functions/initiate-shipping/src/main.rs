//! `initiate-shipping` as Lambda runs it: what it is told, what it works with.
//!
//! The function itself is the library beside it; nothing is decided here.

use std::time::Duration;

use aws::clock::SystemClock;
use aws::instrumented::Instrumented;
use aws::{AwsClients, clock, runtime};
use easypost::EasyPost;
use http_client::{HttpClient, Timeouts};
use initiate_shipping::InitiateShipping;

/// Three calls one after another (create, buy, look up) end within the
/// function's 90 s, with time left for the table. The carrier is slow.
const CARRIER: Timeouts =
    Timeouts { connect: Duration::from_secs(3), total: Duration::from_secs(25) };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let settings = runtime::init()?;
    let easypost = settings.easypost()?;
    let from = settings.ship_from()?;
    let orders_table = settings.orders_table()?;
    let https = HttpClient::new(CARRIER)?;
    let aws = AwsClients::from_env().await;
    // While the function starts: its processor is fastest now.
    let (key, ()) =
        tokio::join!(aws.secret_value(&easypost.secret), https.preconnect(&easypost.base_url));
    let carrier = EasyPost::new(https, easypost.base_url, key?, from);
    let function = InitiateShipping {
        orders: aws.orders(orders_table),
        carrier: Instrumented::new(carrier, SystemClock::start()),
    };
    let function = &function;
    // Boxed, because the SDK's futures are large and deeply nested.
    runtime::run(|input| Box::pin(function.handle(input, clock::now))).await
}
