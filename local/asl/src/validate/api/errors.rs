//! The errors of the Step Functions API. The functions here build the errors that depend on
//! existing resources, which the endpoint detects.

use thiserror::Error;

/// An error of the API as AWS returns it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// The error code.
    pub code: ApiErrorCode,
    /// AWS's message.
    pub message: String,
}

impl ApiError {
    /// Creates an error.
    pub fn new(code: ApiErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// The code of an [`ApiError`], by its AWS name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr)]
#[expect(missing_docs, reason = "the names are those of AWS")]
pub enum ApiErrorCode {
    ActivityDoesNotExist,
    ConflictException,
    ExecutionAlreadyExists,
    ExecutionDoesNotExist,
    ExecutionNotRedrivable,
    InvalidArn,
    InvalidDefinition,
    InvalidExecutionInput,
    InvalidLoggingConfiguration,
    InvalidName,
    InvalidOutput,
    InvalidToken,
    MissingRequiredParameter,
    ParamValidationError,
    ResourceNotFound,
    StateMachineAlreadyExists,
    StateMachineDeleting,
    StateMachineDoesNotExist,
    StateMachineTypeNotSupported,
    TaskTimedOut,
    ValidationException,
}

impl ApiErrorCode {
    /// The AWS name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// No state machine has this ARN.
pub fn state_machine_does_not_exist(arn: &str) -> ApiError {
    with_arn(ApiErrorCode::StateMachineDoesNotExist, "State Machine Does Not Exist", arn)
}

/// A state machine with this name but another definition or role exists.
pub fn state_machine_already_exists(arn: &str) -> ApiError {
    with_arn(ApiErrorCode::StateMachineAlreadyExists, "State Machine Already Exists", arn)
}

/// The state machine is being deleted.
pub fn state_machine_deleting(arn: &str) -> ApiError {
    with_arn(ApiErrorCode::StateMachineDeleting, "State Machine is being deleted", arn)
}

/// No execution has this ARN.
pub fn execution_does_not_exist(arn: &str) -> ApiError {
    with_arn(ApiErrorCode::ExecutionDoesNotExist, "Execution Does Not Exist", arn)
}

/// An execution with this name exists, with another input or already closed.
pub fn execution_already_exists(arn: &str) -> ApiError {
    with_arn(ApiErrorCode::ExecutionAlreadyExists, "Execution Already Exists", arn)
}

/// No activity has this ARN.
pub fn activity_does_not_exist(arn: &str) -> ApiError {
    with_arn(ApiErrorCode::ActivityDoesNotExist, "Activity Does Not Exist", arn)
}

/// The operation does not support Express (or Standard) workflows.
pub fn state_machine_type_not_supported() -> ApiError {
    ApiError::new(
        ApiErrorCode::StateMachineTypeNotSupported,
        "This operation is not supported by this type of state machine",
    )
}

/// The text is not a task token.
pub fn invalid_token() -> ApiError {
    ApiError::new(ApiErrorCode::InvalidToken, "Invalid Token: 'Invalid token'")
}

/// The task of the token has ended.
pub fn task_timed_out() -> ApiError {
    ApiError::new(
        ApiErrorCode::TaskTimedOut,
        "Task Timed Out: 'Provided task does not exist anymore'",
    )
}

/// The execution is running or succeeded.
pub fn execution_not_redrivable(arn: &str) -> ApiError {
    with_arn(ApiErrorCode::ExecutionNotRedrivable, "Execution is not redrivable", arn)
}

/// The revision to publish is not the current one.
pub fn revision_is_not_current(requested: &str, current: &str) -> ApiError {
    ApiError::new(
        ApiErrorCode::ConflictException,
        format!(
            "Failed to publish the State Machine version for revision {requested}. The current State \
             Machine revision is {current}."
        ),
    )
}

/// Aliases refer to the version that was to be deleted.
pub fn version_is_referenced(aliases: &[&str]) -> ApiError {
    let aliases = aliases.join(", ");
    ApiError::new(
        ApiErrorCode::ConflictException,
        format!(
            "Version to be deleted must not be referenced by an alias. Current list of aliases \
             referencing this version: [{aliases}]"
        ),
    )
}

/// No resource has this ARN.
pub fn resource_not_found(arn: &str) -> ApiError {
    with_arn(ApiErrorCode::ResourceNotFound, "Resource not found", arn)
}

fn with_arn(code: ApiErrorCode, message: &str, arn: &str) -> ApiError {
    ApiError::new(code, format!("{message}: '{arn}'"))
}
