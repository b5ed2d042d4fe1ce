//! What the first pass found so far, and the rule by which an entry becomes a suspect.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use domain::ledger::{LabelEntry, OrderEntry, PaymentIntentEntry};
use domain::{Order, OrderId, Status};

use super::classify;
use super::discrepancy::{Discrepancy, DiscrepancyKind};
use super::range::Range;
use super::report::{Counts, Coverage};
use super::suspect::{MAX_SUSPECTS, Recorded, Subject, Suspect};

/// The orders that a page of a provider's ledger names, by their keys.
pub(super) type NamedOrders = BTreeMap<String, OrderEntry>;

/// What the first pass found so far.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) range: Range,
    pub(super) counts: Counts,
    pub(super) coverage: Coverage,
    /// The pairs of object and order that the providers' ledgers list, as hashes.
    listed: BTreeSet<u64>,
    pub(super) suspects: Vec<Suspect>,
    pub(super) discrepancies: Vec<Discrepancy>,
}

/// Hashes a pair of object and order to eight bytes. A collision can only hide that an
/// object is missing, and happens once in 2⁶⁴ pairs.
fn hash_pair(object: &str, order: &OrderId) -> u64 {
    let mut hasher = DefaultHasher::new();
    (object, order.as_str()).hash(&mut hasher);
    hasher.finish()
}

impl Findings {
    pub(super) fn new(range: Range) -> Self {
        Self {
            range,
            counts: Counts::default(),
            coverage: Coverage::default(),
            listed: BTreeSet::new(),
            suspects: Vec::new(),
            discrepancies: Vec::new(),
        }
    }

    pub(super) const fn has_too_many(&self) -> bool {
        self.suspects.len() + self.discrepancies.len() >= MAX_SUSPECTS
    }

    /// Compares an intent of the payment provider's ledger with the order that it names.
    pub(super) fn add_intent(&mut self, entry: &PaymentIntentEntry, orders: &NamedOrders) {
        let Some(order_id) = entry.order_id() else { return };
        self.listed.insert(hash_pair(entry.id.as_str(), &order_id));
        let recorded = match orders.get(order_id.as_str()) {
            None => classify::intent_of_unknown_order(entry, &order_id).map(|_| Recorded::Nothing),
            Some(found) => self.disagreement(found, |order| classify::intent(entry, order)),
        };
        self.add_suspect(Subject::Intent(entry.id.clone()), order_id, recorded);
    }

    /// Compares a label of the shipping provider's ledger with the order that it names.
    pub(super) fn add_label(&mut self, entry: &LabelEntry, orders: &NamedOrders) {
        let Some(order_id) = entry.order_id() else { return };
        self.listed.insert(hash_pair(entry.id.as_str(), &order_id));
        let recorded = match orders.get(order_id.as_str()) {
            None => classify::label_of_unknown_order(entry, &order_id).map(|_| Recorded::Nothing),
            Some(found) => self.disagreement(found, |order| classify::label(entry, order)),
        };
        self.add_suspect(Subject::Label(entry.id.clone()), order_id, recorded);
    }

    /// Checks an order's own record, and that the providers list what it names.
    pub(super) fn add_order(&mut self, order: &Order) {
        if !classify::is_at_rest(order, self.range.at) {
            return;
        }
        self.counts.at_rest += 1;
        let is_wrong = !classify::record(order).is_empty();
        let version = Recorded::Version(order.version);
        self.add_suspect(Subject::Record, order.order_id.clone(), is_wrong.then_some(version));
        let since = self.range.since();
        if order.status.is_closed() && since.is_none_or(|since| order.created_at >= since) {
            self.add_unlisted(order);
        }
    }

    /// Reports a record of the Orders table that is not an order.
    pub(super) fn add_malformed(&mut self, key: &str) {
        let kind = DiscrepancyKind::OrderUnreadable;
        // The key can hold anything. Only a well-formed order id is reported.
        self.discrepancies.push(match OrderId::parse(key) {
            Ok(id) => Discrepancy::of_order(kind, &id, "the record is not an order"),
            Err(_) => Discrepancy::unnamed(kind, "the record is not an order, nor its key an id"),
        });
    }

    /// Suspects the intent and the label of an order that its providers did not list.
    fn add_unlisted(&mut self, order: &Order) {
        let (id, version) = (&order.order_id, Some(Recorded::Version(order.version)));
        let is_unlisted = |object: &str| !self.listed.contains(&hash_pair(object, id));
        let intent = order.payment.intent_id.as_ref();
        let intent =
            intent.filter(|id| self.coverage.payment_provider && is_unlisted(id.as_str())).cloned();
        // Only a fulfilled order must have a label.
        let is_due = order.status == Status::Fulfilled && self.coverage.shipping_provider;
        let shipment = order.shipment.as_ref().map(|stored| &stored.shipment_id);
        let shipment = shipment.filter(|id| is_due && is_unlisted(id.as_str())).cloned();
        if let Some(intent) = intent {
            self.add_suspect(Subject::Intent(intent), id.clone(), version);
        }
        if let Some(shipment) = shipment {
            self.add_suspect(Subject::Label(shipment), id.clone(), version);
        }
    }

    /// The version of a closed order at rest that disagrees by these rules.
    fn disagreement(
        &self,
        found: &OrderEntry,
        discrepancies: impl FnOnce(&Order) -> Vec<Discrepancy>,
    ) -> Option<Recorded> {
        let OrderEntry::Order(order) = found else { return None };
        let is_comparable = order.status.is_closed() && classify::is_at_rest(order, self.range.at);
        (is_comparable && !discrepancies(order).is_empty())
            .then_some(Recorded::Version(order.version))
    }

    fn add_suspect(&mut self, subject: Subject, order_id: OrderId, recorded: Option<Recorded>) {
        self.suspects.extend(recorded.map(|recorded| Suspect { subject, order_id, recorded }));
    }
}
