//! Identity and access management: who calls the AWS endpoint, and what the role of the
//! caller allows.
//!
//! Every worker process of a function has separate [`credentials`], and the endpoint
//! verifies the [`signature`] of every request that uses them. With `--enforce-policies`,
//! [`Permissions`] evaluates each call against the caller's [`role`], which holds the
//! statements of `template.yaml`, and answers `AccessDeniedException` as AWS does. It also
//! counts which grant each call used, so that a grant that nothing needs becomes visible.
//!
//! Callers without such credentials (the AWS CLI, tests) may call everything.
//!
//! Start with [`policy`] (what a statement says) and [`access`] (what a call needs).

pub mod access;
pub mod credentials;
mod pattern;
mod permissions;
pub mod policy;
pub mod role;
pub mod signature;
mod usage;

pub use permissions::{DeniedCall, Permissions, Principal};
pub use usage::GrantUse;
