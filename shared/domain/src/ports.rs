//! The ports: what the domain needs from its neighbors, one file per neighbor.
//!
//! Each trait is as narrow as one IAM permission and names it, so that the traits
//! in a function's signature read like its policy. The crate `aws` implements the
//! tables and the workflow, `stripe` and `easypost` the providers, `http-client`
//! the [`Transport`] under them, and `testing` fakes of all of them.

mod call;
mod inventory;
mod orders;
mod payment_provider;
mod shipping_provider;
mod transport;
mod workflow;

pub use call::Called;
pub use inventory::{
    Listed, Listing, ReadCatalogue, ReleaseStock, Released, ReserveStock, Reserved, RestockShelf,
    Restocked, WriteCatalogue,
};
pub use orders::{
    FindOrder, ListDue, ListOrders, LoadOrder, OrderList, Page, Place, PlaceOrder, Placed,
    SaveOrder, Saved, StoreUnavailable,
};
pub use payment_provider::{Gateway, GatewayRefusal, IntentRequest, RefundState};
pub use shipping_provider::{Carrier, CarrierRefusal};
pub use transport::{Method, NoResponse, Request, Response, Transport};
pub use workflow::{
    AnswerTask, Answered, DescribeExecution, ExecutionState, ExecutionView, ReadExecution,
    StartExecution, StateVisit, StopExecution, WorkflowUnavailable,
};
