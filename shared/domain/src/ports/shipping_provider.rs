//! The port of the shipping provider.

use std::future::Future;

use super::Called;
use crate::shipment::{CarrierShipment, Parcel};
use crate::{RateId, ShipmentId};

/// Why the carrier said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarrierRefusal {
    /// It will not take this parcel to this address; its code.
    Rejected(String),
    /// The label was bought already.
    BoughtAlready,
    /// There is no such shipment.
    NotFound,
    /// It refuses our key or our request.
    Misconfigured(String),
}

/// The carrier.
pub trait Carrier: Sync {
    /// Creates a shipment and asks for rates; costs nothing.
    fn create(
        &self,
        parcel: &Parcel,
    ) -> impl Future<Output = Called<CarrierShipment, CarrierRefusal>> + Send;
    /// Buys its label at a rate.
    fn buy(
        &self,
        id: &ShipmentId,
        rate: &RateId,
    ) -> impl Future<Output = Called<CarrierShipment, CarrierRefusal>> + Send;
    /// Asks for the price of its label back.
    fn refund(
        &self,
        id: &ShipmentId,
    ) -> impl Future<Output = Called<CarrierShipment, CarrierRefusal>> + Send;
    /// What it is now.
    fn look_up(
        &self,
        id: &ShipmentId,
    ) -> impl Future<Output = Called<CarrierShipment, CarrierRefusal>> + Send;
}
