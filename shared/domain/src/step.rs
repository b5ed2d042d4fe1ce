//! The former path of [`task_input`](crate::task_input).

pub use crate::task_input::TaskInput as Step;
