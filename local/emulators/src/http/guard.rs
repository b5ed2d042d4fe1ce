//! Refuses requests that a web page of another site causes.
//!
//! The servers listen on loopback, but the browser on the same machine reaches them, and
//! with it every page that it shows. Two checks keep such pages out:
//!
//! - The `Host` must name this machine. A page whose DNS name was pointed at 127.0.0.1
//!   (DNS rebinding) sends its own name.
//! - An `Origin` must be this server's own. Browsers send it with every request that can
//!   change something and with every request whose response a page of another origin
//!   reads. Programs such as curl and the SDKs send none.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{HOST, HeaderName, ORIGIN};
use hyper::http::uri::Authority;

/// Why a request is refused. The texts are for the person in front of the browser.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignRequest {
    /// The `Host` is missing or does not name this machine.
    #[error(
        "Host {0:?} is not this machine: the local stack answers only to 127.0.0.1, localhost and [::1]"
    )]
    Host(String),
    /// The request comes from a page of another origin.
    #[error(
        "a page of {0} may not call the local stack: only pages that it serves itself may, so that \
         no web site can use the development tokens"
    )]
    Origin(String),
}

/// Checks the `Host` and the `Origin` of a request.
///
/// # Errors
/// [`ForeignRequest`] if another site may have caused the request.
pub fn check(headers: &HeaderMap) -> Result<(), ForeignRequest> {
    let host = text(headers, &HOST);
    let names_this_machine = |authority: &Authority| is_loopback(authority.host());
    let Some(authority) = host.parse().ok().filter(names_this_machine) else {
        return Err(ForeignRequest::Host(host.to_owned()));
    };
    let origins = headers.get_all(ORIGIN);
    for origin in origins {
        let origin = origin.to_str().unwrap_or_default();
        let own = origin.strip_prefix("http://").and_then(|rest| rest.parse().ok());
        if own.as_ref() != Some(&authority) {
            return Err(ForeignRequest::Origin(origin.to_owned()));
        }
    }
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_its_own_pages_pass() {
        fn check_case(host: Option<&str>, origins: &[&str], refused: Option<&str>) {
            let mut headers = HeaderMap::new();
            headers.extend(host.map(|host| (HOST, host.parse().unwrap())));
            for origin in origins {
                headers.append(ORIGIN, origin.parse().unwrap());
            }
            let error = check(&headers).err().map(|error| error.to_string());
            assert_eq!(error.is_some(), refused.is_some(), "{host:?} {origins:?}: {error:?}");
            assert!(error.unwrap_or_default().contains(refused.unwrap_or_default()));
        }
        let own = "http://127.0.0.1:8080";
        check_case(Some("127.0.0.1:8080"), &[], None);
        check_case(Some("127.0.0.1:8080"), &[own], None);
        check_case(Some("localhost:8080"), &["http://localhost:8080"], None);
        check_case(Some("LOCALHOST:8080"), &["http://localhost:8080"], None);
        check_case(Some("[::1]:8080"), &["http://[::1]:8080"], None);
        check_case(Some("localhost"), &[], None);
        check_case(None, &[], Some("Host \"\""));
        check_case(Some("attacker.example"), &[], Some("attacker.example"));
        check_case(Some("attacker.example:8080"), &["http://attacker.example:8080"], Some("Host"));
        check_case(Some("localhost.attacker.example"), &[], Some("Host"));
        check_case(Some("127.0.0.1.attacker.example"), &[], Some("Host"));
        check_case(Some("192.168.1.7:8080"), &[], Some("Host"));
        check_case(Some("0.0.0.0:8080"), &[], Some("Host"));
        check_case(Some("user@127.0.0.1"), &["http://127.0.0.1"], Some("a page of"));
        check_case(Some("127.0.0.1:8080"), &["https://attacker.example"], Some("attacker.example"));
        check_case(Some("127.0.0.1:8080"), &["null"], Some("null"));
        check_case(Some("127.0.0.1:8080"), &["http://127.0.0.1:3000"], Some("3000"));
        check_case(Some("127.0.0.1:8080"), &["https://127.0.0.1:8080"], Some("https"));
        check_case(Some("127.0.0.1:8080"), &["http://localhost:8080"], Some("localhost"));
        check_case(Some("127.0.0.1:8080"), &[""], Some("a page of"));
        check_case(Some("127.0.0.1:8080"), &[own, "https://attacker.example"], Some("attacker"));
    }
}
