//! The one AWS endpoint: what every SDK and the AWS CLI talk to.
//!
//! Read [`error`] for the shape in which every refusal goes out.

pub mod error;

pub use error::AwsError;
