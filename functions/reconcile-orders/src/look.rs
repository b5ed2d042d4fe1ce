//! One look: the back-orders that can be served, and the open orders that are due,
//! the longest due first.
//!
//! One order's failure never stops the others: it is logged, counted, and looked
//! at again in a few minutes. Only when many fail is a look given up before its
//! end: somebody whom they all need is away, and waiting for each in vain would
//! take the time of those who need nobody. The next look begins with them.

use domain::backorders::BackorderResumer;
use domain::conflict::{self, AttemptError, save_order};
use domain::order::{Attention, OPEN_ORDER_BUCKETS};
use domain::ports::{OrderList, PaymentProvider, ReadCatalog, ShippingProvider};
use domain::{OrderId, StepError, Timestamp};

use crate::event::{Looked, Which};
use crate::{Orders, ReconcileOrders, Workflow};

/// So many orders of a bucket are looked at in one look; the next takes the rest.
const MOST_DUE: u32 = 100;
/// So many orders may fail in one look: at 15 s each for a provider that does not
/// answer, they take half of the function's 300 s.
const MOST_FAILED: u32 = 10;
/// So many pages of back-orders are gone through, 50 orders each.
const PAGES: usize = 40;

impl<O, I, W, G, C> ReconcileOrders<O, I, W, G, C>
where
    O: Orders,
    I: ReadCatalog,
    W: Workflow,
    G: PaymentProvider,
    C: ShippingProvider,
{
    /// Looks at these orders.
    pub async fn look(&self, which: Which, at: Timestamp) -> Result<Looked, StepError> {
        match which {
            Which::Nobodys => Ok(Looked::default()),
            Which::One(id) => Ok(self.look_at(&id, false, at).await),
            Which::Due => {
                // They need no provider; and who cannot list the ones lists the others.
                let woken = self.resume_backorders(at).await;
                let mut seen = self.look_at_due(at).await?;
                seen += woken?;
                Ok(seen)
            }
        }
    }

    async fn look_at_due(&self, at: Timestamp) -> Result<Looked, StepError> {
        let mut seen = Looked::default();
        for bucket in 0..OPEN_ORDER_BUCKETS {
            for id in self.orders.due_orders(bucket, at, MOST_DUE).await? {
                if seen.failed == MOST_FAILED {
                    tracing::warn!("too much failed: the other orders are left for the next look");
                    return Ok(seen);
                }
                seen += self.look_at(&id, true, at).await;
            }
        }
        Ok(seen)
    }

    async fn look_at(&self, id: &OrderId, if_due: bool, at: Timestamp) -> Looked {
        match conflict::retry_on_conflict(|| self.examine(id, if_due, at)).await {
            Ok(seen) => seen,
            Err(failure) => {
                log(id, &failure);
                self.postpone(id, at).await;
                Looked { looked: 1, failed: 1, ..Looked::default() }
            }
        }
    }

    /// Has an order looked at again a little later, so that one that keeps failing
    /// does not take the time of the others. That this fails too is no matter.
    async fn postpone(&self, id: &OrderId, at: Timestamp) {
        let postponed = conflict::retry_on_conflict(|| async {
            match self.orders.load(id).await? {
                Some(order) if order.is_due(at) => {
                    save_order(&self.orders, &order, order.postponed(at)).await.map(drop)
                }
                _ => Ok::<_, AttemptError>(()),
            }
        });
        let _it_stays_due = postponed.await;
    }

    async fn resume_backorders(&self, at: Timestamp) -> Result<Looked, StepError> {
        let waking =
            BackorderResumer { orders: &self.orders, stock: &self.stock, workflow: &self.workflow };
        let woken = waking
            .resume_backorders(&OrderList::Attention(Attention::Backorder), PAGES, at)
            .await?;
        let mut seen = Looked { woken: woken.resumed, ..Looked::default() };
        for (id, failure) in woken.failed {
            log(&id, &failure);
            seen.failed += 1;
        }
        Ok(seen)
    }
}

fn log(id: &OrderId, failure: &StepError) {
    let (order_id, fault) = (id.as_str(), failure.name.as_str());
    let detail = failure.detail.as_str();
    tracing::warn!(orderId = order_id, fault, detail, "the order could not be looked after");
}
