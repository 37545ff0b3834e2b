//! The trails of all hosts that share a store: a copy of each one's lines, and how far it goes.
//!
//! A line is in the file of its host first, whatever becomes of the server; a copy that is behind catches up with the next line.
//! Each trail stays a chain of its own. How long it is and how it ends stands beside it, tagged with the key of the store: lines
//! that are taken out of the copy show, the last one, too, and those that are cut off from the file.

use std::fs::File;
use std::io::{self, BufRead as _, Cursor};
use std::os::unix::fs::FileExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use super::anchor::Anchor;
use super::{Audit, chain};
use crate::domain::activity::{BreakReason, Chain, ChainBreak, HostChain, Record};
use crate::store::database::{Database, Row, Value, args};
use crate::store::error::{Trouble, of_io};
use crate::store::{Store, StoreError, count_in, count_out};

/// Lines that are copied in one write, and how much of the file is read for them.
const LINES: usize = 500;
const BLOCK: u64 = 256 << 10;

/// Lines that are written by one statement: a write of every host waits for it.
const ROWS: usize = 50;

/// What a line begins with that is no text, such as one that a power cut has torn.
const NO_TEXT: &str = "base64:";

/// Makes a tag for a text, where this host has the key of the store.
pub type Tag<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A trail as the store knows it.
struct Known {
    trail: String,
    host: String,
    end: Anchor,
    tag: Option<String>,
}

impl Known {
    /// The tag that it has to have, where this host has the key of the store.
    fn right_tag(&self, tag: Tag<'_>) -> Option<String> {
        let Self { trail, host, end: Anchor { lines, bytes, hash }, .. } = self;
        tag(&format!("trail {trail} {lines} {bytes} {hash} {host}"))
    }
}

impl Audit {
    /// Copies the lines that a store on a server does not have yet.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the file cannot be read, or the store not be written. The next time goes on from there.
    pub fn share(&self, store: &Store, tag: Tag<'_>) -> Result<(), StoreError> {
        let (Some((file, length)), ()) = self.held(|| Ok::<_, StoreError>(()))? else { return Ok(()) };
        let fail = |error: io::Error| of_io(error, "read", self.path());
        let Some(mark) = self.name(&file, length).map_err(fail)? else { return Ok(()) };
        let known = store.trails_of(&mark)?;
        let others = known.len();
        let mut continued = None;
        for one in known {
            if self.continues(&one.end, &file, length)? {
                continued = Some(one);
            }
        }
        // A file that continues no copy is a trail of its own: what was copied before stays.
        let (trail, mut end) = match continued {
            Some(one) => {
                store.tag_trail(&one, tag)?;
                (one.trail, one.end)
            }
            None => (format!("{mark}-{others}"), Anchor { lines: 0, bytes: 0, hash: String::new() }),
        };
        loop {
            let lines = whole_lines(&file, end.bytes, length).map_err(fail)?;
            if lines.is_empty() {
                return Ok(());
            }
            let bytes = end.bytes + lines.iter().map(|line| line.len() as u64 + 1).sum::<u64>();
            let hash = chain::tail(&file, bytes).map_err(fail)?.hash;
            let next = Anchor { lines: end.lines + lines.len() as u64, bytes, hash };
            let host = self.host_name();
            let mut next = Known { trail: trail.clone(), host, end: next, tag: None };
            next.tag = next.right_tag(tag);
            if !store.add_to_trail(&next, end.lines, &lines)? {
                // Another program of this host has done it.
                return Ok(());
            }
            end = next.end;
        }
    }

    fn continues(&self, end: &Anchor, file: &File, length: u64) -> Result<bool, StoreError> {
        end.fits(file, length).map_err(|error| of_io(error, "read", self.path()))
    }

    /// The last lines of all hosts, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the file or the store cannot be read.
    pub fn records_of_all(&self, store: &Store, count: usize) -> Result<Vec<Record>, StoreError> {
        let mut records = self.records(count)?;
        let lines = store.lines_of_others(self.mark()?.as_deref().unwrap_or("-"), count)?;
        records.extend(lines.iter().filter_map(|line| serde_json::from_str::<Record>(line).ok()));
        // Those of one moment stay in the order of their trail.
        records.sort_by_key(|record| std::cmp::Reverse(record.activity.at));
        // What a machine and its clone have from before they were two.
        records.dedup();
        records.truncate(count);
        Ok(records)
    }

    /// Whether the trails of all hosts are whole: this one as [`Audit::verify`] says, and as the store knows it; the others as
    /// they were copied.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the file or the store cannot be read.
    pub fn verify_all(&self, store: &Store, expected: Option<&str>, tag: Tag<'_>) -> Result<Chain, StoreError> {
        // First: lines that come meanwhile are only ahead of it.
        let known = store.trails()?;
        let mut own = self.verify(expected)?;
        let mark = self.mark()?;
        let (mine, others): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|known| mark.as_deref().is_some_and(|mark| known.is_of(mark)));
        if let Some((file, length)) = self.held(|| Ok::<_, StoreError>(()))?.0 {
            for known in mine {
                let is_whole = known.is_tagged(tag) != Some(false) && self.continues(&known.end, &file, length)?;
                let is_told = own.breaks.iter().any(|broken| matches!(broken.why, BreakReason::NoEnd { .. }));
                if !is_whole && !is_told {
                    super::cut_off(&mut own, known.end.lines);
                }
            }
        }
        for known in others {
            let chain = store.verify_copy(&known, expected, tag)?;
            if let (Some(found), Some(there)) = (&mut own.expected_found, chain.expected_found) {
                *found |= there;
            }
            own.hosts.push(HostChain { host: known.host, chain });
        }
        own.whole = own.breaks.is_empty()
            && own.expected_found != Some(false)
            && own.hosts.iter().all(|host| host.chain.breaks.is_empty());
        Ok(own)
    }

    /// Its first line tells a trail from others; that of a clone has the same one.
    fn name(&self, file: &File, length: u64) -> io::Result<Option<String>> {
        let of = self.host.as_ref().map_or("", |host| &host.installation);
        Ok(mark(file, length)?.map(|mark| chain::hash_of(format!("{mark} {of}").as_bytes())[..32].to_owned()))
    }

    /// What this trail is called in a store, before its number; none where it has no line.
    fn mark(&self) -> Result<Option<String>, StoreError> {
        match self.held(|| Ok::<_, StoreError>(()))?.0 {
            Some((file, length)) => self.name(&file, length).map_err(|error| of_io(error, "read", self.path())),
            None => Ok(None),
        }
    }
}

impl Known {
    fn is_of(&self, mark: &str) -> bool {
        self.trail.rsplit_once('-').is_some_and(|(of, _)| of == mark)
    }

    /// Whether its end is tagged with the key of the store; none where this host cannot tell.
    fn is_tagged(&self, tag: Tag<'_>) -> Option<bool> {
        self.right_tag(tag).map(|right| self.tag.as_deref() == Some(&*right))
    }
}

/// The first line tells one trail from every other: when, by which process of which host.
fn mark(file: &File, length: u64) -> io::Result<Option<String>> {
    let (mut line, mut at) = (Vec::new(), 0);
    while at < length {
        let mut block = vec![0; usize::try_from(BLOCK.min(length - at)).unwrap_or(0)];
        file.read_exact_at(&mut block, at)?;
        at += block.len() as u64;
        if let Some(end) = block.iter().position(|byte| *byte == b'\n') {
            line.extend_from_slice(&block[..end]);
            return Ok(Some(chain::hash_of(&line)[..32].to_owned()));
        }
        line.append(&mut block);
    }
    Ok(None)
}

/// The next lines that have their end, without it.
fn whole_lines(file: &File, from: u64, to: u64) -> io::Result<Vec<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut at = from;
    // A line may be longer than what is read at a time.
    while at < to && !bytes.contains(&b'\n') {
        let mut block = vec![0; usize::try_from(BLOCK.min(to - at)).unwrap_or(0)];
        file.read_exact_at(&mut block, at)?;
        at += block.len() as u64;
        bytes.append(&mut block);
    }
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    bytes.truncate(end);
    Cursor::new(bytes).split(b'\n').take(LINES).collect()
}

/// A line as it stands in the store, and back.
fn to_text(line: &[u8]) -> String {
    match std::str::from_utf8(line) {
        Ok(text) if !text.contains('\0') && !text.starts_with(NO_TEXT) => text.to_owned(),
        _ => format!("{NO_TEXT}{}", BASE64.encode(line)),
    }
}

fn to_bytes(text: String) -> Vec<u8> {
    match text.strip_prefix(NO_TEXT) {
        Some(encoded) => BASE64.decode(encoded).unwrap_or_default(),
        None => text.into_bytes(),
    }
}

const TRAILS: &str = "SELECT trail, host, lines, bytes, hash, tag FROM trails";

fn known(row: &Row<'_>) -> Result<Known, Trouble> {
    let end = Anchor { lines: count_in(row.get(2)?), bytes: count_in(row.get(3)?), hash: row.get(4)? };
    Ok(Known { trail: row.get(0)?, host: row.get(1)?, end, tag: row.get(5)? })
}

impl Store {
    fn trails(&self) -> Result<Vec<Known>, StoreError> {
        self.ask(|db| db.rows(&format!("{TRAILS} ORDER BY host, trail"), args![], known))
    }

    /// Those that begin with this line, the oldest first.
    fn trails_of(&self, mark: &str) -> Result<Vec<Known>, StoreError> {
        let mut all = self.trails()?;
        all.retain(|known| known.is_of(mark));
        all.sort_by_key(|known| known.trail.rsplit_once('-').and_then(|(_, number)| number.parse::<u64>().ok()));
        Ok(all)
    }

    /// Adds lines to a trail that has so many; says whether it still had.
    fn add_to_trail(&self, known: &Known, before: u64, lines: &[Vec<u8>]) -> Result<bool, StoreError> {
        self.write(|db| {
            let Known { trail, host, end, tag } = known;
            let [now, then] = [end.lines, before].map(count_out);
            let changed = if before == 0 {
                db.execute(
                    "INSERT INTO trails (trail, host, lines, bytes, hash, tag) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (trail) DO NOTHING",
                    args![trail, host, now, count_out(end.bytes), &end.hash, tag.clone()],
                )?
            } else {
                db.execute(
                    "UPDATE trails SET host = ?2, lines = ?3, bytes = ?4, hash = ?5, tag = ?6 WHERE trail = ?1 AND lines = ?7",
                    args![trail, host, now, count_out(end.bytes), &end.hash, tag.clone(), then],
                )?
            };
            if changed == 0 {
                return Ok(false);
            }
            // Where somebody has set back how far it goes.
            db.execute("DELETE FROM trail WHERE trail = ?1 AND line > ?2", args![trail, then])?;
            let mut numbers = then + 1..;
            let many = lines.chunks_exact(ROWS);
            let rest = many.remainder().chunks(1);
            for some in many.chain(rest) {
                add_lines(db, trail, &mut numbers, some)?;
            }
            Ok(true)
        })
    }

    /// The last lines of all trails but those that begin with one line, newest first.
    fn lines_of_others(&self, mark: &str, count: usize) -> Result<Vec<String>, StoreError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let sql = "SELECT content FROM trail WHERE trail NOT LIKE ?1 AND at IS NOT NULL ORDER BY at DESC, trail, line DESC LIMIT ?2";
        self.ask(|db| db.rows(sql, args![format!("{mark}-%"), count], |row| row.get::<String>(0)))
    }

    /// Tags the end of a trail with the key of the store, where this host has it and another one was meant.
    fn tag_trail(&self, known: &Known, tag: Tag<'_>) -> Result<(), StoreError> {
        let right = known.right_tag(tag);
        if right.is_none() || right == known.tag {
            return Ok(());
        }
        self.write(|db| {
            let sql = "UPDATE trails SET tag = ?2 WHERE trail = ?1 AND lines = ?3";
            db.execute(sql, args![&known.trail, right, count_out(known.end.lines)]).map(drop)
        })
    }

    /// Tags the ends of all trails with a new key that were tagged with the former one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written.
    pub fn tag_trails_anew(&self, former: Tag<'_>, tag: Tag<'_>) -> Result<(), StoreError> {
        let mut known = self.trails()?;
        known.retain(|known| known.is_tagged(former) == Some(true));
        known.iter().try_for_each(|known| self.tag_trail(known, tag))
    }

    fn verify_copy(&self, known: &Known, expected: Option<&str>, tag: Tag<'_>) -> Result<Chain, StoreError> {
        let sql = "SELECT content FROM trail WHERE trail = ?1 ORDER BY line";
        let mut bytes = Vec::new();
        // Of one moment: its host may be at work.
        let now = self.read(|db| {
            db.each(sql, args![&known.trail], |row| {
                bytes.append(&mut to_bytes(row.get(0)?));
                bytes.push(b'\n');
                Ok(())
            })?;
            db.first(&format!("{TRAILS} WHERE trail = ?1"), args![&known.trail], self::known)
        })?;
        let known = now.as_ref().unwrap_or(known);
        let mut chain = chain::verify(bytes.as_slice(), expected).map_err(|error| of_io(error, "read", self.path()))?;
        let is_tagged = known.is_tagged(tag);
        if chain.lines != known.end.lines || chain.head != known.end.hash {
            super::cut_off(&mut chain, known.end.lines);
        } else if is_tagged == Some(false) {
            chain.breaks.push(ChainBreak { line: chain.lines, why: BreakReason::NotTagged });
            chain.whole = false;
        } else {
            chain.anchored = is_tagged.and(Some(known.end.lines));
        }
        Ok(chain)
    }
}

fn add_lines(
    db: &Database,
    trail: &str,
    numbers: &mut impl Iterator<Item = i64>,
    lines: &[Vec<u8>],
) -> Result<(), Trouble> {
    let mut values = Vec::with_capacity(4 * lines.len());
    for (line, number) in lines.iter().zip(numbers) {
        let at = serde_json::from_slice::<Record>(line).ok().map(|record| record.activity.at.as_millisecond());
        values.extend([Value::from(trail), number.into(), at.into(), to_text(line).into()]);
    }
    let row = |row: usize| format!("(?{}, ?{}, ?{}, ?{})", 4 * row + 1, 4 * row + 2, 4 * row + 3, 4 * row + 4);
    let rows: Vec<String> = (0..lines.len()).map(row).collect();
    db.execute(&format!("INSERT INTO trail (trail, line, at, content) VALUES {}", rows.join(", ")), &values).map(drop)
}
