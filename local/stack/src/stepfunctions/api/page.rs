//! Paging of lists: page sizes and `nextToken`.

use asl::validate::api::errors;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::aws::AwsError;

/// The page size of a request without `maxResults`, or with 0.
const DEFAULT_SIZE: usize = 100;
const MAX_SIZE: usize = 1000;

pub(super) fn size(max_results: Option<i64>) -> usize {
    match max_results.and_then(|max| usize::try_from(max).ok()) {
        None | Some(0) => DEFAULT_SIZE,
        Some(max) => max.min(MAX_SIZE),
    }
}

/// A token for a position in this list. Other lists reject it.
pub(super) fn next_token(list: &str, position: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{list}\n{position}"))
}

/// The position that a token of this list stands for.
pub(super) fn position(list: &str, token: Option<&str>) -> Result<Option<String>, AwsError> {
    let Some(token) = token else { return Ok(None) };
    let position = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| {
        let text = String::from_utf8(bytes).ok()?;
        let (owner, position) = text.split_once('\n')?;
        (owner == list).then(|| position.to_owned())
    });
    position.map(Some).ok_or_else(|| errors::invalid_token().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_valid_for_its_own_list_only() {
        let token = next_token("executions of a", "17");
        assert_eq!(position("executions of a", Some(&token)).unwrap().as_deref(), Some("17"));
        let foreign = position("executions of b", Some(&token)).unwrap_err();
        assert_eq!(foreign.message, "Invalid Token: 'Invalid token'");
        assert!(position("executions of a", Some("no token")).is_err());
        assert_eq!(position("executions of a", None).unwrap(), None);
    }

    #[test]
    fn a_page_has_a_hundred_items_by_default_and_a_thousand_at_most() {
        for (max_results, expected) in
            [(None, 100), (Some(0), 100), (Some(7), 7), (Some(5000), 1000)]
        {
            assert_eq!(size(max_results), expected, "{max_results:?}");
        }
    }
}
