//! The Lambda binary of `check-inventory`: reads the settings and connects the function
//! to its dependencies. The logic is in the library.

use aws::{AwsClients, clock, runtime};
use check_inventory::CheckInventory;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let settings = runtime::init()?;
    let orders_table = settings.orders_table()?;
    let inventory_table = settings.inventory_table()?;
    let aws = AwsClients::from_env().await;
    let function = CheckInventory {
        orders: aws.orders(&orders_table),
        stock: aws.inventory(&orders_table, inventory_table),
    };
    let function = &function;
    // Boxed, because the SDK's futures are large and deeply nested.
    runtime::run(|input| Box::pin(function.handle(input, clock::now))).await
}
