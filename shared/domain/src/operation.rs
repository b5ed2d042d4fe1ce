//! The functions that the state machine calls, and the operations of each.
//!
//! The input of a function names its operation; an input that names none asks for the
//! first one, the [`Default`].

/// A function that the state machine calls. Its name is that of its crate.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Function {
    /// Authorizes, captures, and voids or refunds the payment.
    ProcessPayment,
    /// Reserves and releases the stock.
    CheckInventory,
    /// Buys and refunds the label.
    InitiateShipping,
}

impl Function {
    /// Every function that the state machine calls.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name of the crate and of its binary, such as `process-payment`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The logical id of its resource in the template, such as `ProcessPaymentFunction`.
    pub fn logical_id(self) -> String {
        format!("{self:?}Function")
    }
}

/// An operation of one function, as its input names it.
macro_rules! operations {
    ($(#[$doc:meta])* $name:ident { $($variants:tt)* }) => {
        $(#[$doc])*
        #[derive(
            Debug,
            Clone,
            Copy,
            PartialEq,
            Eq,
            Default,
            strum::Display,
            strum::EnumString,
            strum::IntoStaticStr,
            strum::VariantArray,
        )]
        #[strum(serialize_all = "lowercase")]
        pub enum $name { $($variants)* }

        impl $name {
            /// Every operation, the default one first.
            pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

            /// The name in the input.
            pub fn as_str(self) -> &'static str {
                self.into()
            }
        }
    };
}

operations!(
    /// The operations of `process-payment`.
    PaymentOperation {
        /// Authorize the payment: put a hold on the card.
        #[default]
        Authorize,
        /// Capture the authorized payment and fulfill the order.
        Capture,
        /// Void or refund the payment and close the order.
        Cancel,
    }
);
operations!(
    /// The operations of `check-inventory`.
    InventoryOperation {
        /// Reserve every line of the order, or none.
        #[default]
        Reserve,
        /// Release the reservation.
        Release,
    }
);
operations!(
    /// The operations of `initiate-shipping`.
    ShippingOperation {
        /// Buy the label.
        #[default]
        Book,
        /// Refund the label.
        Cancel,
    }
);

/// An operation together with the function that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// An operation of `process-payment`.
    Payment(PaymentOperation),
    /// An operation of `check-inventory`.
    Inventory(InventoryOperation),
    /// An operation of `initiate-shipping`.
    Shipping(ShippingOperation),
}

impl Operation {
    /// Every operation of every function.
    pub fn all() -> Vec<Self> {
        let of = |function: &Function| -> Vec<Self> {
            match function {
                Function::ProcessPayment => {
                    PaymentOperation::ALL.iter().copied().map(Self::Payment).collect()
                }
                Function::CheckInventory => {
                    InventoryOperation::ALL.iter().copied().map(Self::Inventory).collect()
                }
                Function::InitiateShipping => {
                    ShippingOperation::ALL.iter().copied().map(Self::Shipping).collect()
                }
            }
        };
        Function::ALL.iter().flat_map(of).collect()
    }

    /// The function that has this operation.
    pub const fn function(self) -> Function {
        match self {
            Self::Payment(_) => Function::ProcessPayment,
            Self::Inventory(_) => Function::CheckInventory,
            Self::Shipping(_) => Function::InitiateShipping,
        }
    }

    /// The name in the function's input, such as `authorize`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Payment(operation) => operation.as_str(),
            Self::Inventory(operation) => operation.as_str(),
            Self::Shipping(operation) => operation.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_operation_of_each_function_is_its_first() {
        assert_eq!(PaymentOperation::default(), PaymentOperation::ALL[0]);
        assert_eq!(InventoryOperation::default(), InventoryOperation::ALL[0]);
        assert_eq!(ShippingOperation::default(), ShippingOperation::ALL[0]);
    }

    #[test]
    fn operations_and_functions_have_the_names_of_the_state_machine_file() {
        assert_eq!(Operation::Payment(PaymentOperation::Authorize).as_str(), "authorize");
        assert_eq!(Operation::Shipping(ShippingOperation::Book).as_str(), "book");
        assert_eq!("release".parse(), Ok(InventoryOperation::Release));
        assert!("Release".parse::<InventoryOperation>().is_err());
        assert_eq!(Function::CheckInventory.as_str(), "check-inventory");
        assert_eq!(Function::CheckInventory.logical_id(), "CheckInventoryFunction");
    }
}
