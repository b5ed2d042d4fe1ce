//! The template's schedules and event rules.
//!
//! The local stack supports `rate(…)` of whole minutes, hours and days, and event patterns
//! with lists of values. Any other schedule or pattern is an error that names it:
//! otherwise a schedule would never run, or a rule would match too many events.

use jiff::SignedDuration;
use serde_json::{Map, Value};

use super::{Template, TemplateError, fields, invalid};

/// A schedule that invokes a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSchedule {
    /// The binary of the function.
    pub function: String,
    /// The rule's name.
    pub name: String,
    /// The time between two ticks.
    pub interval: SignedDuration,
}

/// A rule that invokes a function for each event that it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateRule {
    /// The binary of the function.
    pub function: String,
    /// The accepted values of each field, at every depth.
    pattern: Map<String, Value>,
}

impl Template {
    /// All enabled schedules.
    ///
    /// # Errors
    /// When a schedule is not supported.
    pub fn schedules(&self) -> Result<Vec<TemplateSchedule>, TemplateError> {
        self.map_events(Self::schedule)
    }

    /// All enabled event rules.
    ///
    /// # Errors
    /// When a pattern is not supported.
    pub fn rules(&self) -> Result<Vec<TemplateRule>, TemplateError> {
        self.map_events(Self::rule)
    }

    fn schedule(
        &self,
        function: &str,
        id: &str,
        (name, event): (&String, &Value),
    ) -> Result<Option<TemplateSchedule>, TemplateError> {
        // Retries and dead-letter queues are for deliveries that fail; those of the local stack
        // do not.
        const SUPPORTED: &[&str] = &[
            "DeadLetterConfig",
            "Description",
            "Enabled",
            "Name",
            "RetryPolicy",
            "Schedule",
            "State",
        ];
        if event["Type"] != "Schedule" || is_disabled(event) {
            return Ok(None);
        }
        let error = |reason: String| invalid(id, &format!("event {name}: {reason}"));
        reject_unsupported(event, SUPPORTED).map_err(error)?;
        let rate = self.text(id, &event["Properties"]["Schedule"])?;
        let own = &event["Properties"]["Name"];
        // The name that CloudFormation generates ends with random letters.
        let generated_name = || Ok(format!("local-{id}{name}"));
        Ok(Some(TemplateSchedule {
            function: function.to_owned(),
            name: if own.is_null() { generated_name()? } else { self.text(id, own)? },
            interval: parse_rate(&rate).ok_or_else(|| {
                error(format!("{rate} is not supported by the local stack, only rate(…)"))
            })?,
        }))
    }

    fn rule(
        &self,
        function: &str,
        id: &str,
        (name, event): (&String, &Value),
    ) -> Result<Option<TemplateRule>, TemplateError> {
        const SUPPORTED: &[&str] =
            &["DeadLetterConfig", "Pattern", "RetryPolicy", "RuleName", "State"];
        if event["Type"] != "EventBridgeRule" || is_disabled(event) {
            return Ok(None);
        }
        let error = |reason: String| invalid(id, &format!("event {name}: {reason}"));
        reject_unsupported(event, SUPPORTED).map_err(error)?;
        let pattern = self.references.resolve(&event["Properties"]["Pattern"]).map_err(error)?;
        let Value::Object(pattern) = pattern else {
            return Err(error("no Pattern".to_owned()));
        };
        check_pattern(&pattern).map_err(error)?;
        Ok(Some(TemplateRule { function: function.to_owned(), pattern }))
    }
}

impl TemplateRule {
    /// Whether the rule matches an event.
    pub fn matches(&self, event: &Value) -> bool {
        matches_pattern(&self.pattern, event)
    }
}

/// Each field of the pattern has one of its values. A missing field matches no value.
fn matches_pattern(pattern: &Map<String, Value>, event: &Value) -> bool {
    pattern.iter().all(|(name, accepted)| match (accepted, event.get(name)) {
        (Value::Array(values), Some(Value::Array(items))) => {
            items.iter().any(|item| values.contains(item))
        }
        (Value::Array(values), Some(value)) => values.contains(value),
        (Value::Object(inner), Some(value)) => matches_pattern(inner, value),
        _ => false,
    })
}

/// Rejects a pattern with anything but lists of values.
fn check_pattern(pattern: &Map<String, Value>) -> Result<(), String> {
    pattern.iter().try_for_each(|(name, accepted)| match accepted {
        Value::Object(inner) => check_pattern(inner),
        Value::Array(values)
            if !values.iter().any(|value| value.is_object() || value.is_array()) =>
        {
            Ok(())
        }
        _ => Err(format!(
            "{name}: {accepted} is not supported by the local stack, only lists of values"
        )),
    })
}

fn is_disabled(event: &Value) -> bool {
    let properties = &event["Properties"];
    properties["Enabled"] == false || properties["State"] == "DISABLED"
}

fn reject_unsupported(event: &Value, supported: &[&str]) -> Result<(), String> {
    match fields(&event["Properties"]).find(|(name, _)| !supported.contains(&name.as_str())) {
        Some((name, _)) => Err(format!("{name} is not supported by the local stack")),
        None => Ok(()),
    }
}

/// `rate(1 minute)`, `rate(5 hours)`, `rate(1 day)`.
fn parse_rate(rate: &str) -> Option<SignedDuration> {
    let inside = rate.trim().strip_prefix("rate(")?.strip_suffix(')')?;
    let (number, unit) = inside.trim().split_once(' ')?;
    let number: i32 = number.parse().ok().filter(|number| *number > 0)?;
    // As on AWS, the unit is singular exactly for 1.
    let unit = match (unit.trim(), number) {
        ("minute", 1) | ("minutes", 2..) => SignedDuration::from_mins(1),
        ("hour", 1) | ("hours", 2..) => SignedDuration::from_hours(1),
        ("day", 1) | ("days", 2..) => SignedDuration::from_hours(24),
        _ => return None,
    };
    unit.checked_mul(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:Flow";

    fn template(events: &str) -> Template {
        let text = format!(
            "
Resources:
  Flow: {{Type: AWS::Serverless::StateMachine}}
  F:
    Type: AWS::Serverless::Function
    Metadata: {{BuildProperties: {{Binary: f}}}}
    Properties:
      Events:
        Tick: {events}
"
        );
        Template::parse(&text).expect("YAML")
    }

    #[test]
    fn only_rates_of_minutes_hours_and_days_are_supported() {
        fn check(rate: &str, minutes: Option<i64>) {
            assert_eq!(parse_rate(rate), minutes.map(SignedDuration::from_mins), "{rate}");
        }
        check("rate(1 minute)", Some(1));
        check("rate(5 minutes)", Some(5));
        check("rate(1 hour)", Some(60));
        check("rate(12 hours)", Some(720));
        check("rate(1 day)", Some(1440));
        check("rate(7 days)", Some(10080));
        for unsupported in [
            "rate(1 minutes)",
            "rate(2 day)",
            "rate(0 minutes)",
            "rate(1 week)",
            "cron(0 0 * * ? *)",
            "rate(1)",
        ] {
            check(unsupported, None);
        }
    }

    #[test]
    fn a_schedule_has_its_own_name_or_one_that_is_made_up() {
        fn check(properties: &str, expected: Option<(&str, i64)>) {
            let schedules = template(&format!("{{Type: Schedule, Properties: {properties}}}"));
            let schedules = schedules.schedules().expect("a valid template");
            let expected = expected.map(|(name, minutes)| TemplateSchedule {
                function: "f".to_owned(),
                name: name.to_owned(),
                interval: SignedDuration::from_mins(minutes),
            });
            assert_eq!(schedules.into_iter().next(), expected, "{properties}");
        }
        let named = "{Schedule: rate(1 minute), Name: !Sub \"${AWS::StackName}-open-orders\"}";
        check(named, Some(("local-open-orders", 1)));
        check("{Schedule: rate(2 hours)}", Some(("local-FTick", 120)));
        check("{Schedule: rate(1 minute), Enabled: false}", None);
        check("{Schedule: rate(1 minute), State: DISABLED}", None);
    }

    #[test]
    fn a_rule_matches_events_whose_fields_have_one_of_its_values() {
        let rules = template(
            "{Type: EventBridgeRule, Properties: {Pattern: {source: [aws.states], \
             detail: {stateMachineArn: [!Ref Flow], status: [FAILED, ABORTED]}}}}",
        );
        let rules = rules.rules().expect("a valid template");
        let [rule] = rules.as_slice() else { panic!("{rules:?}") };
        let check = |source: &str, detail: Value, expected: bool| {
            let event = json!({ "source": source, "detail": detail, "more": 1 });
            assert_eq!(rule.matches(&event), expected, "{event}");
        };
        check("aws.states", json!({ "stateMachineArn": ARN, "status": "FAILED" }), true);
        check("aws.states", json!({ "stateMachineArn": ARN, "status": "ABORTED" }), true);
        check("aws.states", json!({ "stateMachineArn": ARN, "status": "RUNNING" }), false);
        check("aws.states", json!({ "stateMachineArn": "other", "status": "FAILED" }), false);
        check("aws.ec2", json!({ "stateMachineArn": ARN, "status": "FAILED" }), false);
        check("aws.states", json!({ "status": "FAILED" }), false);
        check("aws.states", Value::Null, false);
    }

    #[test]
    fn an_unsupported_schedule_or_pattern_is_an_error_that_names_it() {
        fn check(event: &str, expected: &str) {
            let template = template(event);
            let read = template.schedules().map(drop).and_then(|()| template.rules().map(drop));
            let error = read.expect_err("an unsupported event").to_string();
            assert!(error.contains("F: event Tick: ") && error.contains(expected), "{error}");
        }
        check("{Type: Schedule, Properties: {Schedule: cron(0 0 * * ? *)}}", "cron(0 0 * * ? *)");
        let input = "{Type: Schedule, Properties: {Schedule: rate(1 day), Input: \"{}\"}}";
        check(input, "Input is not supported");
        check("{Type: EventBridgeRule, Properties: {}}", "no Pattern");
        let prefix = "{Type: EventBridgeRule, Properties: {Pattern: {source: [{prefix: aws}]}}}";
        check(prefix, "source");
        let bus = "{Type: EventBridgeRule, Properties: {Pattern: {a: [1]}, EventBusName: b}}";
        check(bus, "EventBusName");
    }
}
