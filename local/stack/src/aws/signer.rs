//! The signer of a request: a worker of a function, or any other client.
//!
//! A request that uses the credentials of a worker must have a valid signature. Any other
//! access key is accepted without verification, because the stack does not know its secret.

use super::error::AwsError;
use crate::dynamodb::Caller;
use crate::http::{Request, header};
use crate::iam::access::Access;
use crate::iam::credentials::IssuedCredentials;
use crate::iam::signature::Authorization;
use crate::iam::{DeniedCall, Permissions, Principal};

/// The signer of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signer {
    function: Option<String>,
    worker: Option<u64>,
}

impl Signer {
    /// A worker of a function.
    pub fn of_worker(function: &str, worker: u64) -> Self {
        Self { function: Some(function.to_owned()), worker: Some(worker) }
    }

    /// Identifies the signer.
    pub(super) fn identify(
        request: &Request,
        issued: &IssuedCredentials,
    ) -> Result<Self, AwsError> {
        let authorization = Authorization::parse(header(request.headers(), "authorization"));
        let known = authorization.and_then(|authorization| {
            let credentials = issued.find(authorization.access_key_id)?;
            Some((authorization, credentials))
        });
        match known {
            None => Ok(Self::default()),
            Some((authorization, credentials)) if authorization.is_valid(request, &credentials) => {
                Ok(Self::of_worker(&credentials.function, credentials.worker))
            }
            Some(_) => Err(invalid_signature()),
        }
    }

    /// Checks that the role of the signer allows these accesses. A client that is no
    /// function may do everything, and so may all without `permissions`.
    ///
    /// # Errors
    /// The first access that is denied.
    pub fn authorize(
        &self,
        permissions: Option<&Permissions>,
        needed: &[Access],
    ) -> Result<(), DeniedCall> {
        match (permissions, &self.function) {
            (Some(permissions), Some(name)) => permissions.check(Principal::Function(name), needed),
            _ => Ok(()),
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

fn invalid_signature() -> AwsError {
    let text = "The request signature we calculated does not match the signature you provided. \
                Check your AWS Secret Access Key and signing method. Consult the service \
                documentation for details.";
    AwsError::client("InvalidSignatureException", text)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// A request with these headers; the signature is what `sign` gives.
    fn request(authorization: &str, body: &'static str) -> Request {
        hyper::Request::post("/")
            .header("host", "127.0.0.1:4566")
            .header("x-amz-date", "20261123T090000Z")
            .header("authorization", authorization)
            .body(Bytes::from_static(body.as_bytes()))
            .unwrap()
    }

    fn authorization(key: &str, signature: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={key}/20261123/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host;x-amz-date;x-amz-security-token, Signature={signature}"
        )
    }

    #[test]
    fn a_request_with_the_key_of_a_worker_needs_its_valid_signature() {
        let issued = IssuedCredentials::default();
        let credentials = issued.issue("pay", 17);
        let signed_by = |body| {
            let unsigned = authorization(&credentials.access_key_id, "");
            let signed = Authorization::parse(&unsigned)
                .and_then(|parsed| parsed.expected(&request(&unsigned, body), &credentials));
            authorization(&credentials.access_key_id, &signed.unwrap())
        };
        let signed = signed_by("{}");
        let identified = Signer::identify(&request(&signed, "{}"), &issued).unwrap();
        assert_eq!(
            (identified.caller(), identified.worker()),
            (Caller::Function("pay".into()), Some(17))
        );
        let error = Signer::identify(&request(&signed, "{\"changed\":1}"), &issued).unwrap_err();
        assert_eq!(error.code, "InvalidSignatureException");
        let forged = authorization(&credentials.access_key_id, "0");
        Signer::identify(&request(&forged, "{}"), &issued).unwrap_err();
    }

    #[test]
    fn any_other_client_is_accepted_without_a_signature() {
        let issued = IssuedCredentials::default();
        for header in [authorization("AKIDEXAMPLE", "0"), String::new(), "Basic x".to_owned()] {
            let identified = Signer::identify(&request(&header, "{}"), &issued).unwrap();
            assert_eq!(
                (identified.caller(), identified.worker()),
                (Caller::Other, None),
                "{header}"
            );
        }
    }
}
