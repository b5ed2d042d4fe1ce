//! The `Resource` of a Task state.

/// What a Task state calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A Lambda function.
    Lambda {
        /// The ARN of the function, with or without a qualifier.
        arn: String,
    },
    /// A service integration: `arn:aws:states:::dynamodb:putItem`,
    /// `arn:aws:states:::aws-sdk:s3:getObject`, ….
    Service {
        /// The service, without the `aws-sdk:` prefix.
        service: String,
        /// The API action as written in the ARN, without the integration pattern.
        api: String,
        /// An AWS SDK integration, not an optimized integration.
        sdk: bool,
        /// The integration pattern.
        pattern: IntegrationPattern,
    },
    /// An activity.
    Activity {
        /// The ARN of the activity.
        arn: String,
    },
}

/// The integration pattern: when a service task is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntegrationPattern {
    /// When the call has returned.
    RequestResponse,
    /// When the job that the call started has ended (`.sync`).
    Sync,
    /// As [`IntegrationPattern::Sync`], with the job output as JSON (`.sync:2`).
    Sync2,
    /// When a client returns the task token (`.waitForTaskToken`).
    WaitForTaskToken,
}

impl IntegrationPattern {
    /// The pattern with this suffix of a resource ARN, without the dot.
    pub(crate) fn from_suffix(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "sync" => Self::Sync,
            "sync:2" => Self::Sync2,
            "waitForTaskToken" => Self::WaitForTaskToken,
            _ => return None,
        })
    }

    /// The suffix of the pattern in a resource ARN, with the dot.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::RequestResponse => "",
            Self::Sync => ".sync",
            Self::Sync2 => ".sync:2",
            Self::WaitForTaskToken => ".waitForTaskToken",
        }
    }
}

/// Parses the ARN of a resource. Returns `None` for resources that cannot be called.
pub(super) fn parse(arn: &str) -> Option<Resource> {
    let mut parts = arn.splitn(6, ':');
    if parts.next() != Some("arn") {
        return None;
    }
    let (_partition, service) = (parts.next()?, parts.next()?);
    let (_region, _account, rest) = (parts.next()?, parts.next()?, parts.next()?);
    match service {
        "lambda" if rest.starts_with("function:") => Some(Resource::Lambda { arn: arn.to_owned() }),
        "states" if rest.starts_with("activity:") => {
            Some(Resource::Activity { arn: arn.to_owned() })
        }
        "states" => integration(rest),
        _ => None,
    }
}

/// Parses `dynamodb:putItem`, `aws-sdk:s3:getObject`, `states:startExecution.sync:2`, ….
fn integration(text: &str) -> Option<Resource> {
    let (sdk, text) = match text.strip_prefix("aws-sdk:") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (service, action) = text.split_once(':')?;
    let (api, pattern) = match action.split_once('.') {
        None => (action, IntegrationPattern::RequestResponse),
        Some((api, suffix)) => (api, IntegrationPattern::from_suffix(suffix)?),
    };
    let is_named = !service.is_empty() && !api.is_empty();
    is_named.then(|| Resource::Service {
        service: service.to_owned(),
        api: api.to_owned(),
        sdk,
        pattern,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arn: &str, expected: Option<(&str, &str, bool, IntegrationPattern)>) {
        let expected = expected.map(|(service, api, sdk, pattern)| Resource::Service {
            service: service.to_owned(),
            api: api.to_owned(),
            sdk,
            pattern,
        });
        assert_eq!(parse(arn), expected, "{arn}");
    }

    #[test]
    fn an_arn_names_its_service_integration() {
        let plain = IntegrationPattern::RequestResponse;
        check("arn:aws:states:::dynamodb:putItem", Some(("dynamodb", "putItem", false, plain)));
        check("arn:aws:states:::aws-sdk:s3:getObject", Some(("s3", "getObject", true, plain)));
        check(
            "arn:aws:states:::states:startExecution.sync:2",
            Some(("states", "startExecution", false, IntegrationPattern::Sync2)),
        );
        check(
            "arn:aws:states:::glue:startJobRun.sync",
            Some(("glue", "startJobRun", false, IntegrationPattern::Sync)),
        );
        check(
            "arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken",
            Some(("dynamodb", "updateItem", true, IntegrationPattern::WaitForTaskToken)),
        );
        check("arn:aws:states:::dynamodb", None);
        check("arn:aws:sqs:us-east-1:000000000000:queue", None);
        check("a state machine", None);
    }

    #[test]
    fn functions_and_activities_keep_their_arn() {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:process-payment:3".to_owned();
        assert_eq!(parse(&arn), Some(Resource::Lambda { arn: arn.clone() }));
        let arn = "arn:aws:states:us-east-1:000000000000:activity:pack".to_owned();
        assert_eq!(parse(&arn), Some(Resource::Activity { arn: arn.clone() }));
    }
}
