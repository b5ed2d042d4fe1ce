//! The addresses of a running stack: what a server prints and what a client needs.

/// The base URLs of a running stack, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Urls {
    /// The web page and the API.
    pub api: String,
    /// The AWS endpoint: Lambda, DynamoDB and Step Functions.
    pub aws: String,
    /// The Stripe emulator.
    pub gateway: String,
    /// The EasyPost emulator.
    pub carrier: String,
}
