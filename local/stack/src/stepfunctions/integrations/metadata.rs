//! The HTTP metadata that optimized integrations add to a result.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::clock::StackClock;

/// The HTTP response of a service.
pub(super) struct HttpResponse {
    pub(super) status: u16,
    pub(super) request_id: String,
    pub(super) content_type: &'static str,
    pub(super) length: usize,
    /// Headers that only this service sends, or whose spelling differs between services.
    pub(super) extra: Vec<(&'static str, String)>,
}

/// A new request id in the form that AWS uses.
pub(super) fn request_id() -> String {
    Uuid::new_v4().to_string()
}

impl HttpResponse {
    /// The `SdkHttpMetadata` of this response.
    pub(super) fn sdk_http_metadata(&self, clock: &StackClock) -> Value {
        let date = clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let mut headers: Vec<(&str, String)> = self.extra.clone();
        headers.extend([
            ("x-amzn-RequestId", self.request_id.clone()),
            ("Content-Length", self.length.to_string()),
            ("Date", date),
            ("Content-Type", self.content_type.to_owned()),
        ]);
        let all: Map<_, _> =
            headers.iter().map(|(name, text)| ((*name).to_owned(), json!([text]))).collect();
        let single: Map<_, _> =
            headers.into_iter().map(|(name, text)| (name.to_owned(), json!(text))).collect();
        json!({ "AllHttpHeaders": all, "HttpHeaders": single, "HttpStatusCode": self.status })
    }

    /// The `SdkResponseMetadata` of this response.
    pub(super) fn sdk_response_metadata(&self) -> Value {
        json!({ "RequestId": self.request_id })
    }
}
