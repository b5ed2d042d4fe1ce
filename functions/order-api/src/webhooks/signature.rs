//! The signatures of the providers, over the bytes that came in.
//!
//! Compared in constant time, against each secret that is valid now: during a
//! rotation two are.

use domain::{Private, Timestamp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization as _;

use crate::problem::{Kind, Problem};

/// How far the time that Stripe signed may be from ours, before or after, in seconds.
const TOLERANCE_S: u64 = 300;
/// The bytes of an HMAC-SHA256.
const LENGTH: usize = 32;
/// A header brings no more signatures than this; Stripe sends one for each secret.
const MOST_SIGNATURES: usize = 8;

/// Why a body is not known to be the provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is not signed with a secret of ours.
    Forged,
    /// It was signed long ago, or in the future: perhaps a repeat of somebody else's.
    Stale,
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let detail = match refused {
            Refused::Forged => "the body is not signed with the secret of this webhook",
            Refused::Stale => "the time of the signature is more than 300 seconds from ours",
        };
        Self::new(Kind::BadSignature, detail)
    }
}

/// Whether Stripe signed the body: `t=…,v1=…`, HMAC-SHA256 of `{t}.{body}`
/// (docs.stripe.com/webhooks/signature).
///
/// Any `v1` may match; schemes of other names, such as `v0`, count for nothing.
pub(crate) fn stripe(
    header: &str,
    body: &[u8],
    secrets: &[Private<String>],
    now: Timestamp,
) -> Result<(), Refused> {
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    let mut times = fields().filter(|(name, _)| *name == "t").map(|(_, time)| time);
    let (Some(time), None) = (times.next(), times.next()) else { return Err(Refused::Forged) };
    let signatures: Vec<_> = fields()
        .filter(|(name, _)| *name == "v1")
        .filter_map(|(_, text)| from_hex(text))
        .take(MOST_SIGNATURES)
        .collect();
    let signed = [time.as_bytes(), b".", body];
    let ours = secrets.iter().any(|secret| {
        signatures.iter().any(|signature| matches(secret.expose(), &signed, signature))
    });
    if !ours {
        return Err(Refused::Forged);
    }
    let seconds: i64 = time.parse().or(Err(Refused::Forged))?;
    let apart = now.to_jiff().as_second().abs_diff(seconds);
    if apart <= TOLERANCE_S { Ok(()) } else { Err(Refused::Stale) }
}

/// Whether EasyPost signed the body: `hmac-sha256-hex=…`, HMAC-SHA256 of the
/// body under the secret in Unicode's normal form KD (docs.easypost.com/docs/webhooks).
pub(crate) fn easypost(
    header: &str,
    body: &[u8],
    secrets: &[Private<String>],
) -> Result<(), Refused> {
    let text = header.trim().strip_prefix("hmac-sha256-hex=").unwrap_or_default();
    let signature = from_hex(text).ok_or(Refused::Forged)?;
    let ours = secrets.iter().any(|secret| {
        let secret: String = secret.expose().nfkd().collect();
        matches(&secret, &[body], &signature)
    });
    if ours { Ok(()) } else { Err(Refused::Forged) }
}

/// In constant time.
fn matches(secret: &str, parts: &[&[u8]], signature: &[u8; LENGTH]) -> bool {
    // HMAC takes a key of any length, so this has no way to fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    for part in parts {
        mac.update(part);
    }
    mac.verify_slice(signature).is_ok()
}

fn from_hex(text: &str) -> Option<[u8; LENGTH]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|half| u8::try_from(half).ok());
    let mut bytes = [0; LENGTH];
    let pairs = text.as_bytes().chunks(2);
    if text.len() != LENGTH * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let [high, low] = *pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const NOW: i64 = 1_700_000_000;

    fn secrets(of: &[&str]) -> Vec<Private<String>> {
        of.iter().map(|secret| Private::new((*secret).to_owned())).collect()
    }

    fn hex(secret: &str, parts: &[&[u8]]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        for part in parts {
            mac.update(part);
        }
        let bytes = mac.finalize().into_bytes();
        bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|half| digit(half.into()))
            .collect()
    }

    fn digit(half: u32) -> char {
        char::from_digit(half, 16).unwrap()
    }

    fn v1(secret: &str, time: &str) -> String {
        hex(secret, &[time.as_bytes(), b".", BODY])
    }

    #[track_caller]
    fn check_stripe(header: &str, now: i64, expected: Result<(), Refused>) {
        let now = Timestamp::from_seconds(now).unwrap();
        let seen = stripe(header, BODY, &secrets(&["whsec_new", "whsec_old"]), now);
        assert_eq!(seen, expected, "{header}");
    }

    #[test]
    fn any_signature_of_any_secret_that_is_valid_now_will_do() {
        let (new, old) = (v1("whsec_new", "1700000000"), v1("whsec_old", "1700000000"));
        let other = v1("whsec_other", "1700000000");
        for header in [
            format!("t=1700000000,v1={new}"),
            format!("t=1700000000,v1={old}"),
            format!("t=1700000000,v1={other},v1={new}"),
            format!("v1={new},v0={other},t=1700000000"),
            format!("t=1700000000, v1={}", new.to_uppercase()),
        ] {
            check_stripe(&header, NOW, Ok(()));
        }
    }

    #[test]
    fn what_no_secret_of_ours_signed_is_forged() {
        let good = v1("whsec_new", "1700000000");
        let other = v1("whsec_other", "1700000000");
        let cut = good.get(..62).unwrap();
        for header in [
            String::new(),
            "nonsense".to_owned(),
            "t=1700000000".to_owned(),
            format!("v1={good}"),
            format!("t=1700000001,v1={good}"),
            format!("t=1700000000,t=1700000000,v1={good}"),
            format!("t=1700000000,v0={good}"),
            format!("t=1700000000,v1={other}"),
            format!("t=1700000000,v1={cut}"),
            format!("t=1700000000,v1={good}00"),
            format!("t=1700000000,v1=+{}", good.get(1..).unwrap()),
            format!("t=1700000000,v1={}é", good.get(2..).unwrap()),
            // Well signed, and no time.
            format!("t=soon,v1={}", v1("whsec_new", "soon")),
        ] {
            check_stripe(&header, NOW, Err(Refused::Forged));
        }
    }

    #[test]
    fn the_time_may_be_three_hundred_seconds_off_either_way() {
        let header = format!("t=1700000000,v1={}", v1("whsec_new", "1700000000"));
        for off in [-300, -1, 0, 300] {
            check_stripe(&header, NOW + off, Ok(()));
        }
        for off in [-301, 301, 86_400] {
            check_stripe(&header, NOW + off, Err(Refused::Stale));
        }
        let huge = format!("t=9223372036854775807,v1={}", v1("whsec_new", "9223372036854775807"));
        check_stripe(&huge, NOW, Err(Refused::Stale));
    }

    #[test]
    fn the_carriers_secret_is_taken_in_its_normal_form() {
        let header = format!("hmac-sha256-hex={}", hex("se\u{301}cret", &[BODY]));
        let check = |header: &str, of: &[&str], expected| {
            assert_eq!(easypost(header, BODY, &secrets(of)), expected, "{header} {of:?}");
        };
        for secret in ["s\u{e9}cret", "se\u{301}cret"] {
            check(&header, &[secret], Ok(()));
            check(&header, &["other", secret], Ok(()));
        }
        check(&header, &["secret"], Err(Refused::Forged));
        check(&header.replace("hmac-sha256-hex=", ""), &["s\u{e9}cret"], Err(Refused::Forged));
        check("", &["s\u{e9}cret"], Err(Refused::Forged));
        check(&header, &[], Err(Refused::Forged));
    }
}
