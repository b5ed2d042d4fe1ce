//! The requests of the Step Functions API: each operation's members and their
//! bounds, as the API reference gives them.

/// A member of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    /// Its name in the request.
    pub(super) name: &'static str,
    /// Whether a request without it is refused.
    pub(super) required: bool,
    /// What its value may be.
    pub(super) rule: Rule,
}

/// What the value of a member may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// A text of so many characters.
    Text { least: usize, most: usize },
    /// The same, but never repeated in an answer: it may be private.
    Private { least: usize, most: usize },
    /// A number within bounds.
    Number { least: i64, most: i64 },
    /// One of these words, listed in this order.
    Word(&'static [&'static str]),
    /// The name of an alias: such a text, of letters, digits and `_-.`, and not of
    /// digits alone, because those name a version.
    Alias { least: usize, most: usize },
    /// Anything: its own rules are elsewhere.
    Any,
}

const fn must(name: &'static str, rule: Rule) -> Member {
    Member { name, required: true, rule }
}

const fn may(name: &'static str, rule: Rule) -> Member {
    Member { name, required: false, rule }
}

const ARN: Rule = Rule::Text { least: 1, most: 256 };
const LONG_ARN: Rule = Rule::Text { least: 1, most: 2000 };
const NAME: Rule = Rule::Text { least: 1, most: 80 };
const DEFINITION: Rule = Rule::Private { least: 1, most: 1_048_576 };
const DATA: Rule = Rule::Private { least: 0, most: 262_144 };
const ERROR: Rule = Rule::Private { least: 0, most: 256 };
const CAUSE: Rule = Rule::Private { least: 0, most: 32_768 };
const TASK_TOKEN: Rule = Rule::Text { least: 1, most: 2048 };
const PAGE_TOKEN: Rule = Rule::Text { least: 1, most: 1024 };
const EXECUTIONS_TOKEN: Rule = Rule::Text { least: 1, most: 3096 };
const PAGE_SIZE: Rule = Rule::Number { least: 0, most: 1000 };
const TYPE: Rule = Rule::Word(&["STANDARD", "EXPRESS"]);
const STATUS: Rule =
    Rule::Word(&["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"]);
const DESCRIPTION: Rule = Rule::Text { least: 0, most: 256 };
const TRACE_HEADER: Rule = Rule::Text { least: 0, most: 256 };
const CLIENT_TOKEN: Rule = Rule::Text { least: 1, most: 64 };

/// The operations and their members.
pub(super) const OPERATIONS: &[(&str, &[Member])] = &[
    (
        "CreateStateMachine",
        &[
            must("name", NAME),
            must("definition", DEFINITION),
            must("roleArn", ARN),
            may("type", TYPE),
            may("loggingConfiguration", Rule::Any),
            may("versionDescription", DESCRIPTION),
        ],
    ),
    (
        "UpdateStateMachine",
        &[
            must("stateMachineArn", ARN),
            may("definition", DEFINITION),
            may("roleArn", ARN),
            may("loggingConfiguration", Rule::Any),
            may("versionDescription", DESCRIPTION),
        ],
    ),
    ("DescribeStateMachine", &[must("stateMachineArn", ARN)]),
    ("DeleteStateMachine", &[must("stateMachineArn", ARN)]),
    ("DescribeStateMachineForExecution", &[must("executionArn", ARN)]),
    ("ListStateMachines", &[may("maxResults", PAGE_SIZE), may("nextToken", PAGE_TOKEN)]),
    (
        "ListStateMachineVersions",
        &[must("stateMachineArn", ARN), may("maxResults", PAGE_SIZE), may("nextToken", PAGE_TOKEN)],
    ),
    (
        "ListStateMachineAliases",
        &[must("stateMachineArn", ARN), may("maxResults", PAGE_SIZE), may("nextToken", PAGE_TOKEN)],
    ),
    (
        "PublishStateMachineVersion",
        &[must("stateMachineArn", ARN), may("description", DESCRIPTION)],
    ),
    (
        "CreateStateMachineAlias",
        &[
            must("name", Rule::Alias { least: 1, most: 80 }),
            must("routingConfiguration", Rule::Any),
            may("description", DESCRIPTION),
        ],
    ),
    (
        "UpdateStateMachineAlias",
        &[
            must("stateMachineAliasArn", ARN),
            may("routingConfiguration", Rule::Any),
            may("description", DESCRIPTION),
        ],
    ),
    ("DescribeStateMachineAlias", &[must("stateMachineAliasArn", ARN)]),
    ("DeleteStateMachineAlias", &[must("stateMachineAliasArn", ARN)]),
    ("DeleteStateMachineVersion", &[must("stateMachineVersionArn", LONG_ARN)]),
    (
        "ValidateStateMachineDefinition",
        &[
            must("definition", DEFINITION),
            may("type", TYPE),
            may("severity", Rule::Word(&["ERROR", "WARNING"])),
            may("maxResults", Rule::Number { least: 0, most: 100 }),
        ],
    ),
    (
        "StartExecution",
        &[
            must("stateMachineArn", ARN),
            may("name", NAME),
            may("input", DATA),
            may("traceHeader", TRACE_HEADER),
        ],
    ),
    (
        "StartSyncExecution",
        &[
            must("stateMachineArn", ARN),
            may("name", NAME),
            may("input", DATA),
            may("traceHeader", TRACE_HEADER),
        ],
    ),
    ("StopExecution", &[must("executionArn", ARN), may("error", ERROR), may("cause", CAUSE)]),
    ("DescribeExecution", &[must("executionArn", ARN)]),
    ("RedriveExecution", &[must("executionArn", ARN), may("clientToken", CLIENT_TOKEN)]),
    (
        "ListExecutions",
        &[
            may("stateMachineArn", ARN),
            may("statusFilter", STATUS),
            may("maxResults", PAGE_SIZE),
            may("nextToken", EXECUTIONS_TOKEN),
            may("mapRunArn", LONG_ARN),
        ],
    ),
    (
        "GetExecutionHistory",
        &[must("executionArn", ARN), may("maxResults", PAGE_SIZE), may("nextToken", PAGE_TOKEN)],
    ),
    ("SendTaskSuccess", &[must("taskToken", TASK_TOKEN), must("output", DATA)]),
    ("SendTaskFailure", &[must("taskToken", TASK_TOKEN), may("error", ERROR), may("cause", CAUSE)]),
    ("SendTaskHeartbeat", &[must("taskToken", TASK_TOKEN)]),
    ("CreateActivity", &[must("name", NAME)]),
    ("DescribeActivity", &[must("activityArn", ARN)]),
    ("DeleteActivity", &[must("activityArn", ARN)]),
    ("GetActivityTask", &[must("activityArn", ARN), may("workerName", NAME)]),
    ("ListActivities", &[may("maxResults", PAGE_SIZE), may("nextToken", PAGE_TOKEN)]),
];

/// The members of an operation.
pub(super) fn members(operation: &str) -> Option<&'static [Member]> {
    let found = OPERATIONS.iter().find(|(name, _)| *name == operation);
    found.map(|(_, members)| *members)
}
