//! One page of a table scan.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::scan::ScanOutput;
use domain::ports::StoreUnavailable;

use crate::attributes::Item;
use crate::service_error::describe;

/// Reads up to 1 MB of a table, strongly consistent, from `start_key` on. `filter` is a
/// filter expression.
///
/// # Errors
/// [`StoreUnavailable`] if the call fails.
pub(crate) async fn scan_page(
    client: &Client,
    table: &str,
    start_key: Option<Item>,
    filter: Option<&str>,
) -> Result<ScanOutput, StoreUnavailable> {
    client
        .scan()
        .table_name(table)
        .consistent_read(true)
        .set_filter_expression(filter.map(str::to_owned))
        .set_exclusive_start_key(start_key)
        .send()
        .await
        .map_err(|error| StoreUnavailable(describe("Scan", &error)))
}
