//! Parts that several screens are made of.

pub(crate) mod line;
pub(crate) mod plan;
