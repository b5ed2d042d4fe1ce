//! Plants the faults of the catalog, for an order that exists or for the next one.
//!
//! A fault for the next order waits here. The id of an order follows from its customer and
//! its idempotency key, so the fault is limited to that order before the request that
//! places it reaches `order-api`: other orders are never hit. If the request places no
//! order, the fault waits for another one.
//!
//! Planting uses the fault plans of the stack and of the emulators, and the actions of the
//! scenarios. What is waiting here and the emulators' plans are part of the kept state; the
//! stack's own plan, and the actions that follow an order, end with the stack.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::id::{CustomerId, OrderId};
use emulators::easypost::EasyPostEmulator;
use emulators::emulator::Emulator as _;
use emulators::faults::FaultPlan;
use emulators::http::SharedEmulator;
use emulators::stripe::StripeEmulator;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::catalog::{self, CatalogFault, catalog};
use super::reply::{Problem, failed, invalid, problem};
use super::state::{KeptFaults, Planted, State};
use crate::http::StatusCode;
use crate::scenarios::OrderFollower;
use crate::scenarios::client::Client;
use crate::stack_handle::StackHandle;
use crate::state_file::StateFile;

/// The faults of the panel.
#[derive(Debug)]
pub(super) struct Planting {
    stack: StackHandle,
    client: Client,
    stripe: SharedEmulator<StripeEmulator>,
    easypost: SharedEmulator<EasyPostEmulator>,
    state: Arc<Mutex<State>>,
    kept: Option<StateFile>,
    /// The tasks that carry out the actions of planted faults.
    followers: Mutex<JoinSet<()>>,
}

/// A request that may place the next order, with the faults for it.
#[derive(Debug)]
pub(crate) struct Placement {
    order_id: String,
    faults: Vec<&'static CatalogFault>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlantRequest {
    fault: String,
    order_id: Option<String>,
}

impl Planting {
    /// Starts with the faults that `kept` has from an earlier stack.
    pub(super) fn start(
        stack: StackHandle,
        stripe: SharedEmulator<StripeEmulator>,
        easypost: SharedEmulator<EasyPostEmulator>,
        kept: Option<StateFile>,
    ) -> io::Result<Self> {
        let client = Client::new(stack.urls());
        let faults: KeptFaults =
            kept.as_ref().map(StateFile::read).transpose()?.unwrap_or_default();
        let state = Arc::new(Mutex::new(faults.restore()));
        Ok(Self { stack, client, stripe, easypost, state, kept, followers: Mutex::default() })
    }

    /// Plants the fault that a request names, and returns the state.
    pub(super) async fn plant_requested(&self, body: &[u8]) -> Result<Value, Problem> {
        let requested: PlantRequest =
            serde_json::from_slice(body).map_err(|error| invalid(&error))?;
        let fault = catalog::find(&requested.fault).ok_or_else(|| {
            let detail = format!("fault: there is no fault {:?}.", requested.fault);
            problem(StatusCode::BAD_REQUEST, detail)
        })?;
        match requested.order_id {
            None => self.arm(fault),
            Some(order_id) => {
                self.check_order(fault, &order_id).await?;
                self.plant(fault, &order_id).await.map_err(failed)?;
            }
        }
        Ok(self.to_json())
    }

    /// Arms a fault for the next order. Arming it twice changes nothing.
    fn arm(&self, fault: &'static CatalogFault) {
        self.change(|state| {
            if !state.armed.iter().any(|armed| armed.id == fault.id) {
                state.armed.push(fault);
            }
        });
    }

    /// Fails unless the order exists and the fault can still meet it.
    async fn check_order(&self, fault: &CatalogFault, order_id: &str) -> Result<(), Problem> {
        let item = self.stack.order(order_id).await.map_err(failed)?;
        let Some(status) = item["status"]["S"].as_str() else {
            let detail = format!("orderId: there is no order {order_id:?}.");
            return Err(problem(StatusCode::NOT_FOUND, detail));
        };
        if !fault.stage.is_ahead_of(status) {
            let detail = format!(
                "This fault can no longer meet the order, which is {status}. Plant it for the next order."
            );
            return Err(problem(StatusCode::CONFLICT, detail));
        }
        let planted = |planted: &Planted| planted.is(fault, order_id);
        if self.state().planted.iter().any(planted) {
            let detail = "This fault is planted on this order already.";
            return Err(problem(StatusCode::CONFLICT, detail));
        }
        Ok(())
    }

    /// Limits the fault to the order and plants it.
    async fn plant(&self, fault: &'static CatalogFault, order_id: &str) -> anyhow::Result<()> {
        self.client.inject_faults(&fault.faults, Some(order_id)).await?;
        let generation = self.change(|state| {
            state.planted.push(Planted::new(fault, order_id));
            state.generation
        });
        if !fault.actions.is_empty() {
            self.follow(fault, order_id, generation);
        }
        Ok(())
    }

    /// Carries out the actions of the fault in the background.
    fn follow(&self, fault: &'static CatalogFault, order_id: &str, generation: u64) {
        // Watches before the order is placed, so that no event is missed.
        let follower = OrderFollower::start(&self.stack, &self.client, order_id, &fault.actions);
        let (state, order_id) = (Arc::clone(&self.state), order_id.to_owned());
        let record = move |result: anyhow::Result<()>, done: u64| {
            let mut state = lock(&state);
            if state.generation != generation {
                return;
            }
            let planted = state.planted.iter_mut().find(|planted| planted.is(fault, &order_id));
            if let Some(planted) = planted {
                planted.actions_done += done;
                planted.failure = result.err().map(|error| format!("{error:#}"));
            }
        };
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        while followers.try_join_next().is_some() {}
        followers.spawn(async move {
            let end = follower.run(|_, result| record(result, 1)).await;
            if end.is_err() {
                record(end, 0);
            }
        });
    }

    /// Removes every fault, also those that were not planted here.
    pub(super) async fn clear(&self) -> Result<Value, Problem> {
        {
            let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
            followers.abort_all();
            self.change(|state| {
                let generation = state.generation + 1;
                *state = State { generation, ..State::default() };
            });
        }
        self.client.clear_faults().await.map_err(failed)?;
        Ok(self.to_json())
    }

    /// Takes the armed faults for the order that a request places, and plants them. None,
    /// if no fault is armed or the order exists already.
    pub(super) async fn begin_placement(&self, customer: &str, key: &str) -> Option<Placement> {
        if self.state().armed.is_empty() {
            return None;
        }
        let customer = CustomerId::parse(customer).ok()?;
        let order_id = OrderId::for_request(&customer, key).to_string();
        if self.exists(&order_id).await {
            return None; // A repeated request: not the next order.
        }
        let faults = self.change(|state| std::mem::take(&mut state.armed));
        for fault in &faults {
            if let Err(error) = self.plant(fault, &order_id).await {
                tracing::warn!(fault = fault.id, %error, "a fault could not be planted");
            }
        }
        Some(Placement { order_id, faults })
    }

    /// Arms the faults again, if the request has placed no order.
    pub(super) async fn end_placement(&self, placement: Placement) {
        let Placement { order_id, faults } = placement;
        if self.exists(&order_id).await {
            return;
        }
        if let Err(error) = self.client.clear_faults_of_order(&order_id).await {
            tracing::warn!(%error, "the faults of an order that was not placed remain");
        }
        self.change(|state| state.planted.retain(|planted| planted.order_id != order_id));
        for fault in faults {
            self.arm(fault);
        }
    }

    async fn exists(&self, order_id: &str) -> bool {
        self.stack.order(order_id).await.is_ok_and(|item| !item.is_null())
    }

    /// The catalog, the armed faults, and the planted ones with how often they fired.
    pub(super) fn to_json(&self) -> Value {
        let state = self.state();
        let entry = |fault: &CatalogFault| {
            json!({
                "id": fault.id,
                "title": fault.title,
                "what": fault.what,
                "outcome": fault.outcome,
                "stage": fault.stage,
                "scopes": scopes(fault),
                "needsOperator": !fault.resolve.is_empty(),
                "expect": fault.expect,
            })
        };
        let armed: Vec<_> = state.armed.iter().map(|fault| &fault.id).collect();
        let planted: Vec<_> = state.planted.iter().map(|planted| self.planted(planted)).collect();
        let catalog: Vec<_> = catalog().iter().map(entry).collect();
        json!({ "catalog": catalog, "armed": armed, "planted": planted })
    }

    fn planted(&self, planted: &Planted) -> Value {
        let fired = self.met(planted) + planted.actions_done;
        let mut shown = json!({
            "fault": planted.fault.id,
            "orderId": planted.order_id,
            "fired": fired,
        });
        if let Some(failure) = &planted.failure {
            shown["failure"] = json!(failure);
        }
        shown
    }

    /// How many calls the planted fault has met, in all fault plans.
    fn met(&self, planted: &Planted) -> u64 {
        let order = planted.order_id.as_str();
        let points: BTreeSet<_> =
            planted.fault.faults.iter().filter_map(|fault| fault["at"].as_str()).collect();
        let met = |plan: &FaultPlan| {
            let faults = plan.of_order(order);
            let of_fault = faults.filter(|(fault, _)| points.contains(fault.point.as_str()));
            of_fault.map(|(_, met)| met).sum::<u64>()
        };
        met(self.stripe.lock().fault_plan())
            + met(self.easypost.lock().fault_plan())
            + self.stack.faults().with_plan(met)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Changes the state and stores what of it is kept.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let result = change(&mut state);
        if let Some(file) = &self.kept {
            file.write(&KeptFaults::of(&state, self.stack.faults()));
        }
        result
    }
}

/// A fault of the placement cannot meet an order that is placed already.
fn scopes(fault: &CatalogFault) -> &'static [&'static str] {
    match fault.stage {
        catalog::Stage::Placement => &["next-order"],
        _ => &["next-order", "this-order"],
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
