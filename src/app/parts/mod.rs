//! Parts that several screens are made of.

pub mod line;
pub mod plan;
