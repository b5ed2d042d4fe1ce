//! The port of the shipping provider: shipments whose label is bought and refunded by id.

use std::future::Future;

use super::call::CallOutcome;
use crate::account::AccountProblem;
use crate::shipment::{Parcel, ProviderShipment};
use crate::{RateId, ShipmentId};

/// Why the shipping provider rejected a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShippingRejection {
    /// The parcel, the address or the refund is rejected; the provider's code.
    Rejected(String),
    /// The carrier does not sell the chosen rate; another one may be sold.
    RateRefused(String),
    /// The label is bought already.
    AlreadyBought,
    /// There is no such shipment.
    NotFound,
    /// Our request is rejected: a retry does not help.
    Misconfigured(String),
    /// Our account is not served: an operator must act.
    Account(AccountProblem),
}

/// The shipping provider.
pub trait ShippingProvider: Sync {
    /// Creates a shipment and its rates. That costs nothing. A shipment without rates
    /// because the carriers did not answer is no success.
    fn create(
        &self,
        parcel: &Parcel,
    ) -> impl Future<Output = CallOutcome<ProviderShipment, ShippingRejection>> + Send;
    /// Buys the label of a shipment at a rate.
    ///
    /// At most one label is ever bought for a shipment, no matter how often or how
    /// concurrently this is called. There is no idempotency key: if the provider does not
    /// guarantee that, the implementation must.
    fn buy(
        &self,
        id: &ShipmentId,
        rate: &RateId,
    ) -> impl Future<Output = CallOutcome<ProviderShipment, ShippingRejection>> + Send;
    /// Asks the carriers for the rates of a shipment once more. That costs nothing.
    fn rerate(
        &self,
        id: &ShipmentId,
    ) -> impl Future<Output = CallOutcome<ProviderShipment, ShippingRejection>> + Send;
    /// Requests a refund of the label of a shipment.
    fn refund(
        &self,
        id: &ShipmentId,
    ) -> impl Future<Output = CallOutcome<ProviderShipment, ShippingRejection>> + Send;
    /// Retrieves a shipment.
    fn retrieve(
        &self,
        id: &ShipmentId,
    ) -> impl Future<Output = CallOutcome<ProviderShipment, ShippingRejection>> + Send;
}
