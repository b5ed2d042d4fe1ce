//! `cancel`: voids or refunds the payment, closes the order, and returns how it ended.
//!
//! The last step of every compensation. Before capture it cancels the intent, after capture
//! it refunds it. It records the money as returned only after the provider confirmed it.
//! A closed order keeps its record; the function still voids or refunds what is left.

use domain::compensate::{self, CompensationError};
use domain::conflict::{AttemptError, begin_compensation, retry_on_conflict, save_order};
use domain::operation::PaymentOperation;
use domain::order::TimelineCode;
use domain::payment::PaymentStatus;
use domain::ports::{LoadOrder, PaymentProvider, SaveOrder};
use domain::task_input::TaskInput;
use domain::{ErrorName, Order, Status, StepError, Timestamp};

use crate::ProcessPayment;
use crate::event::CancelOutput;

/// The outcome for an execution that does not own the order.
const SUPERSEDED: &str = "SUPERSEDED";

impl<O: LoadOrder + SaveOrder, P: PaymentProvider> ProcessPayment<O, P> {
    /// Voids or refunds the payment and closes the order. The first rule that matches
    /// decides the outcome:
    ///
    /// 1. no such order, or the execution does not own it: `SUPERSEDED`;
    /// 2. fulfilled: `FULFILLED`, and nothing is touched;
    /// 3. closed: its status. The payment is voided or refunded all the same. A failure
    ///    to do so raises attention and is no error;
    /// 4. a shipment or a reservation is left: the error `CompensationIncomplete`;
    /// 5. else the payment is voided or refunded, and the order closed with its outcome.
    ///
    /// # Errors
    ///
    /// See the table in the [crate documentation](crate).
    pub async fn cancel(
        &self,
        input: &TaskInput<PaymentOperation>,
        at: Timestamp,
    ) -> Result<CancelOutput, StepError> {
        let outcome = retry_on_conflict(|| self.cancel_once(input, at)).await?;
        Ok(CancelOutput { order_id: input.order_id.clone(), outcome })
    }

    async fn cancel_once(
        &self,
        input: &TaskInput<PaymentOperation>,
        at: Timestamp,
    ) -> Result<&'static str, AttemptError> {
        let Some(order) = self.orders.load(&input.order_id).await? else {
            return Ok(SUPERSEDED);
        };
        if !order.is_owned_by(input.execution.as_ref()) {
            return Ok(SUPERSEDED);
        }
        match order.status {
            Status::Fulfilled => Ok(order.status.as_str()),
            status if status.is_closed() => {
                self.cancel_payment_of_closed(&order, at).await?;
                Ok(status.as_str())
            }
            _ => {
                let order = self.begin_last_step(order, input, at).await?;
                let payment_status = self.cancel_payment_of_open(&order, at).await?;
                let closed = order.closed(payment_status, at)?;
                Ok(save_order(&self.orders, &order, closed).await?.status.as_str())
            }
        }
    }

    /// Records the compensation, if no earlier step did, once label and stock are returned.
    async fn begin_last_step(
        &self,
        order: Order,
        input: &TaskInput<PaymentOperation>,
        at: Timestamp,
    ) -> Result<Order, AttemptError> {
        let incomplete = |detail: &str| ErrorName::CompensationIncomplete.with_detail(detail);
        if order.has_open_shipment() {
            return Err(incomplete("a shipment is left").into());
        }
        if order.holds_stock() {
            return Err(incomplete("a reservation is left").into());
        }
        begin_compensation(&self.orders, order, &input.failed, at).await
    }

    async fn cancel_payment_of_open(
        &self,
        order: &Order,
        at: Timestamp,
    ) -> Result<PaymentStatus, AttemptError> {
        match compensate::return_payment(&self.payment_provider, order).await {
            Ok(payment_status) => Ok(payment_status),
            Err(CompensationError::NoEffect(error)) => {
                Err(self.fail_with_new_key(order, error, at).await)
            }
            Err(CompensationError::RefundNotPermitted) => {
                Err(self.leave_to_operator(order, at).await)
            }
            Err(CompensationError::Failed(error)) => Err(error.into()),
        }
    }

    /// Records the capture that may not be refunded, and returns the error that leads to an
    /// operator.
    async fn leave_to_operator(&self, order: &Order, at: Timestamp) -> AttemptError {
        if order.payment.status != PaymentStatus::Captured {
            let captured = order.with_unreturned_capture(at);
            if let Err(conflict) = save_order(&self.orders, order, captured).await {
                return conflict;
            }
        }
        let detail = "the payment is captured, and the operator did not permit a refund";
        ErrorName::RefundNotPermitted.with_detail(detail).into()
    }

    /// Voids or refunds what is left of a closed order's payment. A failure raises
    /// attention; only a failed write is an error.
    async fn cancel_payment_of_closed(
        &self,
        order: &Order,
        at: Timestamp,
    ) -> Result<(), AttemptError> {
        if is_final(order.payment.status) {
            return Ok(());
        }
        let code = match compensate::return_payment(&self.payment_provider, order).await {
            Ok(PaymentStatus::RefundFailed) => TimelineCode::RefundFailed,
            Ok(_) => return Ok(()),
            Err(_) => TimelineCode::PaymentNotFinalized,
        };
        if order.attention.is_none() {
            save_order(&self.orders, order, order.with_attention(code, at)).await?;
        }
        Ok(())
    }
}

/// Whether no money is left to return, or an operator is in charge of returning it.
const fn is_final(status: PaymentStatus) -> bool {
    matches!(status, PaymentStatus::Voided | PaymentStatus::Refunded | PaymentStatus::RefundFailed)
}
