//! The ports: the traits through which the domain and the functions use their neighbors,
//! one file per neighbor.
//!
//! Each trait is as narrow as one IAM permission and names it, so that the bounds of a
//! function read like its policy. Adapter crates implement the ports; the crate `testing`
//! implements all of them in memory.

mod api_key;
mod board;
mod call;
mod inventory;
mod lease;
mod orders;
mod payment_provider;
mod recent_orders;
mod shipping_provider;
mod shop_settings;
mod transport;
mod webhook_source;
mod workflow;

pub use api_key::{ApiKey, ApiKeySource, NoApiKey};
pub use board::{CountOrders, LoadOrders, OpenOrder};
pub use call::CallOutcome;
pub use inventory::{
    AddProductResult, CatalogPage, ChangeStock, NewProduct, ReadCatalog, ReadProductAudit,
    ReleaseResult, ReleaseStock, ReserveResult, ReserveStock, StockChange, StockChangeResult,
    WriteCatalog,
};
pub use lease::SweepLease;
pub use orders::{
    DueOrder, DuePage, FindOrder, ListDueOrders, ListOrders, ListRetainedOrders, LoadOrder,
    OrderList, OrderPage, PageCursor, PlaceOrder, PlaceResult, SaveOrder, SaveResult,
    StoreUnavailable,
};
pub use payment_provider::{
    PaymentCustomer, PaymentIntentRequest, PaymentProvider, PaymentRejection, RefundState,
};
pub use recent_orders::{AddRecentOrderResult, RecentOrdersFuture, TrackRecentOrders};
pub use shipping_provider::{ShippingProvider, ShippingRejection};
pub use shop_settings::{SettingFuture, ShopSettings};
pub use transport::{Method, Request, Response, Transport, TransportError};
pub use webhook_source::{
    InvalidWebhookEventId, ProviderMode, WebhookContract, WebhookEvent, WebhookEventId,
    WebhookKeys, WebhookRejection, WebhookRequest, WebhookSource, WebhookSubject,
};
pub use workflow::{
    DescribeExecution, ExecutionState, ExecutionView, ReadExecution, SendTaskResult,
    StartExecution, StateVisit, StopExecution, TaskDelivery, WorkflowUnavailable,
};
