//! The fake shipping provider: shipments whose label is bought once, and a ledger.

use std::collections::BTreeMap;

use super::{InjectedFault, State, TestBed};
use crate::samples;
use domain::ports::{CallOutcome, ShippingProvider, ShippingRejection};
use domain::shipment::{LabelRefundState, Parcel, ProviderShipment};
use domain::{RateId, ShipmentId};

/// The fake shipping provider.
#[derive(Debug, Clone)]
pub struct FakeShippingProvider(pub(super) TestBed);

type Outcome = CallOutcome<ProviderShipment, ShippingRejection>;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) shipments: BTreeMap<ShipmentId, ProviderShipment>,
    labels: usize,
    rejects_refunds: bool,
    offers_no_rate: bool,
}

impl TestBed {
    /// Adds a shipment.
    #[must_use]
    pub fn shipment(self, shipment: ProviderShipment) -> Self {
        self.state().shipping_provider.shipments.insert(shipment.id.clone(), shipment);
        self
    }

    /// Makes the provider reject label refunds.
    #[must_use]
    pub fn rejecting_label_refunds(self) -> Self {
        self.state().shipping_provider.rejects_refunds = true;
        self
    }

    /// Makes the provider offer no rate.
    #[must_use]
    pub fn offering_no_rate(self) -> Self {
        self.state().shipping_provider.offers_no_rate = true;
        self
    }

    /// The number of labels ever bought.
    pub fn labels(&self) -> usize {
        self.state().shipping_provider.labels
    }

    /// The number of labels bought and not refunded.
    pub fn live_labels(&self) -> usize {
        let live = |shipment: &&ProviderShipment| {
            shipment.bought.is_some() && shipment.refund == LabelRefundState::NotRequested
        };
        self.state().shipping_provider.shipments.values().filter(live).count()
    }
}

impl Ledger {
    fn create(&mut self) -> Outcome {
        let number = self.shipments.len() + 1;
        let Ok(id) = ShipmentId::parse(format!("shp_{number}")) else {
            return CallOutcome::Rejected(ShippingRejection::NotFound);
        };
        let mut shipment = ProviderShipment { id: id.clone(), ..samples::provider_shipment() };
        if self.offers_no_rate {
            shipment.rates.clear();
        }
        self.shipments.insert(id, shipment.clone());
        CallOutcome::Succeeded(shipment)
    }

    fn buy(&mut self, id: &ShipmentId, rate: &RateId) -> Outcome {
        let Some(shipment) = self.shipments.get_mut(id) else {
            return CallOutcome::Rejected(ShippingRejection::NotFound);
        };
        if shipment.bought.is_some() {
            return CallOutcome::Rejected(ShippingRejection::AlreadyBought);
        }
        if !shipment.rates.iter().any(|offered| offered.id == *rate) {
            return CallOutcome::Rejected(ShippingRejection::Rejected("no such rate".to_owned()));
        }
        self.labels += 1;
        shipment.bought = Some(samples::bought_label(&format!("TRACK{}", self.labels)));
        CallOutcome::Succeeded(shipment.clone())
    }

    fn retrieve(&self, id: &ShipmentId) -> Outcome {
        match self.shipments.get(id) {
            Some(shipment) => CallOutcome::Succeeded(shipment.clone()),
            None => CallOutcome::Rejected(ShippingRejection::NotFound),
        }
    }

    fn refund(&mut self, id: &ShipmentId) -> Outcome {
        match self.shipments.get_mut(id) {
            None => CallOutcome::Rejected(ShippingRejection::NotFound),
            Some(shipment)
                if shipment.bought.is_some()
                    && matches!(
                        shipment.refund,
                        LabelRefundState::NotRequested | LabelRefundState::Rejected
                    )
                    && !self.rejects_refunds =>
            {
                shipment.refund = LabelRefundState::Submitted;
                CallOutcome::Succeeded(shipment.clone())
            }
            Some(_) => CallOutcome::Rejected(ShippingRejection::Rejected("no refund".to_owned())),
        }
    }
}

impl FakeShippingProvider {
    async fn call(&self, point: &'static str, act: impl FnOnce(&mut State) -> Outcome) -> Outcome {
        self.0.call(point, act).await.unwrap_or_else(|fault| match fault {
            InjectedFault::NotSent => CallOutcome::NotSent("down".to_owned()),
            InjectedFault::Throttled => CallOutcome::Throttled("answered 429".to_owned()),
            InjectedFault::ShippingRejected(rejection) => CallOutcome::Rejected(rejection),
            InjectedFault::ShipmentIs(shipment) => CallOutcome::Succeeded(shipment),
            _ => CallOutcome::Unknown("no response".to_owned()),
        })
    }
}

impl ShippingProvider for FakeShippingProvider {
    async fn create(&self, _parcel: &Parcel) -> Outcome {
        self.call("shipping.create", |state| state.shipping_provider.create()).await
    }

    async fn buy(&self, id: &ShipmentId, rate: &RateId) -> Outcome {
        self.call("shipping.buy", |state| state.shipping_provider.buy(id, rate)).await
    }

    async fn rerate(&self, id: &ShipmentId) -> Outcome {
        self.call("shipping.rerate", |state| state.shipping_provider.retrieve(id)).await
    }

    async fn refund(&self, id: &ShipmentId) -> Outcome {
        self.call("shipping.refund", |state| state.shipping_provider.refund(id)).await
    }

    async fn retrieve(&self, id: &ShipmentId) -> Outcome {
        self.call("shipping.retrieve", |state| state.shipping_provider.retrieve(id)).await
    }
}
