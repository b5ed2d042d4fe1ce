//! `initiate-shipping` as Lambda runs it: what it is told, what it works with.
//!
//! The function itself is the library beside it; nothing is decided here.

use std::time::Duration;

use aws::clock::SystemClock;
use aws::metered::Metered;
use aws::{Aws, clock, lambda};
use easypost::EasyPost;
use http_client::{Https, Limits};
use initiate_shipping::InitiateShipping;

/// Three calls one after another (create, buy, look up) end within the
/// function's 90 s, with time left for the table. The carrier is slow.
const CARRIER: Limits = Limits { connect: Duration::from_secs(3), total: Duration::from_secs(25) };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let settings = lambda::begin()?;
    let easypost = settings.easypost()?;
    let from = settings.ship_from()?;
    let orders_table = settings.orders_table()?;
    let https = Https::new(CARRIER)?;
    let aws = Aws::connect().await;
    // While the function starts: its processor is fastest now.
    let (key, ()) = tokio::join!(aws.reveal(&easypost.secret), https.open(&easypost.base_url));
    let carrier = EasyPost::new(https, easypost.base_url, key?, from);
    let function = InitiateShipping {
        orders: aws.orders(orders_table),
        carrier: Metered::new(carrier, SystemClock::start()),
    };
    let function = &function;
    // Boxed, because the SDK's futures are large and deeply nested.
    lambda::run(|input| Box::pin(function.handle(input, clock::now))).await
}
