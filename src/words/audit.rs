//! The audit trail: whether it is whole, and where it is not.

use super::Tone;
use crate::domain::activity::{Activity, BreakReason, Chain, HostChain};
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;

/// How something ended, with its word for a column.
pub fn outcome(code: &str) -> (Tone, String) {
    let tone = match code {
        "done" | "complete" | "configured" | "saved" | "removed" | "rolled back" | "rotated" | "agreed" => Tone::Good,
        "failed" | "refused" => Tone::Bad,
        "unchanged" | "nothing to do" | "nothing_to_do" => Tone::Calm,
        _ => Tone::Warn,
    };
    let word = match code {
        "complete_with_warnings" => "with warnings".to_owned(),
        "needs_confirmation" => "on hold".to_owned(),
        "new token and password made" => "new secrets made".to_owned(),
        code => Untrusted::new(code.replace('_', " ")).display(),
    };
    (tone, word)
}

/// What was done, to what.
pub fn title(line: &Activity) -> String {
    let shown = |text: &str| Untrusted::new(text).display();
    match &line.object {
        Some(object) => format!("{}: {}", shown(&line.action), shown(object)),
        None => shown(&line.action),
    }
}

/// What is wrong with a line.
pub fn why(reason: &BreakReason) -> String {
    match reason {
        BreakReason::NoHash => "it has no hash, although earlier lines do".to_owned(),
        BreakReason::OtherHash => {
            "it does not match the previous lines: one was changed, removed or inserted".to_owned()
        }
        BreakReason::Unreadable => "it cannot be read".to_owned(),
        BreakReason::Cut(cut) => match cut.lines {
            Some(had) => format!("before this line was written, the trail was cut or changed: it had {had} lines"),
            None => "before this line was written, the anchor of the trail was removed".to_owned(),
        },
        BreakReason::NotTagged => "the store does not say with its key that the trail ends here".to_owned(),
        BreakReason::NoAnchor => "the anchor file, which records the end of the trail, was removed".to_owned(),
        BreakReason::NoTrail => "the trail and its anchor are missing, but the store knows of earlier work".to_owned(),
        BreakReason::NoEnd { lines } => format!("the end is missing or was changed: there were {lines} lines"),
    }
}

const NOT_FOUND: &str = "the expected hash was not found: lines were cut off, or the trail was recreated";

/// What is wrong with the trail; none where it is whole.
pub fn broken(chain: &Chain) -> Option<String> {
    if !chain.breaks.is_empty() {
        return verdict(chain).into_iter().next();
    }
    let of_other = || chain.hosts.iter().find(|host| !host.chain.breaks.is_empty()).map(of_host);
    let said = || of_other().and_then(|lines| lines.into_iter().next()).unwrap_or_else(|| NOT_FOUND.to_owned());
    (!chain.whole).then(said)
}

/// What the verification of the trail found, one line each; the verdict first.
pub fn verdict(chain: &Chain) -> Vec<String> {
    let mut lines = Vec::new();
    let all = thousands(chain.lines);
    lines.push(if chain.breaks.is_empty() {
        format!("verified: the chain of all {all} lines is intact")
    } else {
        is_broken(chain)
    });
    lines.extend(breaks(chain));
    if chain.before_chain > 0 {
        lines.push(format!("lines from before the chain: {}", thousands(chain.before_chain)));
    }
    if chain.torn > 0 {
        lines.push(format!("unfinished lines, left by killed programs: {}", thousands(chain.torn)));
    }
    match chain.anchored {
        _ if chain.lines == 0 || !chain.breaks.is_empty() => {}
        Some(anchored) if anchored >= chain.lines => {
            lines.push("verified: no line is missing at the end (anchor file next to the store)".to_owned());
        }
        Some(anchored) => lines.push(format!(
            "verified: none of the first {} lines is missing; the last {} were written after the anchor",
            thousands(anchored),
            thousands(chain.lines - anchored)
        )),
        None => lines.push("not verified: lines may be missing at the end; the next entry adds the anchor".to_owned()),
    }
    match chain.expected_found {
        Some(true) => lines.push("the expected hash was found: nothing before it was changed".to_owned()),
        Some(false) => lines.push(NOT_FOUND.to_owned()),
        None => {
            let what = "not verified: whether both files were recreated; keep this hash elsewhere, for --expect";
            lines.push(what.to_owned());
        }
    }
    lines.push(format!("hash {}", chain.head));
    lines.extend(chain.hosts.iter().flat_map(of_host));
    lines
}

/// The same of the trail of another host.
fn of_host(HostChain { host, chain }: &HostChain) -> Vec<String> {
    let said = |what: String| format!("{}: {what}", Untrusted::new(host).display());
    let lines = thousands(chain.lines);
    if chain.breaks.is_empty() {
        return vec![said(match chain.anchored {
            Some(_) => format!("verified: the chain of all {lines} lines is intact, and none is missing at the end"),
            None => format!("verified: the chain of {lines} lines is intact; not verified, without store.key: its end"),
        })];
    }
    [is_broken(chain)].into_iter().chain(breaks(chain)).map(said).collect()
}

fn is_broken(chain: &Chain) -> String {
    format!("the chain of {} lines is broken: the trail was changed or damaged", thousands(chain.lines))
}

fn breaks(chain: &Chain) -> impl Iterator<Item = String> {
    chain.breaks.iter().map(|broken| format!("line {}: {}", broken.line, why(&broken.why)))
}
