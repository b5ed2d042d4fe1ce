//! The second pass: verifies each suspect. Retrieves the object first, then the order.

use domain::ledger::{
    LabelEntry, ListLabels, ListPaymentIntents, OrderEntry, PaymentIntentEntry, ScanOrders,
};
use domain::ports::{PaymentRejection, ShippingRejection};
use domain::{Order, PaymentIntentId, ShipmentId};

use super::classify;
use super::discrepancy::Discrepancy;
use super::ledgers::{Ledgers, Unreadable, call_until_answered, read_or_log};
use super::suspect::{MAX_SUSPECTS, Recorded, Subject, Suspect};

/// What the second pass confirmed.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) discrepancies: Vec<Discrepancy>,
    /// Whether every suspect was verified.
    pub(super) is_complete: bool,
}

/// Verifies the first [`MAX_SUSPECTS`] suspects, while there is time.
pub(super) async fn verify<O, I, P, S>(
    ledgers: &Ledgers<'_, O, I, P, S>,
    suspects: &[Suspect],
    has_time: &(dyn Fn() -> bool + Sync),
) -> Verified
where
    O: ScanOrders,
    P: ListPaymentIntents,
    S: ListLabels,
{
    let mut verified = Verified { discrepancies: Vec::new(), is_complete: true };
    for suspect in suspects.iter().take(MAX_SUSPECTS) {
        if !has_time() {
            verified.is_complete = false;
            break;
        }
        match read_or_log("suspect", ledgers.verify(suspect).await) {
            Some(discrepancies) => verified.discrepancies.extend(discrepancies),
            None => verified.is_complete = false,
        }
    }
    verified
}

/// The order of a suspect, read again.
enum Reread {
    /// There is still no such order.
    Nothing,
    /// The order, in the same version.
    Unchanged(Box<Order>),
    /// The order changed since, so it was not at rest.
    Changed,
}

impl<O, I, P, S> Ledgers<'_, O, I, P, S>
where
    O: ScanOrders,
    P: ListPaymentIntents,
    S: ListLabels,
{
    async fn verify(&self, suspect: &Suspect) -> Result<Vec<Discrepancy>, Unreadable> {
        match &suspect.subject {
            Subject::Intent(id) => self.verify_intent(id, suspect).await,
            Subject::Label(id) => self.verify_label(id, suspect).await,
            Subject::Record => match self.reread_order(suspect).await? {
                Reread::Unchanged(order) => Ok(classify::record(&order)),
                Reread::Nothing | Reread::Changed => Ok(Vec::new()),
            },
        }
    }

    async fn verify_intent(
        &self,
        id: &PaymentIntentId,
        suspect: &Suspect,
    ) -> Result<Vec<Discrepancy>, Unreadable> {
        let entry: Option<PaymentIntentEntry> =
            match call_until_answered(|| self.payment_provider.entry(id)).await? {
                Ok(entry) => Some(entry),
                Err(PaymentRejection::NotFound) => None,
                Err(rejection) => return Err(rejection.into()),
            };
        Ok(match self.reread_order(suspect).await? {
            Reread::Nothing => entry
                .and_then(|entry| classify::intent_of_unknown_order(&entry, &suspect.order_id))
                .into_iter()
                .collect(),
            Reread::Unchanged(order) => classify::retrieved_intent(id, entry.as_ref(), &order),
            Reread::Changed => Vec::new(),
        })
    }

    async fn verify_label(
        &self,
        id: &ShipmentId,
        suspect: &Suspect,
    ) -> Result<Vec<Discrepancy>, Unreadable> {
        let entry: Option<LabelEntry> =
            match call_until_answered(|| self.shipping_provider.entry(id)).await? {
                Ok(entry) => Some(entry),
                Err(ShippingRejection::NotFound) => None,
                Err(rejection) => return Err(rejection.into()),
            };
        Ok(match self.reread_order(suspect).await? {
            Reread::Nothing => entry
                .and_then(|entry| classify::label_of_unknown_order(&entry, &suspect.order_id))
                .into_iter()
                .collect(),
            Reread::Unchanged(order) => classify::retrieved_label(id, entry.as_ref(), &order),
            Reread::Changed => Vec::new(),
        })
    }

    /// Reads the order of a suspect again. An unchanged version means that the order was at
    /// rest the whole time, because every write raises the version.
    async fn reread_order(&self, suspect: &Suspect) -> Result<Reread, Unreadable> {
        let mut found = self.orders.load_all(std::slice::from_ref(&suspect.order_id)).await?;
        let is_same = |order: &Order| suspect.recorded == Recorded::Version(order.version);
        Ok(match found.pop() {
            None if suspect.recorded == Recorded::Nothing => Reread::Nothing,
            Some(OrderEntry::Order(order)) if is_same(&order) => Reread::Unchanged(order),
            _ => Reread::Changed,
        })
    }
}
