//! What `reconcile-orders` guarantees: every order is started, restarted, resumed and
//! finalized, wherever a process crashes, and the reconciliation finds every discrepancy.

#[cfg(test)]
mod backorders;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod decisions;
mod erase;
#[cfg(test)]
mod event;
#[cfg(test)]
mod finalize;
mod lease;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod passes;
#[cfg(test)]
mod reconciliation;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod support;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod webhooks;
