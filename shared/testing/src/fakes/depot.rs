//! The carrier: shipments that are bought once, and a ledger of labels.

use std::collections::BTreeMap;

use super::{State, Trouble, World};
use crate::sample;
use domain::ports::{Called, Carrier, CarrierRefusal};
use domain::shipment::{CarrierRefund, CarrierShipment, Parcel};
use domain::{RateId, ShipmentId};

/// The carrier.
#[derive(Debug, Clone)]
pub struct Depot(pub(super) World);

type Answer = Called<CarrierShipment, CarrierRefusal>;

#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) shipments: BTreeMap<ShipmentId, CarrierShipment>,
    labels: usize,
    refuses_refunds: bool,
    offers_nothing: bool,
}

impl World {
    /// Puts a shipment into the carrier's books.
    #[must_use]
    pub fn shipment(self, shipment: CarrierShipment) -> Self {
        self.state().depot.shipments.insert(shipment.id.clone(), shipment);
        self
    }

    /// The carrier takes no label back.
    #[must_use]
    pub fn refusing_label_refunds(self) -> Self {
        self.state().depot.refuses_refunds = true;
        self
    }

    /// The carrier offers no rate.
    #[must_use]
    pub fn offering_no_rate(self) -> Self {
        self.state().depot.offers_nothing = true;
        self
    }

    /// How many labels were ever sold.
    pub fn labels(&self) -> usize {
        self.state().depot.labels
    }

    /// How many labels were sold and not given back.
    pub fn live_labels(&self) -> usize {
        let live = |shipment: &&CarrierShipment| {
            shipment.bought.is_some() && shipment.refund == CarrierRefund::NotAsked
        };
        self.state().depot.shipments.values().filter(live).count()
    }
}

impl Books {
    fn create(&mut self) -> Answer {
        let number = self.shipments.len() + 1;
        let Ok(id) = ShipmentId::parse(format!("shp_{number}")) else {
            return Called::Refused(CarrierRefusal::NotFound);
        };
        let mut shipment = CarrierShipment { id: id.clone(), ..sample::carrier_shipment() };
        if self.offers_nothing {
            shipment.rates.clear();
        }
        self.shipments.insert(id, shipment.clone());
        Called::Done(shipment)
    }

    fn buy(&mut self, id: &ShipmentId, rate: &RateId) -> Answer {
        let Some(shipment) = self.shipments.get_mut(id) else {
            return Called::Refused(CarrierRefusal::NotFound);
        };
        if shipment.bought.is_some() {
            return Called::Refused(CarrierRefusal::BoughtAlready);
        }
        if !shipment.rates.iter().any(|offered| offered.id == *rate) {
            return Called::Refused(CarrierRefusal::Rejected("no such rate".to_owned()));
        }
        self.labels += 1;
        shipment.bought = Some((format!("TRACK{}", self.labels), None));
        Called::Done(shipment.clone())
    }

    fn refund(&mut self, id: &ShipmentId) -> Answer {
        match self.shipments.get_mut(id) {
            None => Called::Refused(CarrierRefusal::NotFound),
            Some(shipment)
                if shipment.bought.is_some()
                    && shipment.refund == CarrierRefund::NotAsked
                    && !self.refuses_refunds =>
            {
                shipment.refund = CarrierRefund::Submitted;
                Called::Done(shipment.clone())
            }
            Some(_) => Called::Refused(CarrierRefusal::Rejected("no refund".to_owned())),
        }
    }
}

impl Depot {
    async fn ask(&self, point: &'static str, act: impl FnOnce(&mut State) -> Answer) -> Answer {
        self.0.call(point, act).await.unwrap_or_else(|trouble| match trouble {
            Trouble::Down => Called::NotBegun("down".to_owned()),
            Trouble::CarrierRefuses(refusal) => Called::Refused(refusal),
            Trouble::CarrierShows(shipment) => Called::Done(shipment),
            _ => Called::Unknown("no answer".to_owned()),
        })
    }
}

impl Carrier for Depot {
    async fn create(&self, _parcel: &Parcel) -> Answer {
        self.ask("carrier.create", |state| state.depot.create()).await
    }

    async fn buy(&self, id: &ShipmentId, rate: &RateId) -> Answer {
        self.ask("carrier.buy", |state| state.depot.buy(id, rate)).await
    }

    async fn refund(&self, id: &ShipmentId) -> Answer {
        self.ask("carrier.refund", |state| state.depot.refund(id)).await
    }

    async fn look_up(&self, id: &ShipmentId) -> Answer {
        let get = |state: &mut State| match state.depot.shipments.get(id) {
            Some(shipment) => Called::Done(shipment.clone()),
            None => Called::Refused(CarrierRefusal::NotFound),
        };
        self.ask("carrier.look_up", get).await
    }
}
