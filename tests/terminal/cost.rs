//! What the interface costs on the line stays within its limits.

#[path = "../bench/figures.rs"]
pub mod figures;

#[test]
fn line_carries_no_more_than_limits() {
    let figures = figures::measure();
    let over: Vec<_> = figures.iter().filter(|figure| !figure.is_met()).map(ToString::to_string).collect();
    assert_eq!(over, [""; 0]);
}
