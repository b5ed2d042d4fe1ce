//! `BatchGetItem`, repeated until the service has returned every key.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use domain::ports::StoreUnavailable;

use crate::attributes::Item;
use crate::service_error::describe;

/// The maximum number of keys in one call, a limit of `BatchGetItem`.
const MAX_KEYS: usize = 100;
/// How often one batch is sent while the service leaves keys unprocessed.
const MAX_ATTEMPTS: usize = 8;

/// Reads the items of these keys, in any order. A key without an item is left out.
///
/// # Errors
/// [`StoreUnavailable`] if a call fails, or if the service keeps leaving keys
/// unprocessed.
pub(crate) async fn batch_get_items(
    client: &Client,
    table: &str,
    keys: &[Item],
    consistent: bool,
) -> Result<Vec<Item>, StoreUnavailable> {
    let mut found = Vec::with_capacity(keys.len());
    for batch in keys.chunks(MAX_KEYS) {
        get_batch(client, table, batch.to_vec(), consistent, &mut found).await?;
    }
    Ok(found)
}

async fn get_batch(
    client: &Client,
    table: &str,
    mut keys: Vec<Item>,
    consistent: bool,
    found: &mut Vec<Item>,
) -> Result<(), StoreUnavailable> {
    for _ in 0..MAX_ATTEMPTS {
        let request = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(consistent)
            .build()
            .or(Err(StoreUnavailable("BatchGetItem: no keys".to_owned())))?;
        let response = client
            .batch_get_item()
            .request_items(table, request)
            .send()
            .await
            .map_err(|error| StoreUnavailable(describe("BatchGetItem", &error)))?;
        let items = response.responses.unwrap_or_default().remove(table);
        found.extend(items.unwrap_or_default());
        let unprocessed = response.unprocessed_keys.unwrap_or_default().remove(table);
        keys = unprocessed.map(|left| left.keys).unwrap_or_default();
        if keys.is_empty() {
            return Ok(());
        }
    }
    Err(StoreUnavailable("BatchGetItem: keys stayed unprocessed".to_owned()))
}
