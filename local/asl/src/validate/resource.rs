//! What a Task may call: functions, activities, and the services that Step
//! Functions integrates, each in the patterns it allows.
//!
//! [`OPTIMISED`] is the table of the optimised integrations as the developer
//! guide lists them. Of the SDK integrations (`aws-sdk:service:action`) the
//! actions of the services that the local stack serves are known by name, and
//! the others by their form alone: the guide's list has thousands.

use serde_json::Value;

use super::Profile;
use super::diagnostics::{Place, Report};
use super::values;

/// Which patterns an integration allows.
type Patterns = u8;

const REQUEST: Patterns = 1;
const SYNC: Patterns = 2;
const SYNC_2: Patterns = 4;
const TOKEN: Patterns = 8;

const RUN_A_JOB: Patterns = REQUEST | SYNC;
const CALLBACK: Patterns = REQUEST | TOKEN;

/// The optimised integrations: service, actions, patterns.
const OPTIMISED: &[(&str, &[&str], Patterns)] = &[
    ("apigateway", &["invoke"], CALLBACK),
    ("athena", &["startQueryExecution"], RUN_A_JOB),
    ("athena", &["stopQueryExecution", "getQueryExecution", "getQueryResults"], REQUEST),
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
        REQUEST,
    ),
    ("databrew", &["startJobRun"], RUN_A_JOB),
    ("dynamodb", &["getItem", "putItem", "updateItem", "deleteItem"], REQUEST),
    ("ecs", &["runTask"], REQUEST | SYNC | TOKEN),
    ("eks", &["call"], REQUEST),
    ("eks", &["runJob", "createCluster", "deleteCluster", "createNodegroup"], RUN_A_JOB),
    ("eks", &["deleteNodegroup", "createFargateProfile", "deleteFargateProfile"], RUN_A_JOB),
    ("elasticmapreduce", &["createCluster", "terminateCluster", "addStep"], RUN_A_JOB | SYNC_2),
    ("elasticmapreduce", &["cancelStep", "setClusterTerminationProtection"], REQUEST),
    ("elasticmapreduce", &["modifyInstanceFleetByName", "modifyInstanceGroupByName"], REQUEST),
    ("emr-containers", &["createVirtualCluster"], REQUEST),
    ("emr-containers", &["deleteVirtualCluster", "startJobRun"], RUN_A_JOB),
    ("emr-serverless", &["createApplication", "startApplication"], RUN_A_JOB),
    ("emr-serverless", &["stopApplication", "deleteApplication"], RUN_A_JOB),
    ("emr-serverless", &["startJobRun", "cancelJobRun"], RUN_A_JOB),
    ("events", &["putEvents"], CALLBACK),
    ("glue", &["startJobRun"], RUN_A_JOB),
    ("http", &["invoke"], REQUEST),
    ("lambda", &["invoke"], CALLBACK),
    ("mediaconvert", &["createJob"], RUN_A_JOB),
    ("sagemaker", &["createHyperParameterTuningJob", "createLabelingJob"], RUN_A_JOB),
    ("sagemaker", &["createProcessingJob", "createTrainingJob", "createTransformJob"], RUN_A_JOB),
    (
        "sagemaker",
        &["createEndpoint", "createEndpointConfig", "createModel", "updateEndpoint"],
        REQUEST,
    ),
    ("sns", &["publish"], CALLBACK),
    ("sqs", &["sendMessage"], CALLBACK),
    ("states", &["startExecution"], REQUEST | SYNC | SYNC_2 | TOKEN),
];

/// The actions of the SDK integrations that are known by name.
const SDK: &[(&str, &str)] = &[
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

/// Required and further parameters of an integration.
pub(super) type Parameters = (&'static [&'static str], &'static [&'static str]);

/// What is known of the parameters of optimised integrations.
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

/// What a resource leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A function, by its ARN.
    Function,
    /// An activity.
    Activity,
    /// A service: its name, its action, and the pattern.
    Service {
        /// Such as `dynamodb`; SDK integrations have the prefix `aws-sdk:`.
        service: String,
        /// Such as `putItem`.
        action: String,
        /// One of the patterns.
        pattern: Patterns,
    },
    /// Whatever a definition that is no AWS machine yet means by it.
    Elsewhere,
}

impl Target {
    /// What is known of its parameters.
    pub(super) fn parameters(&self) -> Option<Parameters> {
        let Self::Service { service, action, .. } = self else { return None };
        let row = PARAMETERS.iter().find(|(name, api, _)| name == service && api == action);
        row.map(|(_, _, parameters)| *parameters)
    }
}

/// Judges a Task's `Resource`; gives what it leads to.
pub(super) fn of_task(
    report: &mut Report<'_>,
    at: &Place,
    value: &Value,
    express: bool,
) -> Option<Target> {
    let resource = values::text(report, at, value)?;
    let Some(target) = read(resource, report.options.profile) else {
        report.schema(
            at,
            format!(
                "The resource provided {resource} is not recognized. The value is not a valid \
                 resource ARN, or the resource is not available in this region."
            ),
        );
        return None;
    };
    if express {
        refuse_in_express(report, at, &target);
    }
    Some(target)
}

fn refuse_in_express(report: &mut Report<'_>, at: &Place, target: &Target) {
    let wrong = match target {
        Target::Activity => "Express state machine does not support Activity ARN",
        Target::Service { pattern: SYNC | SYNC_2, .. } => {
            "Express state machine does not support '.sync' service integration"
        }
        // AWS's sentence ends with a space.
        Target::Service { pattern: TOKEN, .. } => {
            "Express state machine does not support '.waitForTaskToken' service integration "
        }
        _ => return,
    };
    report.schema(at, wrong);
}

/// Judges the `Resource` of a Map's reader or writer, one of a few of S3.
pub(super) fn of_map(report: &mut Report<'_>, at: &Place, value: &Value, actions: &[&str]) {
    let Some(resource) = values::text(report, at, value) else { return };
    let of_states = Arn::read(resource).filter(|arn| arn.service == "states");
    if !of_states.is_some_and(|arn| actions.contains(&arn.resource)) {
        let examples: Vec<_> =
            actions.iter().map(|action| format!("arn:<partition>:states:::{action}")).collect();
        let examples = examples.join(", ");
        report.schema(
            at,
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
    fn read(text: &'t str) -> Option<Self> {
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

    /// Whether region and account are those of a real resource.
    fn is_placed(&self) -> bool {
        let digits = self.account.bytes().all(|byte| byte.is_ascii_digit());
        !self.region.is_empty() && self.account.len() == 12 && digits
    }
}

fn read(resource: &str, profile: Profile) -> Option<Target> {
    match profile {
        Profile::Aws => existing(resource),
        Profile::Template => existing(resource).or_else(|| named(resource)),
    }
}

/// A resource that AWS knows.
fn existing(resource: &str) -> Option<Target> {
    let arn = Arn::read(resource)?;
    match arn.service {
        "lambda" => {
            (is_function(arn.resource, in_function) && arn.is_placed()).then_some(Target::Function)
        }
        "states" => match arn.resource.strip_prefix("activity:") {
            Some(name) => (!name.is_empty() && arn.is_placed()).then_some(Target::Activity),
            None => service(arn.resource),
        },
        _ => None,
    }
}

/// A resource as the States Language has it: a URI. A function's ARN often has
/// `<NAME>` for its name, and no real region or account, but is an ARN's text.
fn named(resource: &str) -> Option<Target> {
    let of_lambda = Arn::read(resource).filter(|arn| arn.service == "lambda");
    let is_named = of_lambda.is_none_or(|arn| is_function(arn.resource, |_| true));
    (is_named && is_uri(resource)).then_some(Target::Elsewhere)
}

/// `lambda:invoke.waitForTaskToken`, `aws-sdk:dynamodb:query`.
fn service(text: &str) -> Option<Target> {
    let (text, pattern) = match text.split_once('.') {
        None => (text, REQUEST),
        Some((text, "sync")) => (text, SYNC),
        Some((text, "sync:2")) => (text, SYNC_2),
        Some((text, "waitForTaskToken")) => (text, TOKEN),
        Some(_) => return None,
    };
    let (service, action) = text.rsplit_once(':')?;
    let allowed = match service.strip_prefix("aws-sdk:") {
        Some(sdk) => {
            if is_sdk_action(sdk, action) {
                CALLBACK
            } else {
                0
            }
        }
        None => optimised(service, action),
    };
    let (service, action) = (service.to_owned(), action.to_owned());
    (allowed & pattern != 0).then_some(Target::Service { service, action, pattern })
}

fn optimised(service: &str, action: &str) -> Patterns {
    let rows =
        OPTIMISED.iter().filter(|(name, actions, _)| *name == service && actions.contains(&action));
    rows.map(|(_, _, patterns)| patterns).fold(0, |all, patterns| all | patterns)
}

fn is_sdk_action(service: &str, action: &str) -> bool {
    if let Some((_, actions)) = SDK.iter().find(|(name, _)| *name == service) {
        return actions.split_whitespace().any(|known| known == action);
    }
    let lower = |c: char| c.is_ascii_lowercase();
    let is_service =
        service.starts_with(lower) && service.chars().all(|c| lower(c) || c.is_ascii_digit());
    is_service && action.starts_with(lower) && action.chars().all(|c| c.is_ascii_alphanumeric())
}

/// `function:NAME`, or with a qualifier: a version, an alias, `$LATEST`.
fn is_function(resource: &str, in_name: fn(char) -> bool) -> bool {
    let Some(name) = resource.strip_prefix("function:") else { return false };
    let (name, qualifier) = match name.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (name, None),
    };
    let of = |text: &str, part: fn(char) -> bool| !text.is_empty() && text.chars().all(part);
    of(name, in_name) && qualifier.is_none_or(|text| text == "$LATEST" || of(text, in_function))
}

fn in_function(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_".contains(c)
}

/// The States Language itself asks only for a URI.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let in_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(in_scheme)
        && !rest.is_empty()
        && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_a_function_an_activity_or_an_integration_in_a_pattern_it_allows() {
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
            assert_eq!(read(resource, Profile::Aws).is_some(), expected, "{resource}");
        }
    }

    #[test]
    fn a_template_may_name_what_is_no_aws_resource_but_not_what_is_no_uri() {
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
            assert_eq!(read(resource, Profile::Template).is_some(), expected, "{resource}");
        }
    }
}
