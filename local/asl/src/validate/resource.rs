//! The resources that a Task can call: functions, activities and service integrations with their
//! integration patterns.
//!
//! [`OPTIMIZED`] lists the optimized integrations of the developer guide. For AWS SDK integrations
//! (`aws-sdk:service:action`), the actions of services that the local stack implements are listed;
//! others are checked by form only, because there are thousands.

use serde_json::Value;

use super::location::Location;
use super::options::Profile;
use super::report::Report;
use super::values;
use crate::definition::IntegrationPattern::{self, RequestResponse, Sync, Sync2, WaitForTaskToken};

/// The integration patterns that an integration supports.
type Patterns = &'static [IntegrationPattern];

const REQUEST_RESPONSE: Patterns = &[RequestResponse];
const RUN_A_JOB: Patterns = &[RequestResponse, Sync];
const CALLBACK: Patterns = &[RequestResponse, WaitForTaskToken];

/// The optimized integrations: service, actions, patterns.
const OPTIMIZED: &[(&str, &[&str], Patterns)] = &[
    ("apigateway", &["invoke"], CALLBACK),
    ("athena", &["startQueryExecution"], RUN_A_JOB),
    ("athena", &["stopQueryExecution", "getQueryExecution", "getQueryResults"], REQUEST_RESPONSE),
    ("batch", &["submitJob"], RUN_A_JOB),
    ("bedrock", &["invokeModel"], CALLBACK),
    ("bedrock", &["createModelCustomizationJob"], RUN_A_JOB),
    ("codebuild", &["startBuild", "startBuildBatch", "retryBuildBatch"], RUN_A_JOB),
    (
        "codebuild",
        &[
            "stopBuild",
            "batchDeleteBuilds",
            "batchGetReports",
            "stopBuildBatch",
            "deleteBuildBatch",
        ],
        REQUEST_RESPONSE,
    ),
    ("databrew", &["startJobRun"], RUN_A_JOB),
    ("dynamodb", &["getItem", "putItem", "updateItem", "deleteItem"], REQUEST_RESPONSE),
    ("ecs", &["runTask"], &[RequestResponse, Sync, WaitForTaskToken]),
    ("eks", &["call"], REQUEST_RESPONSE),
    ("eks", &["runJob", "createCluster", "deleteCluster", "createNodegroup"], RUN_A_JOB),
    ("eks", &["deleteNodegroup", "createFargateProfile", "deleteFargateProfile"], RUN_A_JOB),
    (
        "elasticmapreduce",
        &["createCluster", "terminateCluster", "addStep"],
        &[RequestResponse, Sync, Sync2],
    ),
    ("elasticmapreduce", &["cancelStep", "setClusterTerminationProtection"], REQUEST_RESPONSE),
    (
        "elasticmapreduce",
        &["modifyInstanceFleetByName", "modifyInstanceGroupByName"],
        REQUEST_RESPONSE,
    ),
    ("emr-containers", &["createVirtualCluster"], REQUEST_RESPONSE),
    ("emr-containers", &["deleteVirtualCluster", "startJobRun"], RUN_A_JOB),
    ("emr-serverless", &["createApplication", "startApplication"], RUN_A_JOB),
    ("emr-serverless", &["stopApplication", "deleteApplication"], RUN_A_JOB),
    ("emr-serverless", &["startJobRun", "cancelJobRun"], RUN_A_JOB),
    ("events", &["putEvents"], CALLBACK),
    ("glue", &["startJobRun"], RUN_A_JOB),
    ("http", &["invoke"], REQUEST_RESPONSE),
    ("lambda", &["invoke"], CALLBACK),
    ("mediaconvert", &["createJob"], RUN_A_JOB),
    ("sagemaker", &["createHyperParameterTuningJob", "createLabelingJob"], RUN_A_JOB),
    ("sagemaker", &["createProcessingJob", "createTrainingJob", "createTransformJob"], RUN_A_JOB),
    (
        "sagemaker",
        &["createEndpoint", "createEndpointConfig", "createModel", "updateEndpoint"],
        REQUEST_RESPONSE,
    ),
    ("sns", &["publish"], CALLBACK),
    ("sqs", &["sendMessage"], CALLBACK),
    ("states", &["startExecution"], &[RequestResponse, Sync, Sync2, WaitForTaskToken]),
];

/// The known actions of AWS SDK integrations.
const SDK_ACTIONS: &[(&str, &str)] = &[
    (
        "dynamodb",
        "batchExecuteStatement batchGetItem batchWriteItem createBackup createGlobalTable \
         createTable deleteBackup deleteItem deleteResourcePolicy deleteTable describeBackup \
         describeContinuousBackups describeContributorInsights describeEndpoints describeExport \
         describeGlobalTable describeGlobalTableSettings describeImport \
         describeKinesisStreamingDestination describeLimits describeTable \
         describeTableReplicaAutoScaling describeTimeToLive disableKinesisStreamingDestination \
         enableKinesisStreamingDestination executeStatement executeTransaction \
         exportTableToPointInTime getItem getResourcePolicy importTable listBackups \
         listContributorInsights listExports listGlobalTables listImports listTables \
         listTagsOfResource putItem putResourcePolicy query restoreTableFromBackup \
         restoreTableToPointInTime scan tagResource transactGetItems transactWriteItems \
         untagResource updateContinuousBackups updateContributorInsights updateGlobalTable \
         updateGlobalTableSettings updateItem updateKinesisStreamingDestination updateTable \
         updateTableReplicaAutoScaling updateTimeToLive",
    ),
    (
        "sfn",
        "createActivity createStateMachine createStateMachineAlias deleteActivity \
         deleteStateMachine deleteStateMachineAlias deleteStateMachineVersion describeActivity \
         describeExecution describeMapRun describeStateMachine describeStateMachineAlias \
         describeStateMachineForExecution getActivityTask getExecutionHistory listActivities \
         listExecutions listMapRuns listStateMachineAliases listStateMachineVersions \
         listStateMachines listTagsForResource publishStateMachineVersion redriveExecution \
         sendTaskFailure sendTaskHeartbeat sendTaskSuccess startExecution startSyncExecution \
         stopExecution tagResource testState untagResource updateMapRun updateStateMachine \
         updateStateMachineAlias validateStateMachineDefinition",
    ),
];

/// Required and optional parameters of an integration.
pub(super) type Parameters = (&'static [&'static str], &'static [&'static str]);

/// The known parameters of optimized integrations.
const PARAMETERS: &[(&str, &str, Parameters)] = &[
    (
        "lambda",
        "invoke",
        (
            &["FunctionName"],
            &["ClientContext", "InvocationType", "LogType", "Payload", "Qualifier", "TenantId"],
        ),
    ),
    (
        "dynamodb",
        "getItem",
        (
            &["TableName", "Key"],
            &[
                "AttributesToGet",
                "ConsistentRead",
                "ExpressionAttributeNames",
                "ProjectionExpression",
                "ReturnConsumedCapacity",
            ],
        ),
    ),
    ("dynamodb", "putItem", (&["TableName", "Item"], DYNAMODB_WRITE)),
    ("dynamodb", "updateItem", (&["TableName", "Key"], DYNAMODB_WRITE)),
    ("dynamodb", "deleteItem", (&["TableName", "Key"], DYNAMODB_WRITE)),
    (
        "sqs",
        "sendMessage",
        (
            &["QueueUrl", "MessageBody"],
            &[
                "DelaySeconds",
                "MessageAttribute",
                "MessageAttributes",
                "MessageDeduplicationId",
                "MessageGroupId",
                "MessageSystemAttribute",
                "MessageSystemAttributes",
            ],
        ),
    ),
    ("events", "putEvents", (&["Entries"], &["EndpointId"])),
    ("states", "startExecution", (&["StateMachineArn"], &["Input", "Name", "TraceHeader"])),
];

const DYNAMODB_WRITE: &[&str] = &[
    "AttributeUpdates",
    "ConditionExpression",
    "ConditionalOperator",
    "Expected",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnConsumedCapacity",
    "ReturnItemCollectionMetrics",
    "ReturnValues",
    "ReturnValuesOnConditionCheckFailure",
    "UpdateExpression",
];

/// The target of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A Lambda function.
    Function,
    /// An activity.
    Activity,
    /// A service integration.
    Service {
        /// Such as `dynamodb`; AWS SDK integrations have the prefix `aws-sdk:`.
        service: String,
        /// Such as `putItem`.
        action: String,
        /// The integration pattern.
        pattern: IntegrationPattern,
    },
    /// A resource of a template that is not an AWS resource.
    Other,
}

impl Target {
    /// The known parameters of the integration.
    pub(super) fn parameters(&self) -> Option<Parameters> {
        let Self::Service { service, action, .. } = self else { return None };
        let row = PARAMETERS.iter().find(|(name, api, _)| name == service && api == action);
        row.map(|(_, _, parameters)| *parameters)
    }
}

/// Checks the `Resource` of a Task state and returns its target.
pub(super) fn check_task_resource(
    report: &mut Report<'_>,
    location: &Location,
    value: &Value,
    express: bool,
) -> Option<Target> {
    let resource = values::string(report, location, value)?;
    let Some(target) = parse(resource, report.options.profile) else {
        report.schema(
            location,
            format!(
                "The resource provided {resource} is not recognized. The value is not a valid \
                 resource ARN, or the resource is not available in this region."
            ),
        );
        return None;
    };
    if express {
        check_express_patterns(report, location, &target);
    }
    Some(target)
}

fn check_express_patterns(report: &mut Report<'_>, location: &Location, target: &Target) {
    let message = match target {
        Target::Activity => "Express state machine does not support Activity ARN",
        Target::Service { pattern: Sync | Sync2, .. } => {
            "Express state machine does not support '.sync' service integration"
        }
        // AWS's message ends with a space.
        Target::Service { pattern: WaitForTaskToken, .. } => {
            "Express state machine does not support '.waitForTaskToken' service integration "
        }
        _ => return,
    };
    report.schema(location, message);
}

/// Checks the `Resource` of an item reader or result writer, one of a few S3 actions.
pub(super) fn check_map_resource(
    report: &mut Report<'_>,
    location: &Location,
    value: &Value,
    actions: &[&str],
) {
    let Some(resource) = values::string(report, location, value) else { return };
    let states_arn = Arn::parse(resource).filter(|arn| arn.service == "states");
    if !states_arn.is_some_and(|arn| actions.contains(&arn.resource)) {
        let examples: Vec<_> =
            actions.iter().map(|action| format!("arn:<partition>:states:::{action}")).collect();
        let examples = examples.join(", ");
        report.schema(
            location,
            format!(
                "The field 'Resource' does not match any of the allowed values. Examples: [{examples}]"
            ),
        );
    }
}

struct Arn<'t> {
    service: &'t str,
    region: &'t str,
    account: &'t str,
    resource: &'t str,
}

impl<'t> Arn<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (scheme, partition) = (parts.next()?, parts.next()?);
        let (service, region) = (parts.next()?, parts.next()?);
        let (account, resource) = (parts.next()?, parts.next()?);
        (scheme == "arn" && partition.starts_with("aws")).then_some(Self {
            service,
            region,
            account,
            resource,
        })
    }

    /// Whether the ARN has the region and account of a real resource.
    fn has_region_and_account(&self) -> bool {
        let digits = self.account.bytes().all(|byte| byte.is_ascii_digit());
        !self.region.is_empty() && self.account.len() == 12 && digits
    }
}

fn parse(resource: &str, profile: Profile) -> Option<Target> {
    match profile {
        Profile::Aws => parse_aws_resource(resource),
        Profile::Template => {
            parse_aws_resource(resource).or_else(|| parse_template_resource(resource))
        }
    }
}

/// Parses a resource that AWS accepts.
fn parse_aws_resource(resource: &str) -> Option<Target> {
    let arn = Arn::parse(resource)?;
    match arn.service {
        "lambda" => (is_function(arn.resource, is_function_char) && arn.has_region_and_account())
            .then_some(Target::Function),
        "states" => match arn.resource.strip_prefix("activity:") {
            Some(name) => {
                (!name.is_empty() && arn.has_region_and_account()).then_some(Target::Activity)
            }
            None => parse_integration(arn.resource),
        },
        _ => None,
    }
}

/// Parses a resource that the States Language accepts: a URI. The ARN of a function in a template
/// often has `<NAME>` as its name and no real region or account.
fn parse_template_resource(resource: &str) -> Option<Target> {
    let lambda_arn = Arn::parse(resource).filter(|arn| arn.service == "lambda");
    let is_acceptable = lambda_arn.is_none_or(|arn| is_function(arn.resource, |_| true));
    (is_acceptable && is_uri(resource)).then_some(Target::Other)
}

/// Parses `lambda:invoke.waitForTaskToken`, `aws-sdk:dynamodb:query`, ….
fn parse_integration(text: &str) -> Option<Target> {
    let (text, pattern) = match text.split_once('.') {
        None => (text, RequestResponse),
        Some((text, suffix)) => (text, IntegrationPattern::from_suffix(suffix)?),
    };
    let (service, action) = text.rsplit_once(':')?;
    let supported = match service.strip_prefix("aws-sdk:") {
        Some(sdk) => is_sdk_action(sdk, action) && CALLBACK.contains(&pattern),
        None => is_optimized(service, action, pattern),
    };
    let (service, action) = (service.to_owned(), action.to_owned());
    supported.then_some(Target::Service { service, action, pattern })
}

fn is_optimized(service: &str, action: &str, pattern: IntegrationPattern) -> bool {
    OPTIMIZED.iter().any(|(name, actions, patterns)| {
        *name == service && actions.contains(&action) && patterns.contains(&pattern)
    })
}

fn is_sdk_action(service: &str, action: &str) -> bool {
    if let Some((_, actions)) = SDK_ACTIONS.iter().find(|(name, _)| *name == service) {
        return actions.split_whitespace().any(|known| known == action);
    }
    let lower = |c: char| c.is_ascii_lowercase();
    let is_service =
        service.starts_with(lower) && service.chars().all(|c| lower(c) || c.is_ascii_digit());
    is_service && action.starts_with(lower) && action.chars().all(|c| c.is_ascii_alphanumeric())
}

/// `function:NAME`, optionally with a qualifier: a version, an alias or `$LATEST`.
fn is_function(resource: &str, is_name_char: fn(char) -> bool) -> bool {
    let Some(name) = resource.strip_prefix("function:") else { return false };
    let (name, qualifier) = match name.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (name, None),
    };
    let matches = |text: &str, part: fn(char) -> bool| !text.is_empty() && text.chars().all(part);
    matches(name, is_name_char)
        && qualifier.is_none_or(|text| text == "$LATEST" || matches(text, is_function_char))
}

fn is_function_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_".contains(c)
}

/// The States Language requires only a URI.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme_char = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(is_scheme_char)
        && !rest.is_empty()
        && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_a_function_an_activity_or_a_supported_integration() {
        for (resource, expected) in [
            ("arn:aws:lambda:us-east-1:111111111111:function:f", true),
            ("arn:aws:lambda:us-east-1:111111111111:function:f:$LATEST", true),
            ("arn:aws:lambda:us-east-1:111111111111:function:f:", false),
            ("arn:aws:lambda:::function:f", false),
            ("arn:aws:states:us-east-1:111111111111:activity:a", true),
            ("arn:aws:states:::lambda:invoke", true),
            ("arn:aws:states:::lambda:invoke.waitForTaskToken", true),
            ("arn:aws:states:::lambda:invoke.sync", false),
            ("arn:aws:states:::lambda:call", false),
            ("arn:aws:states:::dynamodb:putItem", true),
            ("arn:aws:states:::dynamodb:putItem.waitForTaskToken", false),
            ("arn:aws:states:::dynamodb:query", false),
            ("arn:aws:states:::aws-sdk:dynamodb:query", true),
            ("arn:aws:states:::aws-sdk:dynamodb:Query", false),
            ("arn:aws:states:::aws-sdk:dynamodb:query.sync", false),
            ("arn:aws:states:::aws-sdk:s3:listBuckets.waitForTaskToken", true),
            ("arn:aws-cn:states:::states:startExecution.sync:2", true),
            ("arn:aws:states:::ecs:runTask.sync", true),
            ("arn:aws:states:::nothing:atAll", false),
            ("foo:bar", false),
            ("", false),
        ] {
            assert_eq!(parse(resource, Profile::Aws).is_some(), expected, "{resource}");
        }
    }

    #[test]
    fn a_template_may_use_any_uri_as_a_resource() {
        for (resource, expected) in [
            ("foo:bar", true),
            ("arn:aws:swf:us-east-1:123456789012:task:X", true),
            ("arn:aws:lambda:::function:f", true),
            ("arn:aws:lambda:<REGION>:<ACCOUNT>:function:<NAME>", true),
            ("arn:aws:lambda:region-1:1234567890:function:f:", false),
            ("arn:aws:lambda:region-1:1234567890:function:f:$*#$7485", false),
            ("arn:aws:states:::newservice:newAction.sync", true),
            ("${lambdaArn", false),
            ("a b:c", false),
        ] {
            assert_eq!(parse(resource, Profile::Template).is_some(), expected, "{resource}");
        }
    }
}
