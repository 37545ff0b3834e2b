//! Small deterministic random numbers (SplitMix64), so that one seed always makes one and the same Halo.

/// A stream of numbers that depends on nothing but its seed.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

/// One SplitMix64 step as a pure function: spreads `value` over all 64 bits.
pub(super) fn spread(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

impl Random {
    /// The stream of `seed`, kept apart from other streams of the same seed by `purpose`.
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        let mut state = spread(seed);
        for byte in purpose.bytes() {
            state = spread(state ^ u64::from(byte));
        }
        Self(state)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        spread(self.0)
    }

    /// A number from 0 up to, not including, `limit` (0 when `limit` is 0).
    pub(super) fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { usize::try_from(self.next() % limit as u64).unwrap_or(0) }
    }

    /// True in `percent` of 100 cases.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.next() % 100 < u64::from(percent)
    }

    /// One of `choices`; the empty text when there are none.
    pub(super) fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let index = self.below(choices.len());
        choices.get(index).copied().unwrap_or_default()
    }

    /// One of those that the database makes: in sequence, so that they end alike.
    pub(super) fn guid_in_sequence(&mut self) -> String {
        format!("{:08x}-c5ee-f111-80e9-02725cb0e102", self.next() >> 32)
    }

    /// A GUID in Halo's lower-case form.
    pub(super) fn guid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        uuid::Builder::from_random_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
            .into_uuid()
            .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_makes_one_stream_and_purposes_are_kept_apart() {
        let numbers = |seed, purpose| {
            let mut random = Random::new(seed, purpose);
            (0..8).map(|_| random.next()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(7, "clients"), numbers(7, "clients"));
        assert_ne!(numbers(7, "clients"), numbers(8, "clients"));
        assert_ne!(numbers(7, "clients"), numbers(7, "agents"));
    }

    #[test]
    fn guids_are_version_four_and_differ() {
        let mut random = Random::new(1, "guid");
        let (one, two) = (random.guid(), random.guid());
        assert_ne!(one, two);
        assert_eq!(uuid::Uuid::parse_str(&one).unwrap().get_version_num(), 4);
    }
}
