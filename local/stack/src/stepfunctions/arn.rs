//! Parses and prints the ARNs of Step Functions. Account and region are fixed.
//!
//! The ARN of a state machine may have a qualifier: a version number or an alias. The ARN of an
//! Express execution ends with a random id, because names of Express executions can repeat.

use std::fmt;

/// The prefix with the stack's region and account.
const PREFIX: &str = "arn:aws:states:us-east-1:000000000000:";

/// The ARN of a state machine, or of a version or alias of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StateMachineArn {
    pub(super) name: String,
    pub(super) qualifier: Option<String>,
}

/// The ARN of an execution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ExecutionArn {
    pub(super) machine: String,
    pub(super) name: String,
    /// The id of an Express execution.
    pub(super) express_id: Option<String>,
}

/// The text is not an ARN of the expected resource type. Holds AWS's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InvalidArn(pub(super) String);

impl StateMachineArn {
    pub(super) fn unqualified(name: &str) -> Self {
        Self { name: name.to_owned(), qualifier: None }
    }

    pub(super) fn qualified(name: &str, qualifier: &str) -> Self {
        Self { name: name.to_owned(), qualifier: Some(qualifier.to_owned()) }
    }

    pub(super) fn parse(text: &str) -> Result<Self, InvalidArn> {
        let resource = resource(text)?;
        let mut parts = resource.splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("stateMachine"), Some(name), qualifier) if !name.is_empty() => {
                Ok(Self { name: name.to_owned(), qualifier: qualifier.map(str::to_owned) })
            }
            _ => Err(wrong_resource_type(text)),
        }
    }
}

impl ExecutionArn {
    /// The ARN of an execution of a Standard state machine.
    pub(super) fn standard(machine: &str, name: &str) -> Self {
        Self { machine: machine.to_owned(), name: name.to_owned(), express_id: None }
    }

    pub(super) fn parse(text: &str) -> Result<Self, InvalidArn> {
        let resource = resource(text)?;
        let parts: Vec<_> = resource.split(':').collect();
        match parts.as_slice() {
            ["execution", machine, name] if !name.is_empty() => Ok(Self::standard(machine, name)),
            ["express", machine, name, id] if !id.is_empty() => {
                let express_id = Some((*id).to_owned());
                Ok(Self { express_id, ..Self::standard(machine, name) })
            }
            _ => Err(wrong_resource_type(text)),
        }
    }

    /// The name, with the id of an Express execution: unique among the executions of the state
    /// machine. Names have no colon.
    pub(super) fn unique_name(&self) -> String {
        let id = self.express_id.as_deref();
        id.map_or_else(|| self.name.clone(), |id| format!("{}:{id}", self.name))
    }
}

impl fmt::Display for StateMachineArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}stateMachine:{}", self.name)?;
        self.qualifier.iter().try_for_each(|qualifier| write!(f, ":{qualifier}"))
    }
}

impl fmt::Display for ExecutionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.express_id.is_some() { "express" } else { "execution" };
        write!(f, "{PREFIX}{kind}:{}:{}", self.machine, self.unique_name())
    }
}

/// The part after account and region.
fn resource(text: &str) -> Result<&str, InvalidArn> {
    let Some(rest) = text.strip_prefix("arn:") else {
        return Err(InvalidArn(format!("Invalid Arn: 'Invalid ARN prefix: {text}'")));
    };
    let mut parts = rest.splitn(5, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(_), Some("states"), Some(_), Some(_), Some(resource)) => Ok(resource),
        _ => Err(wrong_resource_type(text)),
    }
}

fn wrong_resource_type(text: &str) -> InvalidArn {
    InvalidArn(format!("Invalid Arn: 'Resource type not valid in this context: {text}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_machine_arn_has_an_optional_qualifier() {
        let check = |text: &str, expected: Result<StateMachineArn, &str>| {
            let expected = expected.map_err(|message| InvalidArn(message.to_owned()));
            assert_eq!(StateMachineArn::parse(text), expected, "{text}");
        };
        let arn = |tail: &str| format!("{PREFIX}{tail}");
        check(&arn("stateMachine:Shop"), Ok(StateMachineArn::unqualified("Shop")));
        check(&arn("stateMachine:Shop:3"), Ok(StateMachineArn::qualified("Shop", "3")));
        check(&arn("stateMachine:Shop:live"), Ok(StateMachineArn::qualified("Shop", "live")));
        check("not_a_valid_arn", Err("Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'"));
    }

    #[test]
    fn a_printed_arn_parses_to_itself() {
        let execution = ExecutionArn::standard("Shop", "ord_1");
        let express = ExecutionArn { express_id: Some("id".to_owned()), ..execution.clone() };
        assert_eq!(express.to_string(), format!("{PREFIX}express:Shop:ord_1:id"));
        assert_eq!(ExecutionArn::parse(&express.to_string()), Ok(express));
        assert_eq!(ExecutionArn::parse(&execution.to_string()), Ok(execution));
        let machine = StateMachineArn::qualified("Shop", "live");
        assert_eq!(StateMachineArn::parse(&machine.to_string()), Ok(machine));
    }

    #[test]
    fn an_arn_of_the_wrong_resource_type_is_rejected() {
        let text = format!("{PREFIX}execution:Shop:ord_1");
        assert!(StateMachineArn::parse(&text).is_err());
        assert!(ExecutionArn::parse(&format!("{PREFIX}stateMachine:Shop")).is_err());
    }
}
