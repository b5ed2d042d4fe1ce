//! The members of each operation of the Step Functions API and their constraints, from the API
//! reference.

/// A member of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    /// The name in the request.
    pub(super) name: &'static str,
    /// Whether the member is required.
    pub(super) required: bool,
    /// The constraint on its value.
    pub(super) rule: Rule,
}

/// The constraint on the value of a member.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// A string with a length in this range.
    Length { min: usize, max: usize },
    /// Like `Length`, but the value is not repeated in error messages.
    Sensitive { min: usize, max: usize },
    /// A number in this range.
    Number { min: i64, max: i64 },
    /// One of these values, listed in this order.
    Enum(&'static [&'static str]),
    /// An alias name: letters, digits and `_-.`, but not only digits, which would name a version.
    AliasName { min: usize, max: usize },
    /// Any value; other code checks it.
    Any,
}

const fn required(name: &'static str, rule: Rule) -> Member {
    Member { name, required: true, rule }
}

const fn optional(name: &'static str, rule: Rule) -> Member {
    Member { name, required: false, rule }
}

const ARN: Rule = Rule::Length { min: 1, max: 256 };
const LONG_ARN: Rule = Rule::Length { min: 1, max: 2000 };
const NAME: Rule = Rule::Length { min: 1, max: 80 };
const DEFINITION: Rule = Rule::Sensitive { min: 1, max: 1_048_576 };
const DATA: Rule = Rule::Sensitive { min: 0, max: 262_144 };
const ERROR: Rule = Rule::Sensitive { min: 0, max: 256 };
const CAUSE: Rule = Rule::Sensitive { min: 0, max: 32_768 };
const TASK_TOKEN: Rule = Rule::Length { min: 1, max: 2048 };
const PAGE_TOKEN: Rule = Rule::Length { min: 1, max: 1024 };
const EXECUTIONS_TOKEN: Rule = Rule::Length { min: 1, max: 3096 };
const PAGE_SIZE: Rule = Rule::Number { min: 0, max: 1000 };
const TYPE: Rule = Rule::Enum(&["STANDARD", "EXPRESS"]);
const STATUS: Rule =
    Rule::Enum(&["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"]);
const DESCRIPTION: Rule = Rule::Length { min: 0, max: 256 };
const TRACE_HEADER: Rule = Rule::Length { min: 0, max: 256 };
const CLIENT_TOKEN: Rule = Rule::Length { min: 1, max: 64 };

/// The operations and their members.
pub(super) const OPERATIONS: &[(&str, &[Member])] = &[
    (
        "CreateStateMachine",
        &[
            required("name", NAME),
            required("definition", DEFINITION),
            required("roleArn", ARN),
            optional("type", TYPE),
            optional("loggingConfiguration", Rule::Any),
            optional("versionDescription", DESCRIPTION),
        ],
    ),
    (
        "UpdateStateMachine",
        &[
            required("stateMachineArn", ARN),
            optional("definition", DEFINITION),
            optional("roleArn", ARN),
            optional("loggingConfiguration", Rule::Any),
            optional("versionDescription", DESCRIPTION),
        ],
    ),
    ("DescribeStateMachine", &[required("stateMachineArn", ARN)]),
    ("DeleteStateMachine", &[required("stateMachineArn", ARN)]),
    ("DescribeStateMachineForExecution", &[required("executionArn", ARN)]),
    ("ListStateMachines", &[optional("maxResults", PAGE_SIZE), optional("nextToken", PAGE_TOKEN)]),
    (
        "ListStateMachineVersions",
        &[
            required("stateMachineArn", ARN),
            optional("maxResults", PAGE_SIZE),
            optional("nextToken", PAGE_TOKEN),
        ],
    ),
    (
        "ListStateMachineAliases",
        &[
            required("stateMachineArn", ARN),
            optional("maxResults", PAGE_SIZE),
            optional("nextToken", PAGE_TOKEN),
        ],
    ),
    (
        "PublishStateMachineVersion",
        &[required("stateMachineArn", ARN), optional("description", DESCRIPTION)],
    ),
    (
        "CreateStateMachineAlias",
        &[
            required("name", Rule::AliasName { min: 1, max: 80 }),
            required("routingConfiguration", Rule::Any),
            optional("description", DESCRIPTION),
        ],
    ),
    (
        "UpdateStateMachineAlias",
        &[
            required("stateMachineAliasArn", ARN),
            optional("routingConfiguration", Rule::Any),
            optional("description", DESCRIPTION),
        ],
    ),
    ("DescribeStateMachineAlias", &[required("stateMachineAliasArn", ARN)]),
    ("DeleteStateMachineAlias", &[required("stateMachineAliasArn", ARN)]),
    ("DeleteStateMachineVersion", &[required("stateMachineVersionArn", LONG_ARN)]),
    (
        "ValidateStateMachineDefinition",
        &[
            required("definition", DEFINITION),
            optional("type", TYPE),
            optional("severity", Rule::Enum(&["ERROR", "WARNING"])),
            optional("maxResults", Rule::Number { min: 0, max: 100 }),
        ],
    ),
    (
        "StartExecution",
        &[
            required("stateMachineArn", ARN),
            optional("name", NAME),
            optional("input", DATA),
            optional("traceHeader", TRACE_HEADER),
        ],
    ),
    (
        "StartSyncExecution",
        &[
            required("stateMachineArn", ARN),
            optional("name", NAME),
            optional("input", DATA),
            optional("traceHeader", TRACE_HEADER),
        ],
    ),
    (
        "StopExecution",
        &[required("executionArn", ARN), optional("error", ERROR), optional("cause", CAUSE)],
    ),
    ("DescribeExecution", &[required("executionArn", ARN)]),
    ("RedriveExecution", &[required("executionArn", ARN), optional("clientToken", CLIENT_TOKEN)]),
    (
        "ListExecutions",
        &[
            optional("stateMachineArn", ARN),
            optional("statusFilter", STATUS),
            optional("maxResults", PAGE_SIZE),
            optional("nextToken", EXECUTIONS_TOKEN),
            optional("mapRunArn", LONG_ARN),
        ],
    ),
    (
        "GetExecutionHistory",
        &[
            required("executionArn", ARN),
            optional("maxResults", PAGE_SIZE),
            optional("nextToken", PAGE_TOKEN),
        ],
    ),
    ("SendTaskSuccess", &[required("taskToken", TASK_TOKEN), required("output", DATA)]),
    (
        "SendTaskFailure",
        &[required("taskToken", TASK_TOKEN), optional("error", ERROR), optional("cause", CAUSE)],
    ),
    ("SendTaskHeartbeat", &[required("taskToken", TASK_TOKEN)]),
    ("CreateActivity", &[required("name", NAME)]),
    ("DescribeActivity", &[required("activityArn", ARN)]),
    ("DeleteActivity", &[required("activityArn", ARN)]),
    ("GetActivityTask", &[required("activityArn", ARN), optional("workerName", NAME)]),
    ("ListActivities", &[optional("maxResults", PAGE_SIZE), optional("nextToken", PAGE_TOKEN)]),
];

/// The members of an operation.
pub(super) fn members(operation: &str) -> Option<&'static [Member]> {
    let value = OPERATIONS.iter().find(|(name, _)| *name == operation);
    value.map(|(_, members)| *members)
}
