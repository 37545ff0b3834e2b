//! What runs outside while screens come and go: when it may start, its start, its progress, its stop and its end. The
//! screens show it; none of it knows which of them is shown beyond what the model says.

pub mod activate;
pub mod deliveries;
pub mod escalate;
pub mod health;
pub mod plan;
pub mod prove;
pub mod removal;
pub mod sync;
pub mod tickets;
