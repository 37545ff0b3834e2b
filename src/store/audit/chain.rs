//! The chain of the audit trail: each line carries the hash of everything from the beginning of the last readable line
//! before it. That is the line before it and, where a killed program left one unfinished, those bytes as well.

use std::fs::File;
use std::io::{self, BufRead};
use std::os::unix::fs::FileExt as _;

use sha2::{Digest, Sha256};

use crate::domain::activity::{BreakReason, Chain, ChainBreak, Record};
use crate::domain::hex;

/// How much is read at a time, from the end.
const BLOCK: u64 = 8 << 10;

/// Breaks that are named; more of them say nothing new.
const NAMED: usize = 20;

/// The end of the trail, as a new line has to know it.
pub(super) struct Tail {
    /// What the new line carries.
    pub(super) hash: String,
    /// Whether the last line lacks its end.
    pub(super) is_unfinished: bool,
    /// Whether something unreadable stands after the last readable line.
    pub(super) is_torn: bool,
    /// Whether the last readable line was written together with an anchor.
    pub(super) is_anchored: bool,
}

/// The ends of lines between two places of the file.
pub(super) fn count_lines(file: &File, from: u64, to: u64) -> io::Result<u64> {
    let (mut at, mut count, mut block) = (from, 0, vec![0; BLOCK as usize]);
    while at < to {
        let size = usize::try_from(to - at).unwrap_or(usize::MAX).min(block.len());
        file.read_exact_at(&mut block[..size], at)?;
        count += block[..size].iter().filter(|byte| **byte == b'\n').count() as u64;
        at += size as u64;
    }
    Ok(count)
}

pub(super) fn hash_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn read_line(line: &[u8]) -> Option<Record> {
    serde_json::from_slice(line).ok()
}

/// Looks at the end of a file of this length: as far back as the last readable line begins.
pub(super) fn tail(file: &File, length: u64) -> io::Result<Tail> {
    let mut bytes = Vec::new();
    let mut start = length;
    loop {
        let done = start == 0;
        let ends_line = bytes.last() == Some(&b'\n');
        let content = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        // Where lines begin in what was read, the last one first. What stands before the first end of a line may be
        // the rest of one that began earlier.
        let begins = content.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let begins = begins.chain(done.then_some(0));
        for begin in begins {
            let end = content[begin..].iter().position(|byte| *byte == b'\n').map_or(content.len(), |at| begin + at);
            // A line can lack its end and be whole: then only that end was not written any more.
            if let Some(record) = read_line(&content[begin..end]) {
                let hash = hash_of(&content[begin..]);
                let is_anchored = record.line.is_some();
                return Ok(Tail { hash, is_unfinished: !ends_line, is_torn: end < content.len(), is_anchored });
            }
        }
        if done {
            let is_unfinished = !bytes.is_empty() && !ends_line;
            let is_torn = !content.is_empty();
            return Ok(Tail { hash: hash_of(content), is_unfinished, is_torn, is_anchored: false });
        }
        // Twice as much each time: a long line is not looked at again for every block of it.
        let more = (length - start).max(BLOCK).min(start);
        start -= more;
        let mut block = vec![0; usize::try_from(more).unwrap_or(0)];
        file.read_exact_at(&mut block, start)?;
        block.append(&mut bytes);
        bytes = block;
    }
}

/// Reads the trail from its beginning and says whether it holds.
pub(super) fn verify(mut lines: impl BufRead, expected: Option<&str>) -> io::Result<Chain> {
    let mut chain = Chain::default();
    // Everything from the beginning of the last readable line, without the last end of a line.
    let mut since: Vec<u8> = Vec::new();
    let mut unreadable: Option<u64> = None;
    let mut chained = false;
    let mut found = false;
    let broken = |line, why: BreakReason, breaks: &mut Vec<ChainBreak>| {
        if breaks.len() < NAMED {
            breaks.push(ChainBreak { line, why });
        }
    };
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        chain.lines += 1;
        let ended = line.last() == Some(&b'\n');
        if ended {
            line.pop();
        }
        match read_line(&line) {
            None => {
                if chain.lines > 1 {
                    since.push(b'\n');
                }
                since.append(&mut line);
                if ended {
                    unreadable.get_or_insert(chain.lines);
                    chain.before_chain += u64::from(!chained);
                }
                continue;
            }
            Some(Record { prev: None, .. }) if !chained => chain.before_chain += 1,
            Some(Record { prev: None, .. }) => {
                broken(chain.lines, BreakReason::NoHash, &mut chain.breaks);
            }
            Some(Record { prev: Some(prev), torn, line: number, cut, .. }) => {
                chain.ends_anchored = number.is_some();
                if let Some(cut) = cut {
                    broken(chain.lines, BreakReason::Cut(cut), &mut chain.breaks);
                }
                let wanted = hash_of(&since);
                found |= expected.is_some_and(|expected| expected.eq_ignore_ascii_case(&wanted));
                if prev != wanted {
                    broken(chain.lines, BreakReason::OtherHash, &mut chain.breaks);
                } else if let Some(at) = unreadable.filter(|_| chained) {
                    if torn {
                        chain.torn += 1;
                    } else {
                        broken(at, BreakReason::Unreadable, &mut chain.breaks);
                    }
                }
                chained = true;
            }
        }
        // A hash that was noted when this was the last line, before anything was left unfinished after it.
        found |= expected.is_some_and(|expected| expected.eq_ignore_ascii_case(&hash_of(&line)));
        unreadable = None;
        since.clear();
        since.append(&mut line);
    }
    if let Some(at) = unreadable.filter(|_| chained) {
        broken(at, BreakReason::Unreadable, &mut chain.breaks);
    }
    chain.head = hash_of(&since);
    chain.expected_found = expected.map(|expected| found || expected.eq_ignore_ascii_case(&chain.head));
    chain.whole = chain.breaks.is_empty() && chain.expected_found != Some(false);
    Ok(chain)
}
