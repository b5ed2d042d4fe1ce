//! Verifies a request's Signature Version 4, by signing the same request with AWS's own
//! crate and comparing the result.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::credentials::WorkerCredentials;
use crate::http::{Request, header};

/// The parts of the `Authorization` header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorization<'a> {
    pub(crate) access_key_id: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Parses `AWS4-HMAC-SHA256 Credential=…/date/region/service/aws4_request,
    /// SignedHeaders=…, Signature=…`.
    pub(crate) fn parse(header: &'a str) -> Option<Self> {
        let parts = header.strip_prefix("AWS4-HMAC-SHA256 ")?.split(',').map(str::trim);
        let fields: Vec<_> = parts.filter_map(|part| part.split_once('=')).collect();
        let field =
            |name: &str| fields.iter().find(|(found, _)| *found == name).map(|(_, value)| *value);
        let scope: Vec<_> = field("Credential")?.split('/').collect();
        let [access_key_id, _date, region, service, "aws4_request"] = scope[..] else {
            return None;
        };
        let signed_headers = field("SignedHeaders")?.split(';').collect();
        let signature = field("Signature")?;
        Some(Self { access_key_id, region, service, signed_headers, signature })
    }

    /// Whether these credentials signed the request.
    pub(crate) fn is_valid(&self, request: &Request, credentials: &WorkerCredentials) -> bool {
        self.expected(request, credentials).is_some_and(|expected| expected == self.signature)
    }

    /// The signature that the credentials give.
    pub(crate) fn expected(
        &self,
        request: &Request,
        credentials: &WorkerCredentials,
    ) -> Option<String> {
        let identity: Identity = Credentials::builder()
            .access_key_id(&credentials.access_key_id)
            .secret_access_key(&credentials.secret_access_key)
            .session_token(&credentials.session_token)
            .provider_name("worker")
            .build()
            .into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(signed_at(header(request.headers(), "x-amz-date"))?)
            .settings(SigningSettings::default())
            .build()
            .ok()?;
        // The signer adds the date and the token itself.
        let added = ["x-amz-date", "x-amz-security-token"];
        let names = self.signed_headers.iter().filter(|name| !added.contains(name));
        let headers = names.map(|name| (*name, header(request.headers(), name)));
        let host = header(request.headers(), "host");
        let url = format!("http://{host}{}", request.uri().path_and_query()?);
        let body = SignableBody::Bytes(request.body());
        let request = SignableRequest::new(request.method().as_str(), url, headers, body).ok()?;
        Some(sign(request, &parameters.into()).ok()?.signature().to_owned())
    }
}

/// Parses `20261123T090000Z`.
fn signed_at(date: &str) -> Option<SystemTime> {
    let date = DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().into())
}
