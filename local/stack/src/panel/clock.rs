//! The stack clock on the page: the time, the speed, and whether idle time is skipped.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::{Problem, invalid, json_reply, problem};
use crate::clock::StackClock;
use crate::http::{Response, StatusCode};

/// A day in a second. A faster clock would outrun the processes that it drives.
const MAX_SPEED: u32 = 86_400;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockRequest {
    speed: Option<u32>,
    skip: Option<bool>,
}

pub(super) fn to_json(clock: &StackClock) -> Value {
    let rate = clock.rate();
    json!({
        "now": format!("{:.3}", clock.now()),
        "speed": rate.speed,
        "skip": rate.skip,
        "maxSpeed": MAX_SPEED,
    })
}

/// Changes what the body names, and nothing else.
pub(super) fn change(clock: &StackClock, body: &[u8]) -> Result<Response, Problem> {
    let requested: ClockRequest = serde_json::from_slice(body).map_err(|error| invalid(&error))?;
    let mut rate = clock.rate();
    if let Some(speed) = requested.speed {
        let speed = NonZeroU32::new(speed).filter(|speed| speed.get() <= MAX_SPEED);
        let detail = format!("speed: must be a whole number from 1 to {MAX_SPEED}.");
        rate.speed = speed.ok_or_else(|| problem(StatusCode::BAD_REQUEST, detail))?;
    }
    if let Some(skip) = requested.skip {
        rate.skip = skip;
    }
    clock.set_rate(rate);
    Ok(json_reply(&to_json(clock)))
}
