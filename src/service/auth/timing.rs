//! R72: how long a refusal takes says nothing of the token.

use std::hint::black_box;
use std::time::Instant;

use super::*;
use crate::service::testing::Fixture;

/// Samples of each kind: a few, so that this test cannot rot, and by hand a million.
fn samples() -> usize {
    std::env::var("PIA_HALO_SAMPLES").ok().and_then(|number| number.parse().ok()).unwrap_or(3_000)
}

/// Mean and variance as the samples come (Welford).
#[derive(Clone, Copy, Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, sample: f64) {
        self.count += 1.0;
        let off = sample - self.mean;
        self.mean += off / self.count;
        self.squares += off * (sample - self.mean);
    }

    fn error(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }
}

/// Welch's t between the times of two works, taken in turns that nobody can guess; what the machine does in between
/// (the slowest hundredth of a first round) is left out for both alike.
fn welch(mut work: impl FnMut(usize)) -> f64 {
    let mut time = |kind| {
        let begun = Instant::now();
        work(kind);
        begun.elapsed().as_nanos() as f64
    };
    let samples = samples();
    let mut first: Vec<f64> = (0..samples.min(20_000)).map(|n| time(n % 2)).collect();
    first.sort_by(f64::total_cmp);
    let most = first[first.len() * 99 / 100];
    let mut kinds = [Spread::default(); 2];
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    while kinds.iter().any(|kind| (kind.count as usize) < samples) {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let kind = (chance >> 33) as usize & 1;
        let sample = time(kind);
        if sample <= most {
            kinds[kind].add(sample);
        }
    }
    let [one, other] = kinds;
    (one.mean - other.mean) / (one.error() + other.error()).sqrt()
}

/// R72: `PIA_HALO_SAMPLES=1000000 cargo test --lib wrong_token -- --nocapture`.
#[test]
fn wrong_token_takes_as_long_whichever_byte_is_wrong() {
    let fixture = Fixture::open("2026-11-23T10:53:00Z");
    let workspace = fixture.shared().workspace.clone();
    let id: ConfigurationId = "acme".parse().unwrap();
    let callback = new_callback_secrets().unwrap();
    let stored = StoredSecrets { callback: Some(callback.clone()), ..StoredSecrets::default() };
    crate::service::testing::settings_of(&workspace).save_secrets(&id, &stored).unwrap();
    let auth = Auth::open(&workspace).unwrap();
    let wrong_at = |at: usize| {
        let mut token = callback.token.expose().as_bytes().to_vec();
        token[at] = if token[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(token).unwrap()
    };
    let wrong = [wrong_at(0), wrong_at(callback.token.length() - 1)];
    let paths = wrong.each_ref().map(|token| format!("/callbacks/acme/ticket-created/{token}"));
    let secrets = wrong.map(Secret::new);
    let password = format!("Basic {}", STANDARD.encode(format!("{BASIC_USER}:{}", callback.password.expose())));
    let comparison = welch(|kind| {
        black_box(black_box(&callback.token) == black_box(&secrets[kind]));
    });
    let whole = welch(|kind| assert!(auth.admit(&paths[kind], Some(password.as_bytes())).is_none()));
    let told = format!("Welch's t: {comparison:.2} comparing, {whole:.2} at the auth");
    assert!(comparison.abs() < 10.0 && whole.abs() < 10.0, "{told}");
    std::io::Write::write_all(&mut std::io::stderr(), format!("{told}\n").as_bytes()).unwrap();
}
