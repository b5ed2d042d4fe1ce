//! One function: its settings, its names, its ARN.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::log::LogBook;
use super::pool::Pool;
use super::runtime_api::RuntimeApi;

/// How one function is run.
#[derive(Debug, Clone)]
pub struct FunctionSettings {
    /// The crate's name, under which it is invoked and logged.
    pub name: String,
    /// The resource's name in the template, under which it is invoked too.
    pub logical_id: String,
    /// The program.
    pub binary: PathBuf,
    /// The time that one invocation may take, real time.
    pub timeout: Duration,
    /// The memory that the function is told it has. Nothing enforces it.
    pub memory_mb: u32,
    /// All of its environment but what Lambda itself adds.
    pub environment: BTreeMap<String, String>,
    /// How many invocations may run at once.
    pub limit: usize,
}

/// A function with its processes.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) settings: Arc<FunctionSettings>,
    pub(super) pool: Pool,
}

impl Function {
    pub(super) fn new(
        settings: FunctionSettings,
        runtime_api: &Arc<RuntimeApi>,
        logs: &LogBook,
    ) -> Self {
        let settings = Arc::new(settings);
        let pool = Pool::new(Arc::clone(&settings), Arc::clone(runtime_api), logs.clone());
        Self { settings, pool }
    }

    /// The ARN as the function sees it: with the qualifier with which it was asked for.
    pub(super) fn arn(&self, qualifier: Option<&str>) -> String {
        Target { name: &self.settings.name, qualifier }.arn()
    }
}

/// A function as a caller names it: a name or an ARN, with or without a qualifier.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    pub(super) name: &'a str,
    pub(super) qualifier: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Takes the name out of `name`, `name:qualifier`, `account:function:name` and
    /// the full ARN.
    pub(super) fn parse(text: &'a str) -> Self {
        let local = match text.split_once(":function:") {
            Some((_, local)) => local,
            None => text.strip_prefix("function:").unwrap_or(text),
        };
        match local.split_once(':') {
            Some((name, qualifier)) => Self { name, qualifier: Some(qualifier) },
            None => Self { name: local, qualifier: None },
        }
    }

    pub(super) fn arn(&self) -> String {
        format!("arn:aws:lambda:us-east-1:000000000000:function:{self}")
    }

    /// The version that answers: a number is itself; an alias points to version 1,
    /// the only one that there is here.
    pub(super) fn version(&self) -> &'a str {
        match self.qualifier {
            None | Some("$LATEST") => "$LATEST",
            Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => number,
            Some(_) => "1",
        }
    }
}

impl fmt::Display for Target<'_> {
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
            assert_eq!(Target::parse(text), Target { name, qualifier }, "{text}");
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
            assert_eq!(Target::parse(text).version(), version, "{text}");
        }
        check("f", "$LATEST");
        check("f:$LATEST", "$LATEST");
        check("f:12", "12");
        check("f:live", "1");
    }
}
