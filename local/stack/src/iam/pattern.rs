//! The wildcards of policies: `*` for any characters, `?` for one.

/// Whether the pattern matches the whole text.
///
/// A `*` inside of an ARN's segment stays within the segment. At the end of a segment it
/// matches beyond the colons that follow (IAM user guide, "IAM JSON policy elements:
/// Resource").
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    matches_bytes(pattern.as_bytes(), text.as_bytes())
}

fn matches_bytes(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], text) => text.is_empty(),
        ([b'*', rest @ ..], text) => {
            let ends_segment = rest.first().is_none_or(|next| *next == b':');
            let covers = |length: usize| ends_segment || !text[..length].contains(&b':');
            (0..=text.len())
                .take_while(|length| covers(*length))
                .any(|length| matches_bytes(rest, &text[length..]))
        }
        ([b'?', pattern @ ..], [_, text @ ..]) => matches_bytes(pattern, text),
        ([expected, pattern @ ..], [found, text @ ..]) => {
            expected == found && matches_bytes(pattern, text)
        }
        (_, []) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_without_wildcards_matches_itself_only() {
        assert!(matches("table/Orders", "table/Orders"));
        for text in ["table/Order", "table/OrdersArchive", "Table/Orders", ""] {
            assert!(!matches("table/Orders", text), "{text}");
        }
    }

    #[test]
    fn a_star_matches_any_characters_and_a_question_mark_one() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(matches(pattern, text), expected, "{pattern} and {text}");
        };
        check("*", "arn:aws:dynamodb:us-east-1:000000000000:table/Orders", true);
        check("table/Orders/index/*", "table/Orders/index/open", true);
        check("table/Orders/index/*", "table/Orders", false);
        check("table/*/index/open", "table/Orders/index/open", true);
        check("table/*/index/open", "table/Orders/index/attention", false);
        check("function:pay:?", "function:pay:1", true);
        check("function:pay:?", "function:pay:12", false);
        check("function:pay:?", "function:pay:", false);
        check("**a", "ba", true);
    }

    #[test]
    fn a_star_crosses_a_colon_only_at_the_end_of_a_segment() {
        assert!(matches("function:pay:*", "function:pay:live:x"));
        assert!(matches("arn:*:table", "arn:aws:dynamodb:table"));
        assert!(!matches("function:p*y", "function:p:y"));
    }
}
