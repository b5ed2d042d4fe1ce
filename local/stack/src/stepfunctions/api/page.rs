//! Pages: how many, and where the next one begins.

use asl::validate::api::errors;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::aws::AwsError;

/// How many items a page has when nobody says: also when somebody says 0.
const USUAL: usize = 100;
/// The most that a page may have.
const MOST: usize = 1000;

pub(super) fn size(asked: Option<i64>) -> usize {
    match asked.and_then(|asked| usize::try_from(asked).ok()) {
        None | Some(0) => USUAL,
        Some(asked) => asked.min(MOST),
    }
}

/// A token that leads to `place` of this list and of no other.
pub(super) fn token(list: &str, place: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{list}\n{place}"))
}

/// Where a token leads, if it belongs to this list.
pub(super) fn place(list: &str, token: Option<&str>) -> Result<Option<String>, AwsError> {
    let Some(token) = token else { return Ok(None) };
    let place = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| {
        let text = String::from_utf8(bytes).ok()?;
        let (of, place) = text.split_once('\n')?;
        (of == list).then(|| place.to_owned())
    });
    place.map(Some).ok_or_else(|| errors::invalid_token().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_list_only() {
        let made = token("executions of a", "17");
        assert_eq!(place("executions of a", Some(&made)).unwrap().as_deref(), Some("17"));
        let foreign = place("executions of b", Some(&made)).unwrap_err();
        assert_eq!(foreign.message, "Invalid Token: 'Invalid token'");
        assert!(place("executions of a", Some("no token")).is_err());
        assert_eq!(place("executions of a", None).unwrap(), None);
    }

    #[test]
    fn a_page_has_a_hundred_items_unless_asked_otherwise() {
        for (asked, expected) in [(None, 100), (Some(0), 100), (Some(7), 7), (Some(5000), 1000)] {
            assert_eq!(size(asked), expected, "{asked:?}");
        }
    }
}
