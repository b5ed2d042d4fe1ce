//! Parses `JSONata` expressions without evaluating them.
//!
//! Step Functions parses every expression when a state machine is created. An expression that does
//! not parse is an `INVALID_JSONATA_EXPRESSION`, with the message of the reference implementation
//! (jsonata-js). One that reads from the context item, from `$$`, or from `$states.errorOutput`
//! outside a catcher is an `UNSUPPORTED_JSONATA_EXPRESSION`: Step Functions does not offer these. `lexer.rs` produces tokens, `parser.rs` has the grammar.

mod error;
mod lexer;
mod parser;

use std::collections::BTreeSet;

pub(super) use error::SyntaxError;
pub(super) use parser::References;

/// Parses an expression. Returns what it reads, each name once.
pub(super) fn references(expression: &str) -> Result<References, SyntaxError> {
    let mut seen = BTreeSet::new();
    let mut references = parser::parse(expression)?;
    references.context_names.retain(|name| seen.insert(name.clone()));
    Ok(references)
}

/// The expression between `{%` and `%}`, if the text is one.
pub(super) fn expression(text: &str) -> Option<&str> {
    text.strip_prefix("{%")?.strip_suffix("%}")
}

/// Whether the text opens or closes an expression without doing both.
pub(super) fn is_half_open(text: &str) -> bool {
    (text.starts_with("{%") || text.ends_with("%}")) && expression(text).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str, expected: Result<&[&str], &str>) {
        let got = references(expression).map(|references| references.context_names);
        let got = got.as_ref().map(Vec::as_slice).map_err(|SyntaxError(message)| message.as_str());
        match (got, expected) {
            (Ok(names), Ok(expected)) => assert_eq!(names, expected, "{expression}"),
            (Err(error), Err(expected)) => assert_eq!(error, expected, "{expression}"),
            (got, _) => panic!("{expression} gave {got:?}"),
        }
    }

    #[test]
    fn invalid_expressions_are_rejected_with_the_reference_message() {
        check("a[1,2)", Err("Expected \"]\", got \",\""));
        check("\"open", Err("String literal must be terminated by a matching quote"));
        check("1 +", Err("Unexpected end of expression"));
        check("{\"a\":}", Err("The symbol \"}\" cannot be used as a unary operator"));
        check("$x :=", Err("Unexpected end of expression"));
        check("$match(\"a\", /abc", Err("No terminating / in regular expression"));
        check(" 420. ", Err("Unexpected end of expression"));
        check("$sum($a", Err("Expected \")\" before end of expression"));
        check("$.a[?(@.b < 10)]", Err("The symbol \"?\" cannot be used as a unary operator"));
        check("1 2", Err("Syntax error: 2"));
        check("a := 1", Err("The left side of := must be a variable name (start with $)"));
        check("", Err("Unexpected end of expression"));
    }

    #[test]
    fn names_outside_a_variable_path_come_from_the_context() {
        check("phone", Ok(&["phone"]));
        check("phone.number & email & phone", Ok(&["phone", "email"]));
        check("\"phone\".number", Ok(&["phone"]));
        check("$states.input.phone[type = 'home'].number", Ok(&[]));
        check("$f(a, $b.c)", Ok(&["a"]));
        check("($x := $states.input; $x.{'k': v})", Ok(&[]));
        check("$states.input.items^(>price).name", Ok(&[]));
        check("function($v){ $v.price > 10 }", Ok(&[]));
    }

    #[test]
    fn the_root_and_the_error_output_are_found_at_any_depth() {
        fn check(expression: &str, root: bool, error_output: bool) {
            let found = references(expression).expect("a valid expression");
            assert_eq!((found.root, found.error_output), (root, error_output), "{expression}");
        }
        check("$$", true, false);
        check("$states.input.items[price > $$.limit]", true, false);
        check("$states.errorOutput", false, true);
        check("$map([1], function($v){ $states.errorOutput.Error & $v })", false, true);
        check("$states.input.errorOutput & $v.errorOutput & '$$'", false, false);
        check("$states.context.Execution.Id", false, false);
    }

    #[test]
    fn all_constructs_of_the_language_parse() {
        for expression in [
            "$states.input.a ? 'x' : 'y'",
            "$map($states.input.items, function($v, $i) { $v.price * $i })",
            "[1..10]",
            "$states.input ~> |items|{'seen': true}, ['old']|",
            "$states.input.**.price",
            "-1 + 2 * (3 - 4) / 5 % 6",
            "$contains('hello$world', /^hello\\$/i)",
            "$states.input.items[0]@$i.name#$n[]",
            "/* why */ $a and not_a or $b in [1, 2]",
            "$f := function($x)<n:n>{ $x } ~> $g(?, 1)",
            "$a != 1 and $b <= 2 and $c >= 3",
            "`quoted name`",
        ] {
            assert!(references(expression).is_ok(), "{expression}");
        }
    }

    #[test]
    fn long_and_deep_expressions_are_handled() {
        assert!(references(&"(".repeat(100_000)).is_err());
        assert!(references(&"-".repeat(100_000)).is_err());
        let long = vec!["$a"; 100_000].join(" + ");
        assert_eq!(references(&long), Ok(References::default()));
    }
}
