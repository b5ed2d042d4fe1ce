//! Reads the books, a page at a time, and looks into each doubt.
//!
//! The order of reading is what the promise of [`compare`](super) rests on: an
//! entry of a provider first, the order that it names after it; the shelves between
//! two readings of the orders.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use domain::books::{
    IntentEntry, LabelEntry, ListIntents, ListLabels, OrderEntry, Part, ReadShelves, ScanOrders,
};
use domain::ports::{Called, CarrierRefusal, GatewayRefusal};
use domain::{IntentId, Order, OrderId, ShipmentId, Status};

use super::difference::{Difference, Kind};
use super::report::{Compared, Report, Through};
use super::shelves::{self, Holdings};
use super::{Compare, Range, judge};

/// A provider that does not answer is asked this often, one call after the other.
const ATTEMPTS: usize = 3;
/// More pages than there is time for; a book that never ends is given up.
const PAGES: usize = 100_000;
/// More doubts than a person could look at. So many mean that something is wrong
/// with all of it, such as another account's key.
const DOUBTS: usize = 1_000;
/// Until when shipments are asked for: what is made meanwhile is listed too.
const AHEAD_HOURS: i64 = 24;

/// Reads all four books and says what differs.
pub(super) async fn read<O, S, G, C>(
    books: &Compare<'_, O, S, G, C>,
    range: Range,
    has_time: &(dyn Fn() -> bool + Sync),
) -> Report
where
    O: ScanOrders,
    S: ReadShelves,
    G: ListIntents,
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
    reading.through.gateway = reading.gateway().await.is_some();
    reading.through.carrier = reading.carrier().await.is_some();
    let holdings = reading.orders().await;
    reading.through.orders = holdings.is_some();
    if let Some(holdings) = holdings {
        reading.through.stock = reading.stock(holdings).await.is_some();
    }
    reading.through.doubts = reading.look_into_doubts().await;
    Report::of(reading.differences, reading.compared, reading.through)
}

/// Something that may differ: to be looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Doubt {
    about: About,
    /// The order that it is about.
    order: OrderId,
    /// The version of the order that was read; none when there was no such order.
    version: Option<u64>,
}

/// What a doubt is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    Intent(IntentId),
    Label(ShipmentId),
    Record,
}

struct Reading<'a, O, S, G, C> {
    books: &'a Compare<'a, O, S, G, C>,
    range: Range,
    has_time: &'a (dyn Fn() -> bool + Sync),
    compared: Compared,
    through: Through,
    /// Which object was seen to name which order: eight bytes each.
    seen: BTreeSet<u64>,
    doubts: Vec<Doubt>,
    differences: Vec<Difference>,
}

/// That this object names this order, in eight bytes. Two that are taken for one
/// hide at most that an object is missing, once in 2⁶⁴ pairs.
fn mark(object: &str, order: &OrderId) -> u64 {
    let mut hasher = DefaultHasher::new();
    (object, order.as_str()).hash(&mut hasher);
    hasher.finish()
}

/// Asks until there is an answer, a few times; none when there was none.
async fn ask<T, R, F>(call: impl Fn() -> F) -> Option<Result<T, R>>
where
    F: Future<Output = Called<T, R>>,
{
    for _ in 0..ATTEMPTS {
        match call().await {
            Called::Done(done) => return Some(Ok(done)),
            Called::Refused(refusal) => return Some(Err(refusal)),
            Called::NotBegun(_) | Called::Unknown(_) => {}
        }
    }
    None
}

/// The first reading: `None` when a book could not be read to its end.
impl<O, S, G, C> Reading<'_, O, S, G, C>
where
    O: ScanOrders,
    S: ReadShelves,
    G: ListIntents,
    C: ListLabels,
{
    async fn gateway(&mut self) -> Option<()> {
        let since = self.range.since();
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let part = ask(|| self.books.gateway.intents(since, after.as_deref())).await?.ok()?;
            self.compared.intents += part.entries.len();
            let orders = self.named(part.entries.iter().map(IntentEntry::order_id)).await?;
            for entry in &part.entries {
                self.intent(entry, &orders);
            }
            match self.go_on(&part, after)? {
                None => return Some(()),
                next => after = next,
            }
        }
        None
    }

    async fn carrier(&mut self) -> Option<()> {
        let since = self.range.since();
        let until = self.range.at.plus_hours(AHEAD_HOURS);
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let ask_for = || self.books.carrier.labels(since, until, after.as_deref());
            let part = ask(ask_for).await?.ok()?;
            self.compared.shipments += part.entries.len();
            let orders = self.named(part.entries.iter().map(LabelEntry::order_id)).await?;
            for entry in &part.entries {
                self.label(entry, &orders);
            }
            match self.go_on(&part, after)? {
                None => return Some(()),
                next => after = next,
            }
        }
        None
    }

    /// Reads and judges the orders; what they hold.
    async fn orders(&mut self) -> Option<Holdings> {
        let (mut holdings, mut after) = (Holdings::default(), None);
        for _ in 0..PAGES {
            let part = self.books.orders.scan(after.as_deref()).await.ok()?;
            for entry in &part.entries {
                self.compared.orders += 1;
                match entry {
                    OrderEntry::Order(order) => {
                        holdings.count(order);
                        self.order(order);
                    }
                    OrderEntry::Spoilt(id) => self.spoilt(id),
                }
            }
            match self.go_on(&part, after)? {
                None => return Some(holdings),
                next => after = next,
            }
        }
        None
    }

    /// Compares the shelves with what orders hold. Whoever moves stock meanwhile
    /// raises a doubt at most: then the orders are read once more.
    async fn stock(&mut self, before: Holdings) -> Option<()> {
        // What a spoilt order holds, nobody knows.
        if self.differences.iter().any(|it| it.kind == Kind::OrderUnreadable) {
            return None;
        }
        let first = self.books.stock.shelves().await.ok()?;
        self.compared.skus = first.entries.len();
        if first.unread == 0 && shelves::differences(&before, &first.entries, &before).is_empty() {
            return Some(());
        }
        let shelves = self.books.stock.shelves().await.ok()?;
        let after = self.holdings_again().await?;
        let mut differing = shelves::differences(&before, &shelves.entries, &after);
        if shelves.unread > 0 {
            // One that cannot be read is not missing.
            differing.retain(|it| it.kind != Kind::ShelfMissing);
            let detail = format!("{} of them", shelves.unread);
            differing.push(Difference::of_nobody(Kind::ShelfUnreadable, detail));
        }
        self.differences.extend(differing);
        Some(())
    }

    async fn holdings_again(&self) -> Option<Holdings> {
        let (mut holdings, mut after) = (Holdings::default(), None);
        for _ in 0..PAGES {
            let part = self.books.orders.scan(after.as_deref()).await.ok()?;
            for entry in &part.entries {
                match entry {
                    OrderEntry::Order(order) => holdings.count(order),
                    OrderEntry::Spoilt(_) => return None,
                }
            }
            match self.go_on(&part, after)? {
                None => return Some(holdings),
                next => after = next,
            }
        }
        None
    }

    /// Where the book goes on, if it does; `None` when there is no time to, or it
    /// goes in circles.
    #[expect(clippy::option_option, reason = "given up, at its end, or going on")]
    fn go_on<T>(&self, part: &Part<T>, before: Option<String>) -> Option<Option<String>> {
        match &part.next {
            None => Some(None),
            next if *next == before || !(self.has_time)() || self.has_too_many() => None,
            next => Some(next.clone()),
        }
    }

    /// What there is on record under the names of orders that a page holds.
    async fn named(
        &mut self,
        named: impl Iterator<Item = Option<OrderId>>,
    ) -> Option<BTreeMap<String, OrderEntry>> {
        let mut ids = BTreeSet::new();
        for named in named {
            match named {
                Some(id) => {
                    ids.insert(id);
                }
                None => self.compared.foreign += 1,
            }
        }
        let ids: Vec<OrderId> = ids.into_iter().collect();
        let found = self.books.orders.load_all(&ids).await.ok()?;
        let by_key = |entry: OrderEntry| match &entry {
            OrderEntry::Order(order) => (order.order_id.to_string(), entry),
            OrderEntry::Spoilt(id) => (id.clone(), entry),
        };
        Some(found.into_iter().map(by_key).collect())
    }
}

/// What each entry raises.
impl<O, S, G, C> Reading<'_, O, S, G, C> {
    fn intent(&mut self, entry: &IntentEntry, orders: &BTreeMap<String, OrderEntry>) {
        let Some(named) = entry.order_id() else { return };
        self.seen.insert(mark(entry.id.as_str(), &named));
        let about = About::Intent(entry.id.clone());
        match orders.get(named.as_str()) {
            None if judge::intent_of_nobody(entry, &named).is_some() => {
                self.doubt(about, named, None);
            }
            Some(OrderEntry::Order(order)) if self.is_judged(order) => {
                if !judge::intent(entry, order).is_empty() {
                    self.doubt(about, named, Some(order.version));
                }
            }
            _ => {}
        }
    }

    fn label(&mut self, entry: &LabelEntry, orders: &BTreeMap<String, OrderEntry>) {
        let Some(named) = entry.order_id() else { return };
        self.seen.insert(mark(entry.id.as_str(), &named));
        let about = About::Label(entry.id.clone());
        match orders.get(named.as_str()) {
            None if judge::label_of_nobody(entry, &named).is_some() => {
                self.doubt(about, named, None);
            }
            Some(OrderEntry::Order(order)) if self.is_judged(order) => {
                if !judge::label(entry, order).is_empty() {
                    self.doubt(about, named, Some(order.version));
                }
            }
            _ => {}
        }
    }

    fn order(&mut self, order: &Order) {
        if !judge::is_at_rest(order, self.range.at) {
            return;
        }
        self.compared.settled += 1;
        if !judge::record(order).is_empty() {
            self.doubt(About::Record, order.order_id.clone(), Some(order.version));
        }
        if order.status.is_closed() && self.range.since().is_none_or(|s| order.created_at >= s) {
            self.claims(order);
        }
    }

    /// Doubts what the order says that a provider has, and that was not listed.
    fn claims(&mut self, order: &Order) {
        let (id, version) = (&order.order_id, Some(order.version));
        let intent = order.payment.intent_id.as_ref().filter(|_| self.through.gateway);
        if let Some(intent) = intent.filter(|it| !self.has_seen(it.as_str(), id)) {
            self.doubt(About::Intent(intent.clone()), id.clone(), version);
        }
        // Without a parcel to come, no label is missed.
        let is_due = order.status == Status::Fulfilled && self.through.carrier;
        let shipment = order.shipment.as_ref().filter(|_| is_due).map(|it| &it.shipment_id);
        if let Some(shipment) = shipment.filter(|it| !self.has_seen(it.as_str(), id)) {
            self.doubt(About::Label(shipment.clone()), id.clone(), version);
        }
    }

    const fn has_too_many(&self) -> bool {
        self.doubts.len() >= DOUBTS
    }

    fn has_seen(&self, object: &str, order: &OrderId) -> bool {
        self.seen.contains(&mark(object, order))
    }

    fn spoilt(&mut self, id: &str) {
        // A key of the table may be anything, but a name of an order is no secret.
        let difference = match OrderId::parse(id) {
            Ok(id) => Difference::of_order(Kind::OrderUnreadable, &id, "has not the form of one"),
            Err(_) => Difference::of_nobody(Kind::OrderUnreadable, "nor has its key"),
        };
        self.differences.push(difference);
    }

    fn is_judged(&self, order: &Order) -> bool {
        order.status.is_closed() && judge::is_at_rest(order, self.range.at)
    }

    fn doubt(&mut self, about: About, order: OrderId, version: Option<u64>) {
        self.doubts.push(Doubt { about, order, version });
    }
}

/// The second look.
impl<O, S, G, C> Reading<'_, O, S, G, C>
where
    O: ScanOrders,
    G: ListIntents,
    C: ListLabels,
{
    /// Whether every doubt was looked into.
    async fn look_into_doubts(&mut self) -> bool {
        let mut all = !self.has_too_many();
        for doubt in std::mem::take(&mut self.doubts).into_iter().take(DOUBTS) {
            let seen = if (self.has_time)() { self.look_into(&doubt).await } else { None };
            match seen {
                Some(differences) => self.differences.extend(differences),
                None => all = false,
            }
        }
        all
    }

    /// What differs indeed: the object first, then the order. None when nobody can tell.
    async fn look_into(&self, doubt: &Doubt) -> Option<Vec<Difference>> {
        Some(match &doubt.about {
            About::Intent(id) => {
                let entry = self.look_up_intent(id).await?;
                match self.unchanged(doubt).await? {
                    Found::Nothing => entry
                        .and_then(|it| judge::intent_of_nobody(&it, &doubt.order))
                        .into_iter()
                        .collect(),
                    Found::Same(order) => judge::intent_of(id, entry.as_ref(), &order),
                    Found::Moved => Vec::new(),
                }
            }
            About::Label(id) => {
                let entry = self.look_up_label(id).await?;
                match self.unchanged(doubt).await? {
                    Found::Nothing => entry
                        .and_then(|it| judge::label_of_nobody(&it, &doubt.order))
                        .into_iter()
                        .collect(),
                    Found::Same(order) => judge::label_of(id, entry.as_ref(), &order),
                    Found::Moved => Vec::new(),
                }
            }
            About::Record => match self.unchanged(doubt).await? {
                Found::Same(order) => judge::record(&order),
                Found::Nothing | Found::Moved => Vec::new(),
            },
        })
    }

    async fn look_up_intent(&self, id: &IntentId) -> Option<Option<IntentEntry>> {
        match ask(|| self.books.gateway.entry(id)).await? {
            Ok(entry) => Some(Some(entry)),
            Err(GatewayRefusal::NotFound) => Some(None),
            Err(_) => None,
        }
    }

    async fn look_up_label(&self, id: &ShipmentId) -> Option<Option<LabelEntry>> {
        match ask(|| self.books.carrier.entry(id)).await? {
            Ok(entry) => Some(Some(entry)),
            Err(CarrierRefusal::NotFound) => Some(None),
            Err(_) => None,
        }
    }

    /// The order of a doubt, if it is still what it was when the doubt was raised.
    async fn unchanged(&self, doubt: &Doubt) -> Option<Found> {
        let mut found =
            self.books.orders.load_all(std::slice::from_ref(&doubt.order)).await.ok()?;
        Some(match found.pop() {
            None if doubt.version.is_none() => Found::Nothing,
            Some(OrderEntry::Order(order))
                if Some(order.version) == doubt.version
                    && judge::is_at_rest(&order, self.range.at) =>
            {
                Found::Same(order)
            }
            _ => Found::Moved,
        })
    }
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
