//! The first look: reads the books, a page at a time, and raises doubts.
//!
//! The order of reading is what the promise of [`compare`](super) rests on: an
//! entry of a provider first, the order that it names after it; the shelves between
//! two readings of the orders. [`doubts`](super::doubts) is the second look.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use domain::ledger::{
    LabelEntry, LedgerPage, ListLabels, ListPaymentIntents, OrderEntry, PaymentIntentEntry,
    ReadStockLevels, ScanOrders,
};
use domain::ports::{CallOutcome, PaymentRejection, ShippingRejection, StoreUnavailable};
use domain::{Order, OrderId, Status};

use super::difference::{Difference, Kind};
use super::doubts::{About, Doubt, OnRecord};
use super::report::{Compared, Report, Through};
use super::shelves::{self, Holdings};
use super::{Compare, Range, judge};

/// A provider that does not answer is asked this often, one call after the other.
const ATTEMPTS: usize = 3;
/// More doubts than a person could look at. So many mean that something is wrong
/// with all of it, such as another account's key.
pub(super) const DOUBTS: usize = 1_000;
/// Until when shipments are asked for: what is made meanwhile is listed too.
const AHEAD_HOURS: i64 = 24;

/// A book, or an entry of one, could not be read. Nothing follows from that.
#[derive(Debug)]
pub(super) struct NotRead(String);

impl NotRead {
    fn because(why: &str) -> Self {
        Self(why.to_owned())
    }
}

impl From<StoreUnavailable> for NotRead {
    fn from(error: StoreUnavailable) -> Self {
        Self(error.to_string())
    }
}

impl From<PaymentRejection> for NotRead {
    fn from(refusal: PaymentRejection) -> Self {
        Self(match refusal {
            PaymentRejection::Misconfigured(why) => why,
            _ => "the gateway refuses to be read".to_owned(),
        })
    }
}

impl From<ShippingRejection> for NotRead {
    fn from(refusal: ShippingRejection) -> Self {
        Self(match refusal {
            ShippingRejection::Misconfigured(why) | ShippingRejection::Rejected(why) => why,
            _ => "the carrier refuses to be read".to_owned(),
        })
    }
}

/// Asks until there is an answer, a few times.
pub(super) async fn ask<T, R, F>(call: impl Fn() -> F) -> Result<Result<T, R>, NotRead>
where
    F: Future<Output = CallOutcome<T, R>>,
{
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        match call().await {
            CallOutcome::Succeeded(done) => return Ok(Ok(done)),
            CallOutcome::Rejected(refusal) => return Ok(Err(refusal)),
            CallOutcome::NotSent(reason) | CallOutcome::Unknown(reason) => why = reason,
        }
    }
    Err(NotRead(why))
}

/// Whether it was read; why not is logged here.
pub(super) fn is_read<T>(book: &'static str, read: Result<T, NotRead>) -> Option<T> {
    read.map_err(|NotRead(why)| tracing::warn!(book, why, "not read to its end")).ok()
}

/// Reads all four books and says what differs.
pub(super) async fn read<O, S, G, C>(
    books: &Compare<'_, O, S, G, C>,
    range: Range,
    has_time: &(dyn Fn() -> bool + Sync),
) -> Report
where
    O: ScanOrders,
    S: ReadStockLevels,
    G: ListPaymentIntents,
    C: ListLabels,
{
    let mut reading = Reading {
        books,
        range,
        has_time,
        compared: Compared::default(),
        through: Through::default(),
        seen: BTreeSet::new(),
        doubts: Vec::new(),
        differences: Vec::new(),
    };
    reading.through.gateway = is_read("gateway", reading.gateway().await).is_some();
    reading.through.carrier = is_read("carrier", reading.carrier().await).is_some();
    let holdings = is_read("orders", reading.orders().await);
    reading.through.orders = holdings.is_some();
    if let Some(holdings) = holdings {
        reading.through.stock = is_read("stock", reading.stock(&holdings).await).is_some();
    }
    reading.through.doubts = reading.look_into_doubts().await;
    Report::of(reading.differences, reading.compared, reading.through)
}

/// A comparison under way.
pub(super) struct Reading<'a, O, S, G, C> {
    pub(super) books: &'a Compare<'a, O, S, G, C>,
    pub(super) range: Range,
    pub(super) has_time: &'a (dyn Fn() -> bool + Sync),
    compared: Compared,
    through: Through,
    /// Which object was seen to name which order: eight bytes each.
    seen: BTreeSet<u64>,
    pub(super) doubts: Vec<Doubt>,
    pub(super) differences: Vec<Difference>,
}

/// That this object names this order, in eight bytes. Two that are taken for one
/// hide at most that an object is missing, once in 2⁶⁴ pairs.
fn mark(object: &str, order: &OrderId) -> u64 {
    let mut hasher = DefaultHasher::new();
    (object, order.as_str()).hash(&mut hasher);
    hasher.finish()
}

/// The orders that a page names, by their keys.
type Named = BTreeMap<String, OrderEntry>;

impl<O, S, G, C> Reading<'_, O, S, G, C>
where
    O: ScanOrders,
    S: ReadStockLevels,
    G: ListPaymentIntents,
    C: ListLabels,
{
    async fn gateway(&mut self) -> Result<(), NotRead> {
        let since = self.range.since();
        let mut after: Option<String> = None;
        loop {
            let part =
                ask(|| self.books.gateway.list_payment_intents(since, after.as_deref())).await??;
            self.compared.intents += part.entries.len();
            let orders = self.named(part.entries.iter().map(PaymentIntentEntry::order_id)).await?;
            for entry in &part.entries {
                self.intent(entry, &orders);
            }
            after = self.go_on(&part, after.as_deref())?;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn carrier(&mut self) -> Result<(), NotRead> {
        let since = self.range.since();
        let until = self.range.at.plus_hours(AHEAD_HOURS);
        let mut after: Option<String> = None;
        loop {
            let part =
                ask(|| self.books.carrier.list_labels(since, until, after.as_deref())).await??;
            self.compared.shipments += part.entries.len();
            let orders = self.named(part.entries.iter().map(LabelEntry::order_id)).await?;
            for entry in &part.entries {
                self.label(entry, &orders);
            }
            after = self.go_on(&part, after.as_deref())?;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Reads and judges the orders; what they hold.
    async fn orders(&mut self) -> Result<Holdings, NotRead> {
        let (mut holdings, mut after) = (Holdings::default(), None);
        loop {
            let part = self.books.orders.scan(after.as_deref()).await?;
            self.compared.orders += part.entries.len();
            for entry in &part.entries {
                match entry {
                    OrderEntry::Order(order) => {
                        holdings.count(order);
                        self.order(order);
                    }
                    OrderEntry::Malformed(id) => self.spoilt(id),
                }
            }
            after = self.go_on(&part, after.as_deref())?;
            if after.is_none() {
                return Ok(holdings);
            }
        }
    }

    /// Compares the shelves with what orders hold. Whoever moves stock meanwhile
    /// raises a doubt at most: then both are read once more.
    async fn stock(&mut self, before: &Holdings) -> Result<(), NotRead> {
        let first = self.books.stock.stock_levels().await?;
        self.compared.skus = first.entries.len();
        if first.unreadable == 0 && shelves::differences(before, &first.entries, before).is_empty()
        {
            return Ok(());
        }
        let shelves = self.books.stock.stock_levels().await?;
        let after = self.holdings_again().await?;
        let mut differing = shelves::differences(before, &shelves.entries, &after);
        if shelves.unreadable > 0 {
            // One that cannot be read is not missing.
            differing.retain(|it| it.kind != Kind::ShelfMissing);
            let detail = format!("{} of them", shelves.unreadable);
            differing.push(Difference::of_nobody(Kind::ShelfUnreadable, detail));
        }
        self.differences.extend(differing);
        Ok(())
    }

    async fn holdings_again(&self) -> Result<Holdings, NotRead> {
        let (mut holdings, mut after) = (Holdings::default(), None);
        loop {
            let part = self.books.orders.scan(after.as_deref()).await?;
            for entry in &part.entries {
                match entry {
                    OrderEntry::Order(order) => holdings.count(order),
                    OrderEntry::Malformed(_) => {
                        return Err(NotRead::because("nobody knows what a spoilt order holds"));
                    }
                }
            }
            after = self.go_on(&part, after.as_deref())?;
            if after.is_none() {
                return Ok(holdings);
            }
        }
    }

    /// What there is on record under the names of orders that a page holds.
    async fn named(
        &mut self,
        named: impl Iterator<Item = Option<OrderId>>,
    ) -> Result<Named, NotRead> {
        let (ours, foreign): (Vec<_>, Vec<_>) = named.partition(Option::is_some);
        self.compared.foreign += foreign.len();
        let ids: BTreeSet<OrderId> = ours.into_iter().flatten().collect();
        let ids: Vec<OrderId> = ids.into_iter().collect();
        let by_key = |entry: OrderEntry| match &entry {
            OrderEntry::Order(order) => (order.order_id.to_string(), entry),
            OrderEntry::Malformed(id) => (id.clone(), entry),
        };
        Ok(self.books.orders.load_all(&ids).await?.into_iter().map(by_key).collect())
    }
}

/// What each entry raises.
impl<O, S, G, C> Reading<'_, O, S, G, C> {
    /// Where a book goes on, if it does and there is time to.
    fn go_on<T>(
        &self,
        part: &LedgerPage<T>,
        before: Option<&str>,
    ) -> Result<Option<String>, NotRead> {
        match &part.next {
            None => Ok(None),
            Some(next) if Some(next.as_str()) == before => {
                Err(NotRead::because("it goes in circles"))
            }
            Some(_) if self.has_too_many() => Err(NotRead::because("there are too many doubts")),
            Some(_) if !(self.has_time)() => Err(NotRead::because("there was no time left")),
            Some(next) => Ok(Some(next.clone())),
        }
    }

    pub(super) const fn has_too_many(&self) -> bool {
        self.doubts.len() + self.differences.len() >= DOUBTS
    }

    fn intent(&mut self, entry: &PaymentIntentEntry, orders: &Named) {
        let Some(named) = entry.order_id() else { return };
        self.seen.insert(mark(entry.id.as_str(), &named));
        let differing = match orders.get(named.as_str()) {
            None => judge::intent_of_nobody(entry, &named).map(|_| OnRecord::Nothing),
            Some(found) => self.judged(found, |order| judge::intent(entry, order)),
        };
        self.doubt(About::Intent(entry.id.clone()), named, differing);
    }

    fn label(&mut self, entry: &LabelEntry, orders: &Named) {
        let Some(named) = entry.order_id() else { return };
        self.seen.insert(mark(entry.id.as_str(), &named));
        let differing = match orders.get(named.as_str()) {
            None => judge::label_of_nobody(entry, &named).map(|_| OnRecord::Nothing),
            Some(found) => self.judged(found, |order| judge::label(entry, order)),
        };
        self.doubt(About::Label(entry.id.clone()), named, differing);
    }

    /// The version of an order at rest that something differs from.
    fn judged(
        &self,
        found: &OrderEntry,
        judge: impl FnOnce(&Order) -> Vec<Difference>,
    ) -> Option<OnRecord> {
        let OrderEntry::Order(order) = found else { return None };
        let is_judged = order.status.is_closed() && judge::is_at_rest(order, self.range.at);
        (is_judged && !judge(order).is_empty()).then_some(OnRecord::Version(order.version))
    }

    fn order(&mut self, order: &Order) {
        if !judge::is_at_rest(order, self.range.at) {
            return;
        }
        self.compared.settled += 1;
        let differs = !judge::record(order).is_empty();
        let version = OnRecord::Version(order.version);
        self.doubt(About::Record, order.order_id.clone(), differs.then_some(version));
        if order.status.is_closed() && self.range.since().is_none_or(|s| order.created_at >= s) {
            self.claims(order);
        }
    }

    /// Doubts what the order says that a provider has, and that was not listed.
    fn claims(&mut self, order: &Order) {
        let (id, version) = (&order.order_id, Some(OnRecord::Version(order.version)));
        let unseen = |object: &str| !self.seen.contains(&mark(object, id));
        let intent = order.payment.intent_id.as_ref();
        let intent = intent.filter(|it| self.through.gateway && unseen(it.as_str())).cloned();
        // Without a parcel to come, no label is missed.
        let is_due = order.status == Status::Fulfilled && self.through.carrier;
        let shipment = order.shipment.as_ref().map(|stored| &stored.shipment_id);
        let shipment = shipment.filter(|it| is_due && unseen(it.as_str())).cloned();
        if let Some(intent) = intent {
            self.doubt(About::Intent(intent), id.clone(), version);
        }
        if let Some(shipment) = shipment {
            self.doubt(About::Label(shipment), id.clone(), version);
        }
    }

    fn spoilt(&mut self, id: &str) {
        // A key of the table may be anything, but a name of an order is no secret.
        let difference = match OrderId::parse(id) {
            Ok(id) => Difference::of_order(Kind::OrderUnreadable, &id, "has not the form of one"),
            Err(_) => Difference::of_nobody(Kind::OrderUnreadable, "nor has its key"),
        };
        self.differences.push(difference);
    }

    /// Doubts that something agrees with what is on record, if it is to be doubted.
    fn doubt(&mut self, about: About, order: OrderId, doubted: Option<OnRecord>) {
        self.doubts.extend(doubted.map(|on_record| Doubt { about, order, on_record }));
    }
}
