//! What a Task's `Resource` names.

use crate::interpreter::{IntegrationPattern, Resource};

/// Reads a resource's ARN; none where it names nothing that can be called.
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

/// `dynamodb:putItem`, `aws-sdk:s3:getObject`, `states:startExecution.sync:2`, ….
fn integration(text: &str) -> Option<Resource> {
    let (sdk, text) = match text.strip_prefix("aws-sdk:") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (service, call) = text.split_once(':')?;
    let (api, pattern) = match call.split_once('.') {
        None => (call, IntegrationPattern::RequestResponse),
        Some((api, "sync")) => (api, IntegrationPattern::Sync),
        Some((api, "sync:2")) => (api, IntegrationPattern::Sync2),
        Some((api, "waitForTaskToken")) => (api, IntegrationPattern::WaitForTaskToken),
        Some(_) => return None,
    };
    let named = !service.is_empty() && !api.is_empty();
    named.then(|| Resource::Service {
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
    fn a_service_integration_is_told_by_its_arn() {
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
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:book:3".to_owned();
        assert_eq!(parse(&arn), Some(Resource::Lambda { arn: arn.clone() }));
        let arn = "arn:aws:states:us-east-1:000000000000:activity:pack".to_owned();
        assert_eq!(parse(&arn), Some(Resource::Activity { arn: arn.clone() }));
    }
}
