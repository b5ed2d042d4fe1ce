//! The Inventory table: the products and their stock.
//!
//! The operations are in three modules: [`reservations`](crate::reservations) moves
//! stock between a product and an order, [`catalog`](crate::catalog) reads and writes
//! products, [`stock_changes`](crate::stock_changes) adds and removes stock.
//!
//! For each SKU, `received` equals `available` plus what orders hold, after every write.

use aws_sdk_dynamodb::Client;

/// The Inventory table, with the Orders table for transactions that write both.
#[derive(Debug, Clone)]
pub struct Inventory {
    client: Client,
    orders_table: String,
    table: String,
}

impl Inventory {
    /// The tables of these names, called through this client.
    pub fn new(
        client: Client,
        orders_table: impl Into<String>,
        inventory_table: impl Into<String>,
    ) -> Self {
        Self { client, orders_table: orders_table.into(), table: inventory_table.into() }
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn orders_table(&self) -> &str {
        &self.orders_table
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }
}
