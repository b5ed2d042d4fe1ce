//! The signer of a request. Signatures are not verified. The access key names the calling
//! function and the session token its worker: the Lambda host sets both for each worker.

use crate::dynamodb::Caller;
use crate::http::{HeaderMap, header};
use crate::lambda::{ACCESS_KEY_PREFIX, SESSION_PREFIX};

/// The signer of a request, as far as its headers show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signer {
    function: Option<String>,
    worker: Option<u64>,
}

impl Signer {
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        let credential = header(headers, "authorization").split_once("Credential=");
        let key = credential.and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
        let session = header(headers, "x-amz-security-token");
        Self {
            function: key.strip_prefix(ACCESS_KEY_PREFIX).map(str::to_owned),
            worker: session.strip_prefix(SESSION_PREFIX).and_then(|id| id.parse().ok()),
        }
    }

    /// The caller, for the counts of calls.
    pub(super) fn caller(&self) -> Caller {
        self.function.clone().map_or(Caller::Other, Caller::Function)
    }

    /// The id of the calling worker, which a fault may kill.
    pub fn worker(&self) -> Option<u64> {
        self.worker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_and_its_worker_are_read_from_the_signature() {
        fn check(authorization: &str, session: &str, function: Option<&str>, worker: Option<u64>) {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", authorization.parse().unwrap());
            headers.insert("x-amz-security-token", session.parse().unwrap());
            let expected = Signer { function: function.map(str::to_owned), worker };
            assert_eq!(Signer::from_headers(&headers), expected, "{authorization}");
        }
        let signed = |key: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential={key}/20261123/us-east-1/dynamodb/aws4_request, \
                 SignedHeaders=host, Signature=0"
            )
        };
        check(&signed("local-order-api"), "process-17", Some("order-api"), Some(17));
        check(&signed("local-order-api"), "", Some("order-api"), None);
        check(&signed("AKIDEXAMPLE"), "FwoGZXIvYXdzE", None, None);
        check("", "", None, None);
    }
}
