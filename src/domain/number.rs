//! Whole numbers as Halo writes them: as an integer, as a float, or as the text of either.

/// A float that is a whole number, within the range in which floats still count in ones.
pub fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
}

/// A whole number that is written as a text.
pub fn whole_text(text: &str) -> Option<i64> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_in_any_spelling() {
        for (text, number) in
            [("7", Some(7)), (" 7.0 ", Some(7)), ("-3", Some(-3)), ("7.5", None), ("", None), ("seven", None)]
        {
            assert_eq!(whole_text(text), number, "{text:?}");
        }
        assert_eq!(
            [whole(9_007_199_254_740_992.0), whole(1e16), whole(f64::NAN)],
            [Some(9_007_199_254_740_992), None, None]
        );
    }
}
