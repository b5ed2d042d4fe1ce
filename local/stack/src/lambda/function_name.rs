//! Function names in every form that Lambda accepts, and ARNs.

use std::fmt;

/// The name or ARN of a function in a request, with or without a qualifier.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FunctionName<'a> {
    pub(super) name: &'a str,
    pub(super) qualifier: Option<&'a str>,
}

impl<'a> FunctionName<'a> {
    /// Parses `name`, `name:qualifier`, `account:function:name` and the full ARN.
    pub(super) fn parse(text: &'a str) -> Self {
        let rest = match text.split_once(":function:") {
            Some((_, rest)) => rest,
            None => text.strip_prefix("function:").unwrap_or(text),
        };
        match rest.split_once(':') {
            Some((name, qualifier)) => Self { name, qualifier: Some(qualifier) },
            None => Self { name: rest, qualifier: None },
        }
    }

    pub(super) fn arn(&self) -> String {
        format!("arn:aws:lambda:us-east-1:000000000000:function:{self}")
    }

    /// The executed version: `$LATEST`, or version 1, to which the alias points.
    pub(super) fn version(&self) -> &'static str {
        match self.qualifier {
            None | Some("$LATEST") => "$LATEST",
            Some(_) => "1",
        }
    }
}

impl fmt::Display for FunctionName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        self.qualifier.map_or(Ok(()), |qualifier| write!(f, ":{qualifier}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_found_by_name_and_by_every_form_of_its_arn() {
        fn check(text: &str, name: &str, qualifier: Option<&str>) {
            assert_eq!(FunctionName::parse(text), FunctionName { name, qualifier }, "{text}");
        }
        check("process-payment", "process-payment", None);
        check("process-payment:live", "process-payment", Some("live"));
        check("ProcessPaymentFunction:$LATEST", "ProcessPaymentFunction", Some("$LATEST"));
        check("000000000000:function:process-payment", "process-payment", None);
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:process-payment";
        check(arn, "process-payment", None);
        check(&format!("{arn}:7"), "process-payment", Some("7"));
    }

    #[test]
    fn the_executed_version_is_a_number_or_latest() {
        fn check(text: &str, version: &str) {
            assert_eq!(FunctionName::parse(text).version(), version, "{text}");
        }
        check("f", "$LATEST");
        check("f:$LATEST", "$LATEST");
        check("f:1", "1");
        check("f:live", "1");
    }
}
