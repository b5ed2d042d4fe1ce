//! The port of the shipping provider.

use std::future::Future;

use super::CallOutcome;
use crate::shipment::{Parcel, ProviderShipment};
use crate::{RateId, ShipmentId};

/// Why the carrier said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShippingRejection {
    /// It will not take this parcel to this address; its code.
    Rejected(String),
    /// The label was bought already.
    AlreadyBought,
    /// There is no such shipment.
    NotFound,
    /// It refuses our key or our request.
    Misconfigured(String),
}

/// The carrier.
pub trait ShippingProvider: Sync {
    /// Creates a shipment and asks for rates; costs nothing.
    fn create(
        &self,
        parcel: &Parcel,
    ) -> impl Future<Output = CallOutcome<ProviderShipment, ShippingRejection>> + Send;
    /// Buys its label at a rate.
    fn buy(
        &self,
        id: &ShipmentId,
        rate: &RateId,
    ) -> impl Future<Output = CallOutcome<ProviderShipment, ShippingRejection>> + Send;
    /// Asks for the price of its label back.
    fn refund(
        &self,
        id: &ShipmentId,
    ) -> impl Future<Output = CallOutcome<ProviderShipment, ShippingRejection>> + Send;
    /// What it is now.
    fn retrieve(
        &self,
        id: &ShipmentId,
    ) -> impl Future<Output = CallOutcome<ProviderShipment, ShippingRejection>> + Send;
}
