//! The dialogue without a terminal.
