//! The order that an execution processes, by the execution's name.

/// The order id: the execution's name without the `-r<number>` of a restart.
pub(crate) fn order_of_execution(execution: &str) -> &str {
    let Some((order, restart)) = execution.rsplit_once("-r") else { return execution };
    let numbered = !restart.is_empty() && restart.bytes().all(|byte| byte.is_ascii_digit());
    if numbered { order } else { execution }
}

#[cfg(test)]
mod tests {
    use super::order_of_execution;

    #[test]
    fn an_execution_is_named_after_its_order() {
        for (execution, order) in [
            ("ord_1", "ord_1"),
            ("ord_1-r2", "ord_1"),
            ("ord_1-r12", "ord_1"),
            ("ord_1-r", "ord_1-r"),
            ("ord-red", "ord-red"),
        ] {
            assert_eq!(order_of_execution(execution), order);
        }
    }
}
