//! The sentences of the errors that depend on what exists: the endpoint finds
//! them out, this words them.

use super::ApiError;

/// No state machine has this ARN.
pub fn state_machine_does_not_exist(arn: &str) -> ApiError {
    about("StateMachineDoesNotExist", "State Machine Does Not Exist", arn)
}

/// Another state machine of this name exists, with another definition or role.
pub fn state_machine_already_exists(arn: &str) -> ApiError {
    about("StateMachineAlreadyExists", "State Machine Already Exists", arn)
}

/// The state machine is being deleted.
pub fn state_machine_deleting(arn: &str) -> ApiError {
    about("StateMachineDeleting", "State Machine is being deleted", arn)
}

/// No execution has this ARN.
pub fn execution_does_not_exist(arn: &str) -> ApiError {
    about("ExecutionDoesNotExist", "Execution Does Not Exist", arn)
}

/// An execution of this name exists, with another input or already at its end.
pub fn execution_already_exists(arn: &str) -> ApiError {
    about("ExecutionAlreadyExists", "Execution Already Exists", arn)
}

/// No activity has this ARN.
pub fn activity_does_not_exist(arn: &str) -> ApiError {
    about("ActivityDoesNotExist", "Activity Does Not Exist", arn)
}

/// An express machine was asked for what only standard ones do, or the reverse.
pub fn state_machine_type_not_supported() -> ApiError {
    ApiError::new(
        "StateMachineTypeNotSupported",
        "This operation is not supported by this type of state machine",
    )
}

/// The text is no token that was ever given out.
pub fn invalid_token() -> ApiError {
    ApiError::new("InvalidToken", "Invalid Token: 'Invalid token'")
}

/// The token's task is over.
pub fn task_timed_out() -> ApiError {
    ApiError::new("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
}

/// The execution is running or has succeeded.
pub fn execution_not_redrivable(arn: &str) -> ApiError {
    about("ExecutionNotRedrivable", "Execution is not redrivable", arn)
}

/// A version was to be published of a revision that is not the current one.
pub fn revision_is_not_current(asked: &str, current: &str) -> ApiError {
    ApiError::new(
        "ConflictException",
        format!(
            "Failed to publish the State Machine version for revision {asked}. The current State \
             Machine revision is {current}."
        ),
    )
}

/// A version is to be deleted that aliases lead to.
pub fn version_is_referenced(aliases: &[&str]) -> ApiError {
    let aliases = aliases.join(", ");
    ApiError::new(
        "ConflictException",
        format!(
            "Version to be deleted must not be referenced by an alias. Current list of aliases \
             referencing this version: [{aliases}]"
        ),
    )
}

/// Nothing has this ARN.
pub fn resource_not_found(arn: &str) -> ApiError {
    about("ResourceNotFound", "Resource not found", arn)
}

fn about(code: &'static str, what: &str, arn: &str) -> ApiError {
    ApiError::new(code, format!("{what}: '{arn}'"))
}
