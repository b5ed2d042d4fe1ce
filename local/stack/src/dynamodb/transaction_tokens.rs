//! `ClientRequestToken`s on the stack's clock.
//!
//! A `ClientRequestToken` makes a transaction idempotent for ten minutes. The emulator
//! measures them in wall time, in which days of stack time may pass, so it would hide a
//! late retry. This module stores the tokens instead, and the emulator never sees one.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::aws::error::AwsError;
use crate::clock::StackClock;

const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// The tokens of the last ten minutes.
#[derive(Debug)]
pub(super) struct TransactionTokens {
    clock: StackClock,
    completed: Mutex<Completed>,
}

#[derive(Debug, Default)]
struct Completed {
    by_token: BTreeMap<Token, CompletedTransaction>,
    /// The same tokens, oldest first.
    by_age: VecDeque<(Timestamp, Token)>,
}

/// A token within its operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token {
    operation: String,
    text: String,
}

#[derive(Debug)]
struct CompletedTransaction {
    body: Value,
    answer: Value,
}

/// Removes the token from a request that has one.
pub(super) fn take(operation: &str, body: &mut Value) -> Option<Token> {
    if !matches!(operation, "TransactWriteItems" | "ExecuteTransaction") {
        return None;
    }
    let text = body.as_object_mut()?.shift_remove("ClientRequestToken")?;
    Some(Token { operation: operation.to_owned(), text: text.as_str()?.to_owned() })
}

impl TransactionTokens {
    pub(super) fn new(clock: StackClock) -> Self {
        Self { clock, completed: Mutex::default() }
    }

    /// Runs a transaction, or returns the earlier response if the token was used. A failed
    /// transaction does not use up its token.
    ///
    /// # Errors
    /// The error of the transaction, or `IdempotentParameterMismatchException` when the
    /// token was used for another request.
    pub(super) async fn run_once<F: Future<Output = Result<Value, AwsError>>>(
        &self,
        token: Token,
        body: Value,
        run: impl FnOnce(Value) -> F,
    ) -> Result<Value, AwsError> {
        // Held during the run, so that two requests with one token do not both run. The
        // emulator serializes them anyway.
        let mut completed = self.completed.lock().await;
        let now = self.clock.now();
        completed.forget_expired(now);
        match completed.by_token.get(&token) {
            Some(earlier) if earlier.body == body => return Ok(earlier.answer.clone()),
            Some(_) => return Err(parameter_mismatch()),
            None => (),
        }
        let answer = run(body.clone()).await?;
        completed.by_age.push_back((now, token.clone()));
        completed.by_token.insert(token, CompletedTransaction { body, answer: answer.clone() });
        Ok(answer)
    }
}

impl Completed {
    fn forget_expired(&mut self, now: Timestamp) {
        let old = |&(at, _): &(Timestamp, Token)| now.duration_since(at) >= TOKEN_LIFETIME;
        while self.by_age.front().is_some_and(old) {
            if let Some((_, token)) = self.by_age.pop_front() {
                self.by_token.remove(&token);
            }
        }
    }
}

fn parameter_mismatch() -> AwsError {
    AwsError::client(
        "IdempotentParameterMismatchException",
        "Transaction request with the same client request token but different parameters",
    )
}
