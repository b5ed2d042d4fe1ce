//! What the optimised integrations add to a result: what the HTTP answer of the
//! service looked like.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::clock::StackClock;

/// One HTTP answer of a service.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) request_id: String,
    pub(super) content_type: &'static str,
    pub(super) length: usize,
    /// Headers that only this service sends, or spells so.
    pub(super) extra: Vec<(&'static str, String)>,
}

/// A request id such as AWS gives each call.
pub(super) fn request_id() -> String {
    Uuid::new_v4().to_string()
}

impl Answer {
    /// `SdkHttpMetadata` of this answer.
    pub(super) fn http(&self, clock: &StackClock) -> Value {
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
        let plain: Map<_, _> =
            headers.into_iter().map(|(name, text)| (name.to_owned(), json!(text))).collect();
        json!({ "AllHttpHeaders": all, "HttpHeaders": plain, "HttpStatusCode": self.status })
    }

    /// `SdkResponseMetadata` of this answer.
    pub(super) fn response(&self) -> Value {
        json!({ "RequestId": self.request_id })
    }
}
