//! What a planned fault does to a call, the same for both providers.
//!
//! [`deliver`] decides what reaches the client. [`execute`] decides whether the call has its
//! effect. The provider supplies the rest through [`FaultTarget`].

use crate::exchange::{HttpResponse, InFlightCall, NetworkOutcome};
use crate::faults::{Fault, FaultKind, FaultPlan};
use crate::webhooks::{EventQueue, WebhookEvent};

/// The kinds of fault that can happen at a provider's fault points.
pub(crate) const PROVIDER_FAULT_KINDS: &[FaultKind] = &[
    FaultKind::Reject,
    FaultKind::ConnectionRefused,
    FaultKind::Hang,
    FaultKind::Delay,
    FaultKind::DropResponse,
    FaultKind::TooManyRequests,
    FaultKind::Unauthorized,
    FaultKind::PaymentRequired,
    FaultKind::Forbidden,
    FaultKind::ServerError,
    FaultKind::ServerErrorAfterEffect,
    FaultKind::MalformedResponse,
    FaultKind::Kill,
];

/// [`PROVIDER_FAULT_KINDS`], and one more that only some calls can meet.
pub(crate) const fn provider_fault_kinds_and(
    kind: FaultKind,
) -> [FaultKind; PROVIDER_FAULT_KINDS.len() + 1] {
    let mut kinds = [kind; PROVIDER_FAULT_KINDS.len() + 1];
    let (others, _) = kinds.split_at_mut(PROVIDER_FAULT_KINDS.len());
    others.copy_from_slice(PROVIDER_FAULT_KINDS);
    kinds
}

/// The kinds of fault that can happen to a webhook.
pub(crate) const WEBHOOK_FAULT_KINDS: &[FaultKind] = &[FaultKind::Drop, FaultKind::Repeat];

/// An emulator whose calls can meet a fault.
pub(crate) trait FaultTarget {
    /// A parsed API call.
    type Call;
    /// The result of a successful call, before it becomes a response.
    type Output;
    /// The provider's error.
    type Error;

    /// The order that the call belongs to.
    fn order(call: &Self::Call) -> Option<&str>;

    /// Executes the call. With `reject`, the provider rejects it by its business rules.
    fn execute(&mut self, call: &Self::Call, reject: bool) -> Result<Self::Output, Self::Error>;

    /// Executes the call under `fault` and renders the response.
    fn respond(&mut self, call: &Self::Call, fault: Option<FaultKind>) -> HttpResponse;

    /// The provider's 429.
    fn rate_limited(call: &Self::Call) -> HttpResponse;

    /// The provider's 401, 402 or 403, as the account or its key is refused.
    fn refused_account(call: &Self::Call, status: u16) -> HttpResponse;

    /// The provider's 500.
    fn server_error() -> Self::Error;

    /// Marks the call as in flight until [`crate::emulator::Emulator::release`].
    fn mark_in_flight(&mut self, call: &Self::Call) -> InFlightCall;
}

/// Executes a call, or fails it with a 500 before or after its effect.
pub(crate) fn execute<T: FaultTarget>(
    target: &mut T,
    call: &T::Call,
    fault: Option<FaultKind>,
) -> Result<T::Output, T::Error> {
    match fault {
        Some(FaultKind::ServerError) => Err(T::server_error()),
        Some(FaultKind::ServerErrorAfterEffect) => {
            // The client gets the 500 whether the call succeeded or not.
            let _ = target.execute(call, false);
            Err(T::server_error())
        }
        other => target.execute(call, other == Some(FaultKind::Reject)),
    }
}

/// Runs a call that meets `fault`, and returns what reaches the client.
pub(crate) fn deliver<T: FaultTarget>(
    target: &mut T,
    call: &T::Call,
    fault: Option<&Fault>,
) -> NetworkOutcome {
    let kind = fault.map(|fault| fault.kind);
    match kind {
        Some(FaultKind::ConnectionRefused) => return NetworkOutcome::ConnectionRefused,
        Some(FaultKind::Hang) => return NetworkOutcome::Hang(target.mark_in_flight(call)),
        Some(FaultKind::TooManyRequests) => {
            return NetworkOutcome::Response(T::rate_limited(call));
        }
        Some(FaultKind::Unauthorized) => return refused_account::<T>(call, 401),
        Some(FaultKind::PaymentRequired) => return refused_account::<T>(call, 402),
        Some(FaultKind::Forbidden) => return refused_account::<T>(call, 403),
        _ => {}
    }
    let response = target.respond(call, kind);
    match kind {
        Some(FaultKind::Delay) => NetworkOutcome::Delayed {
            response,
            delay_ms: fault.and_then(|fault| fault.delay_ms).unwrap_or(0),
            in_flight: target.mark_in_flight(call),
        },
        Some(FaultKind::DropResponse) => NetworkOutcome::ConnectionClosed,
        Some(FaultKind::Kill) => {
            NetworkOutcome::CallerKilled { order: T::order(call).map(str::to_owned) }
        }
        Some(FaultKind::MalformedResponse) => NetworkOutcome::Response(HttpResponse::malformed()),
        _ => NetworkOutcome::Response(response),
    }
}

fn refused_account<T: FaultTarget>(call: &T::Call, status: u16) -> NetworkOutcome {
    NetworkOutcome::Response(T::refused_account(call, status))
}

/// Queues a webhook event, unless a fault at `point` loses it or queues it twice.
pub(crate) fn queue_event(
    events: &mut EventQueue,
    plan: &mut FaultPlan,
    point: &str,
    event: WebhookEvent,
) {
    match plan.next_fault(point, event.order.as_deref()).map(|fault| fault.kind) {
        Some(FaultKind::Drop) => {}
        Some(FaultKind::Repeat) => {
            events.push(event.clone());
            events.push(event);
        }
        _ => events.push(event),
    }
}
