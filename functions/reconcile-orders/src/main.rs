//! The Lambda binary of `reconcile-orders`: reads the settings and connects the function
//! to its dependencies. The logic is in the library.

use std::time::Duration;

use aws::clock::SystemClock;
use aws::instrumented::Instrumented;
use aws::{AwsClients, Live, Settings, runtime};
use domain::ErrorName;
use easypost::EasyPost;
use http_client::{HttpClient, Timeouts};
use reconcile_orders::{ReconcileOrders, lease};
use stripe::Stripe;

/// An order takes at most five provider calls. One that a slow provider delays is
/// inspected again later, so that it does not hold up the others.
const PROVIDER_TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_secs(3), total: Duration::from_secs(15) };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let settings = runtime::init()?;
    let (stripe, easypost) = (settings.stripe()?, settings.easypost()?);
    let (orders_table, inventory_table) = (settings.orders_table()?, settings.inventory_table()?);
    let state_machine = settings.state_machine_arn()?;
    let https = HttpClient::new(PROVIDER_TIMEOUTS)?;
    let aws = AwsClients::from_env().await;
    let live = Live::new(&aws, &settings)?;
    let retention_days = live.settings(Settings::personal_data_retention_days);
    let (stripe_key, easypost_key) = (live.api_key(stripe.clone()), live.api_key(easypost.clone()));
    // During initialization, because Lambda gives that phase the most CPU. What cannot be
    // read yet is read again by the first call of a provider.
    let _read_again = tokio::join!(
        stripe_key.ensure_readable(),
        easypost_key.ensure_readable(),
        https.preconnect(&stripe.base_url),
        https.preconnect(&easypost.base_url),
    );
    let stripe = Stripe::new(https.clone(), stripe.base_url, stripe_key);
    let easypost = EasyPost::new(https, easypost.base_url, easypost_key);
    let function = ReconcileOrders {
        orders: aws.orders(&orders_table),
        stock: aws.inventory(orders_table, inventory_table),
        workflow: aws.workflow(state_machine),
        payment_provider: Instrumented::new(stripe, SystemClock::start()),
        shipping_provider: Instrumented::new(easypost, SystemClock::start()),
        // Replaced for each invocation.
        retention_days: 0,
    };
    let (function, retention_days) = (&function, &retention_days);
    runtime::run(|input| {
        // Boxed, because the SDK's futures are large and deeply nested.
        Box::pin(async move {
            let retention_days = retention_days.current_settings().await;
            let retention_days = retention_days
                .map_err(|error| error.into_step_error(ErrorName::StoreUnavailable))?;
            let function = ReconcileOrders { retention_days, ..function.clone() };
            let pause = async || {
                let seconds = lease::EXTEND_AFTER_SECONDS.into();
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            };
            Box::pin(function.handle_alone(input, &SystemClock::start(), pause)).await
        })
    })
    .await
}
