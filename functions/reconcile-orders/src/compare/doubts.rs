//! The second look: each doubt is looked into, the object first and then the order.

use domain::ledger::{
    LabelEntry, ListLabels, ListPaymentIntents, OrderEntry, PaymentIntentEntry, ScanOrders,
};
use domain::ports::{PaymentRejection, ShippingRejection};
use domain::{Order, OrderId, PaymentIntentId, ShipmentId};

use super::difference::Difference;
use super::judge;
use super::reading::{DOUBTS, NotRead, Reading, ask, is_read};

/// Something that may differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Doubt {
    /// What may.
    pub(super) about: About,
    /// The order that it may differ from.
    pub(super) order: OrderId,
    /// What there was of it.
    pub(super) on_record: OnRecord,
}

/// What there was on record when a doubt was raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnRecord {
    /// The order, of this version.
    Version(u64),
    /// No such order.
    Nothing,
}

/// What a doubt is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum About {
    /// An intent and the order.
    Intent(PaymentIntentId),
    /// A shipment and the order.
    Label(ShipmentId),
    /// The order's own record.
    Record,
}

/// What there is of the order of a doubt.
enum Found {
    /// There is no such order, as before.
    Nothing,
    /// The order, as it was.
    Same(Box<Order>),
    /// It is another than it was: whatever there was to see, it was not at rest.
    Moved,
}

impl<O, S, G, C> Reading<'_, O, S, G, C>
where
    O: ScanOrders,
    G: ListPaymentIntents,
    C: ListLabels,
{
    /// Looks into every doubt; whether it came to an end with each.
    pub(super) async fn look_into_doubts(&mut self) -> bool {
        let mut all = !self.has_too_many();
        for doubt in std::mem::take(&mut self.doubts).into_iter().take(DOUBTS) {
            if !(self.has_time)() {
                return false;
            }
            match is_read("doubt", self.look_into(&doubt).await) {
                Some(differences) => self.differences.extend(differences),
                None => all = false,
            }
        }
        all
    }

    /// What differs indeed.
    async fn look_into(&self, doubt: &Doubt) -> Result<Vec<Difference>, NotRead> {
        match &doubt.about {
            About::Intent(id) => self.look_into_intent(id, doubt).await,
            About::Label(id) => self.look_into_label(id, doubt).await,
            About::Record => match self.again(doubt).await? {
                Found::Same(order) => Ok(judge::record(&order)),
                Found::Nothing | Found::Moved => Ok(Vec::new()),
            },
        }
    }

    async fn look_into_intent(
        &self,
        id: &PaymentIntentId,
        doubt: &Doubt,
    ) -> Result<Vec<Difference>, NotRead> {
        let entry: Option<PaymentIntentEntry> = match ask(|| self.books.gateway.entry(id)).await? {
            Ok(entry) => Some(entry),
            Err(PaymentRejection::NotFound) => None,
            Err(refusal) => return Err(refusal.into()),
        };
        Ok(match self.again(doubt).await? {
            Found::Nothing => {
                let of_nobody = |it| judge::intent_of_nobody(&it, &doubt.order);
                entry.and_then(of_nobody).into_iter().collect()
            }
            Found::Same(order) => judge::intent_of(id, entry.as_ref(), &order),
            Found::Moved => Vec::new(),
        })
    }

    async fn look_into_label(
        &self,
        id: &ShipmentId,
        doubt: &Doubt,
    ) -> Result<Vec<Difference>, NotRead> {
        let entry: Option<LabelEntry> = match ask(|| self.books.carrier.entry(id)).await? {
            Ok(entry) => Some(entry),
            Err(ShippingRejection::NotFound) => None,
            Err(refusal) => return Err(refusal.into()),
        };
        Ok(match self.again(doubt).await? {
            Found::Nothing => {
                let of_nobody = |it| judge::label_of_nobody(&it, &doubt.order);
                entry.and_then(of_nobody).into_iter().collect()
            }
            Found::Same(order) => judge::label_of(id, entry.as_ref(), &order),
            Found::Moved => Vec::new(),
        })
    }

    /// The order of a doubt, if it is still what it was when the doubt was raised: at
    /// rest, for every write raises the version.
    async fn again(&self, doubt: &Doubt) -> Result<Found, NotRead> {
        let mut found = self.books.orders.load_all(std::slice::from_ref(&doubt.order)).await?;
        let is_same = |order: &Order| doubt.on_record == OnRecord::Version(order.version);
        Ok(match found.pop() {
            None if doubt.on_record == OnRecord::Nothing => Found::Nothing,
            Some(OrderEntry::Order(order)) if is_same(&order) => Found::Same(order),
            _ => Found::Moved,
        })
    }
}
