//! The addresses of a running stack: what the stack prints and its clients need.

/// The base URLs of a running stack, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Urls {
    /// The API.
    pub api: String,
    /// The AWS endpoint: Lambda, DynamoDB and Step Functions.
    pub aws: String,
    /// The Stripe emulator.
    #[serde(rename = "gateway")]
    pub stripe: String,
    /// The EasyPost emulator.
    #[serde(rename = "carrier")]
    pub easypost: String,
}
