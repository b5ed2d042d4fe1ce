//! `/_local/*` on the API's port: what the web page offers only on the local stack.
//!
//! | request | response |
//! |---|---|
//! | `GET /_local/status` | the clock, the version, the addresses |
//! | `POST /_local/clock` | changes the clock: `{"speed"?, "skip"?}` |
//! | `GET /_local/samples` | products, test cards, addresses, identities, orders |
//! | `GET /_local/faults` | the catalog of faults; which are armed, which have fired |
//! | `POST /_local/faults` | plants a fault: `{"fault", "orderId"?}`; without an order, for the next one |
//! | `DELETE /_local/faults` | removes all faults |
//! | `GET /_local/ledger`, `?orderId=` | the ledgers and the two balances, of all orders or of one |
//!
//! A deployed API answers these paths with 404. They need no token: [`crate::http`] refuses
//! requests of foreign pages, and the server listens on loopback only.
//!
//! Start with [`catalog`] (the faults), [`planting`] (how they meet an order) and
//! [`ledger`].

mod catalog;
mod clock;
mod ledger;
mod order_index;
mod planting;
mod reply;
mod samples;
mod state;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use emulators::easypost::EasyPostEmulator;
use emulators::http::SharedEmulator;
use emulators::stripe::StripeEmulator;
use serde_json::json;

use crate::http::{Method, Request, Response, StatusCode};
use crate::stack_handle::StackHandle;
use crate::state_file::StateFile;
use ledger::Ledgers;
use planting::Planting;
use reply::{Problem, json_reply, polled_reply, problem};

pub(crate) use ledger::MoneyBalance;
pub(crate) use planting::Placement;

const PREFIX: &str = "/_local/";

/// The panel of one stack. A clone is the same panel.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    stack: StackHandle,
    root: Arc<PathBuf>,
    ledgers: Arc<Ledgers>,
    planting: Arc<Planting>,
}

impl Panel {
    /// Starts watching the tables. `root` is the workspace, which has the samples; `kept`
    /// holds the faults of an earlier stack.
    ///
    /// # Errors
    /// When `kept` cannot be read.
    pub(crate) fn start(
        stack: StackHandle,
        stripe: SharedEmulator<StripeEmulator>,
        easypost: SharedEmulator<EasyPostEmulator>,
        root: PathBuf,
        kept: Option<StateFile>,
    ) -> io::Result<Self> {
        let ledgers = Ledgers::start(stack.clone(), stripe.clone(), easypost.clone());
        let planting = Planting::start(stack.clone(), stripe, easypost, kept)?;
        Ok(Self {
            stack,
            root: Arc::new(root),
            ledgers: Arc::new(ledgers),
            planting: Arc::new(planting),
        })
    }

    /// Whether the path is one of the panel's.
    pub(crate) fn serves(path: &str) -> bool {
        path.starts_with(PREFIX)
    }

    /// Answers a request to one of the panel's paths.
    pub(crate) async fn respond(&self, request: &Request) -> Response {
        let path = request.uri().path().strip_prefix(PREFIX).unwrap_or_default();
        let answered = match (request.method(), path) {
            (&Method::GET, "status") => Ok(json_reply(&self.status())),
            (&Method::POST, "clock") => clock::change(self.stack.clock(), request.body()),
            (&Method::GET, "samples") => {
                samples::read(&self.root).map(|samples| polled_reply(request, &samples))
            }
            (&Method::GET, "faults") => Ok(polled_reply(request, &self.planting.to_json())),
            (&Method::POST, "faults") => {
                self.planting.plant_requested(request.body()).await.map(|state| json_reply(&state))
            }
            (&Method::DELETE, "faults") => {
                self.planting.clear().await.map(|state| json_reply(&state))
            }
            (&Method::GET, "ledger") => {
                self.ledgers.read(request).await.map(|ledger| polled_reply(request, &ledger))
            }
            (_, "status" | "clock" | "samples" | "faults" | "ledger") => {
                Err(problem(StatusCode::METHOD_NOT_ALLOWED, "This path has no such method."))
            }
            _ => Err(problem(StatusCode::NOT_FOUND, "The local stack has no such path.")),
        };
        answered.unwrap_or_else(Problem::into_response)
    }

    /// Prepares for an order that a customer is about to place under a key.
    pub(crate) async fn begin_placement(&self, customer: &str, key: &str) -> Option<Placement> {
        self.planting.begin_placement(customer, key).await
    }

    /// Ends a placement: the faults stay with the order, or wait for another one if none
    /// was placed.
    pub(crate) async fn end_placement(&self, placement: Placement) {
        self.planting.end_placement(placement).await;
    }

    fn status(&self) -> serde_json::Value {
        let urls = self.stack.urls();
        json!({
            "clock": clock::to_json(self.stack.clock()),
            "version": env!("CARGO_PKG_VERSION"),
            "addresses": urls,
            "stateMachineArn": self.stack.step_functions().state_machine_arn(),
            "pid": std::process::id(),
        })
    }
}
