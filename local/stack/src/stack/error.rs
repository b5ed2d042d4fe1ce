//! The reasons for which a stack does not start.

use super::listeners::PortError;
use super::state_folder::FolderError;
use crate::aws::error::AwsError;
use crate::functions::BuildError;
use crate::stepfunctions::StoreError;
use crate::template::TemplateError;

/// Why a stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A port cannot be opened.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The template, or a file that it names, cannot be read.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The template is invalid.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A function of the template has no binary.
    #[error("the function {0} has no binary: it was not built")]
    MissingBinary(String),
    /// DynamoDB or Step Functions rejected a request of the stack.
    #[error("{what}: {source}")]
    Rejected {
        /// The resource that was being created.
        what: String,
        /// The error of the service.
        source: AwsError,
    },
    /// The store of executions cannot be opened.
    #[error(transparent)]
    Executions(#[from] StoreError),
    /// A socket or a file failed.
    #[error("{what}: {source}")]
    Io {
        /// The part of the stack that was being started.
        what: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// Ctrl-C or SIGTERM arrived first.
    #[error("interrupted while starting")]
    Interrupted,
}

impl StartError {
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(super) fn rejected(what: impl Into<String>) -> impl FnOnce(AwsError) -> Self {
        let what = what.into();
        move |source| Self::Rejected { what, source }
    }
}
