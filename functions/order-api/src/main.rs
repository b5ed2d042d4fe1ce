//! `order-api` as Lambda runs it: reads the settings and connects the library to
//! AWS, Stripe and EasyPost.

use std::sync::Arc;

use aws::{AwsClients, Live, clock, runtime};
use easypost::EasyPostWebhooks;
use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use order_api::{Api, PaymentIdPrefixes, WebhookSources, handle};
use serde_json::Value;
use stripe::StripeWebhooks;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let settings = runtime::init()?;
    let (orders, inventory) = (settings.orders_table()?, settings.inventory_table()?);
    let recent_orders = settings.recent_orders_table()?;
    let machine = settings.state_machine_arn()?;
    let webhooks = settings.webhooks()?;
    let aws = AwsClients::from_env().await;
    let live = Live::new(&aws, &settings)?;
    let api = Api {
        orders: aws.orders(&orders),
        inventory: aws.inventory(&orders, inventory),
        workflow: aws.workflow(machine),
        recent_orders: Arc::new(aws.recent_orders(recent_orders, &orders)),
        settings: Arc::new(live.shop_settings(webhooks)),
        payment_ids: PaymentIdPrefixes { payment_method: "pm_", customer: "cus_" },
        webhooks: WebhookSources::from([
            ("stripe", Arc::new(StripeWebhooks) as _),
            ("easypost", Arc::new(EasyPostWebhooks) as _),
        ]),
        sign_in: settings.sign_in()?,
    };
    let api = &api;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        // Boxed, because the SDK's futures are large and deeply nested.
        Box::pin(handle(&event.payload, api, clock::now)).await.map_err(runtime::FunctionError)
    }))
    .await
}
