//! `ClientRequestToken`s on the stack's clock.
//!
//! DynamoDB remembers a transaction's token for ten minutes. The emulator's own
//! memory runs on the wall's clock, where those ten minutes may be days of the
//! stack's: it would hide a late repeat. So the tokens are kept here, and the
//! emulator never sees one.

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
    /// The same, oldest first, so that forgetting looks only at what it forgets.
    by_age: VecDeque<(Timestamp, Token)>,
}

/// A token holds within its operation.
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

/// Takes the token out of a request that has one.
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

    /// Runs a transaction unless its token was used; then gives the answer of then.
    /// A transaction that failed leaves no token.
    pub(super) async fn run_once<F: Future<Output = Result<Value, AwsError>>>(
        &self,
        token: Token,
        body: Value,
        run: impl FnOnce(Value) -> F,
    ) -> Result<Value, AwsError> {
        // Held over the run, so that two at once do not both run; the emulator
        // would have them wait for each other all the same.
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
