//! Who signed a request. Signatures are not checked; what is read off one is which
//! function calls, by its access key, and which process of it, by its session token:
//! the Lambda host gives each process both.

use crate::dynamodb::Caller;
use crate::http::{HeaderMap, header};
use crate::lambda::{ACCESS_KEY_PREFIX, SESSION_PREFIX};

/// Who signed a request, as far as that can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signer {
    function: Option<String>,
    process: Option<u64>,
}

impl Signer {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let credential = header(headers, "authorization").split_once("Credential=");
        let key = credential.and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
        let session = header(headers, "x-amz-security-token");
        Self {
            function: key.strip_prefix(ACCESS_KEY_PREFIX).map(str::to_owned),
            process: session.strip_prefix(SESSION_PREFIX).and_then(|number| number.parse().ok()),
        }
    }

    /// The caller whose calls are counted, or not.
    pub(super) fn caller(&self) -> Caller {
        self.function.clone().map_or(Caller::Other, Caller::Function)
    }

    /// The process that a fault may kill.
    pub fn process(&self) -> Option<u64> {
        self.process
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_and_its_process_are_read_off_the_signature() {
        fn check(authorization: &str, session: &str, function: Option<&str>, process: Option<u64>) {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", authorization.parse().unwrap());
            headers.insert("x-amz-security-token", session.parse().unwrap());
            let expected = Signer { function: function.map(str::to_owned), process };
            assert_eq!(Signer::of(&headers), expected, "{authorization}");
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
