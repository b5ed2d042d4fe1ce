//! The Lambda binary of `initiate-shipping`: reads the settings and connects the function
//! to its dependencies. The logic is in the library.

use std::time::Duration;

use aws::clock::SystemClock;
use aws::instrumented::Instrumented;
use aws::live::NoSettings;
use aws::{AwsClients, Live, Settings, clock, runtime};
use domain::ErrorName;
use domain::ports::ApiKeySource as _;
use easypost::EasyPost;
use http_client::{HttpClient, Timeouts};
use initiate_shipping::InitiateShipping;

/// Three calls in a row (create, buy, retrieve) take at most 75 s of the function's 90 s.
/// The rest is left for the Orders table. A second purchase at another rate follows only
/// answers, which are quicker; a function that is stopped all the same is run again. EasyPost asks the carriers for rates, so a call
/// can take many seconds.
const EASYPOST_TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_secs(3), total: Duration::from_secs(25) };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let settings = runtime::init()?;
    let easypost = settings.easypost()?;
    let orders = settings.orders_table()?;
    let https = HttpClient::new(EASYPOST_TIMEOUTS)?;
    let aws = AwsClients::from_env().await;
    let live = Live::new(&aws, &settings)?;
    let (ship_from, key) = (live.settings(Settings::ship_from), live.api_key(easypost.clone()));
    let ceiling = live.settings(Settings::postage_ceiling);
    // During initialization, because Lambda gives that phase the most CPU. What cannot be
    // read yet is read again by the first invocation.
    let _read_again = tokio::join!(
        ship_from.current_settings(),
        key.current(),
        https.preconnect(&easypost.base_url)
    );
    let orders = aws.orders(orders);
    let provider = EasyPost::new(https, easypost.base_url, key.clone());
    let provider = Instrumented::new(provider, SystemClock::start());
    let (orders, provider, key) = (&orders, &provider, &key);
    let (ship_from, ceiling) = (&ship_from, &ceiling);
    runtime::run(|input| {
        // Boxed, because the SDK's futures are large and deeply nested.
        Box::pin(async move {
            key.ensure_readable().await?;
            let invalid =
                |error: NoSettings| error.into_step_error(ErrorName::CarrierMisconfigured);
            let ship_from = ship_from.current_settings().await.map_err(invalid)?;
            let postage_ceiling = ceiling.current_settings().await.map_err(invalid)?;
            let provider = provider.clone().map(|easypost| easypost.shipping_from(ship_from));
            let orders = orders.clone();
            let function =
                InitiateShipping { orders, shipping_provider: provider, postage_ceiling };
            Box::pin(function.handle(input, clock::now)).await
        })
    })
    .await
}
