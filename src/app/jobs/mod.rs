//! What runs outside while screens come and go: when it may start, its start, its progress, its stop and its end. The
//! screens show it; none of it knows which of them is shown beyond what the model says.

pub(crate) mod activate;
pub(crate) mod deliveries;
pub(crate) mod escalate;
pub(crate) mod health;
pub(crate) mod plan;
pub(crate) mod prove;
pub(crate) mod removal;
pub(crate) mod state;
pub(crate) mod sync;
pub(crate) mod tickets;
