//! The exit codes of the program.

/// Failed in a way that has no code of its own.
pub const FAILED: u8 = 1;
/// Wrong usage, or a terminal is needed.
pub const USAGE: u8 = 2;
/// Not all done: a confirmation is needed, changes are pending, or a part failed.
pub const PENDING: u8 = 3;
/// Halo refused.
pub const REFUSED: u8 = 4;
/// Halo was not reached.
pub const NOT_REACHED: u8 = 5;
/// Another process is at it.
pub const BUSY: u8 = 6;
/// Files of this machine cannot be used.
pub const LOCAL_STATE: u8 = 7;
/// An issue needs attention, where that was asked for.
pub const ATTENTION: u8 = 8;
/// An internal error.
pub const PANICKED: u8 = 101;
/// Stopped by a hang-up.
pub const HUNG_UP: u8 = 129;
/// Stopped by an interrupt.
pub const INTERRUPTED: u8 = 130;
/// Stopped by a terminate.
pub const TERMINATED: u8 = 143;

/// Stopped by a signal, as a shell tells it.
pub fn by_signal(number: u8) -> u8 {
    128 + (number & 127)
}

/// Every exit code that is promised, and what it means.
pub const MEANINGS: [(&[u8], &str); 10] = [
    (&[0], "done, or nothing to do"),
    (&[FAILED], "any other failure"),
    (&[USAGE], "wrong usage, not set up yet, or a terminal is needed"),
    (&[PENDING], "confirmation needed, changes pending, only partly done, or an issue is open"),
    (&[REFUSED], "Halo refused: credentials, scope or the agent's permissions"),
    (
        &[NOT_REACHED],
        "Halo, or the PostgreSQL of the store, cannot be reached: name, TLS, time-out, request limit, or server errors that outlast the retries",
    ),
    (&[BUSY], "busy: another process holds the sync or the configuration, or another host the store"),
    (
        &[LOCAL_STATE],
        "local state unusable: unreadable or newer file, full disk, no permission; or a PostgreSQL: its sign-in, its version, tables of another program",
    ),
    (&[ATTENTION], "with status --exit-code: something needs attention"),
    (
        &[HUNG_UP, INTERRUPTED, TERMINATED],
        "stopped by hang-up, interrupt, terminate; by another signal: 128 and its number",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readme_tells_every_exit_code_in_same_words() {
        let readme = include_str!("../../README.md");
        let rows = readme.lines().skip_while(|line| !line.starts_with("| exit code |")).skip(2);
        let told: Vec<(String, String)> = rows
            .take_while(|line| line.starts_with('|'))
            .map(|row| {
                let mut cells = row.split('|').skip(1).map(|cell| cell.trim().replace('`', ""));
                (cells.next().unwrap(), cells.next().unwrap())
            })
            .collect();
        let codes = |codes: &[u8]| codes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        let meant = MEANINGS.map(|(numbers, meaning)| (codes(numbers), meaning.to_owned()));
        assert_eq!(told, meant);
    }
}
