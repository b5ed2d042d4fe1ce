//! The ARNs of Step Functions: read, and made. Account and region are fixed.
//!
//! A state machine's ARN may carry a qualifier, a version's number or an alias;
//! an execution's never does here: it is named within its state machine.

use std::fmt;

/// `arn:aws:states:` with the stack's region and account.
const PREFIX: &str = "arn:aws:states:us-east-1:000000000000:";

/// The ARN of a state machine, with its qualifier where there is one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MachineArn {
    pub(super) name: String,
    pub(super) qualifier: Option<String>,
}

/// The ARN of an execution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ExecutionArn {
    pub(super) machine: String,
    pub(super) name: String,
}

/// The text is no ARN, or not one of that kind; the message is AWS's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadArn(pub(super) String);

impl MachineArn {
    pub(super) fn unqualified(name: &str) -> Self {
        Self { name: name.to_owned(), qualifier: None }
    }

    pub(super) fn qualified(name: &str, qualifier: &str) -> Self {
        Self { name: name.to_owned(), qualifier: Some(qualifier.to_owned()) }
    }

    pub(super) fn parse(text: &str) -> Result<Self, BadArn> {
        let resource = resource(text)?;
        let mut parts = resource.splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("stateMachine"), Some(name), qualifier) if !name.is_empty() => {
                Ok(Self { name: name.to_owned(), qualifier: qualifier.map(str::to_owned) })
            }
            _ => Err(not_found_there(text)),
        }
    }
}

impl ExecutionArn {
    pub(super) fn parse(text: &str) -> Result<Self, BadArn> {
        let resource = resource(text)?;
        let mut parts = resource.split(':');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("execution"), Some(machine), Some(name), None) if !name.is_empty() => {
                Ok(Self { machine: machine.to_owned(), name: name.to_owned() })
            }
            _ => Err(not_found_there(text)),
        }
    }
}

impl fmt::Display for MachineArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}stateMachine:{}", self.name)?;
        self.qualifier.iter().try_for_each(|qualifier| write!(f, ":{qualifier}"))
    }
}

impl fmt::Display for ExecutionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}execution:{}:{}", self.machine, self.name)
    }
}

/// The part behind account and region.
fn resource(text: &str) -> Result<&str, BadArn> {
    let Some(rest) = text.strip_prefix("arn:") else {
        return Err(BadArn(format!("Invalid Arn: 'Invalid ARN prefix: {text}'")));
    };
    let mut parts = rest.splitn(5, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(_), Some("states"), Some(_), Some(_), Some(resource)) => Ok(resource),
        _ => Err(not_found_there(text)),
    }
}

fn not_found_there(text: &str) -> BadArn {
    BadArn(format!("Invalid Arn: 'Resource type not valid in this context: {text}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_named_with_or_without_its_qualifier() {
        let check = |text: &str, expected: Result<MachineArn, &str>| {
            let expected = expected.map_err(|message| BadArn(message.to_owned()));
            assert_eq!(MachineArn::parse(text), expected, "{text}");
        };
        let arn = |tail: &str| format!("{PREFIX}{tail}");
        check(&arn("stateMachine:Shop"), Ok(MachineArn::unqualified("Shop")));
        check(&arn("stateMachine:Shop:3"), Ok(MachineArn::qualified("Shop", "3")));
        check(&arn("stateMachine:Shop:live"), Ok(MachineArn::qualified("Shop", "live")));
        check("not_a_valid_arn", Err("Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'"));
    }

    #[test]
    fn what_is_printed_parses_to_the_same() {
        let execution = ExecutionArn { machine: "Shop".to_owned(), name: "ord_1".to_owned() };
        assert_eq!(ExecutionArn::parse(&execution.to_string()), Ok(execution));
        let machine = MachineArn::qualified("Shop", "live");
        assert_eq!(MachineArn::parse(&machine.to_string()), Ok(machine));
    }

    #[test]
    fn an_execution_is_no_machine() {
        let text = format!("{PREFIX}execution:Shop:ord_1");
        assert!(MachineArn::parse(&text).is_err());
        assert!(ExecutionArn::parse(&format!("{PREFIX}stateMachine:Shop")).is_err());
    }
}
