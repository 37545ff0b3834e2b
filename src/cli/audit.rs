//! `audit`: who did what, and whether the trail is whole.

use serde_json::json;

use super::Call;
use super::args::Audit;
use super::output::Mark;
use crate::domain::activity::{Chain, Record};
use crate::domain::failure::Failure;
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;

pub(super) fn run(call: &mut Call, options: &Audit) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let chain = workspace.audit.verify(options.expect.as_deref())?;
    // The trail is read from its end; a person reads it downwards.
    let limit = if options.verify { 0 } else { options.limit };
    let mut records = workspace.audit.records(limit)?;
    records.reverse();
    let output = &mut call.output;
    if output.json {
        output.object(&json!({ "ok": chain.whole, "chain": chain, "entries": records }))?;
    } else {
        for record in &records {
            lines(record).iter().for_each(|line| output.line(line));
        }
        let mark = output.mark(if chain.whole { Mark::Good } else { Mark::Bad });
        verdict(&chain).iter().enumerate().for_each(|(at, line)| {
            output.line(if at == 0 { format!("{mark} {line}") } else { format!("  {line}") });
        });
    }
    Ok(u8::from(!chain.whole))
}

fn lines(record: &Record) -> Vec<String> {
    let shown = |text: &str| Untrusted::new(text).display();
    let activity = &record.activity;
    let host = record.host.as_deref().map_or_else(String::new, |host| format!(" on {}", shown(host)));
    let process = record.pid.map_or_else(String::new, |pid| format!(" ({pid})"));
    let object = activity.object.as_deref().map_or_else(String::new, |object| format!(" {}", shown(object)));
    let configuration = activity.configuration.as_deref().map_or_else(String::new, |id| format!("[{}] ", shown(id)));
    let answered = activity.halo.as_ref().and_then(|answer| answer.status);
    let mut lines = vec![
        format!("{}  {}{host}{process}", activity.at.strftime("%Y-%m-%d %H:%M:%S UTC"), activity.who),
        format!(
            "    {configuration}{}{object}: {}{}",
            shown(&activity.action),
            shown(&activity.outcome),
            answered.map_or_else(String::new, |status| format!(", Halo answered {status}"))
        ),
    ];
    lines.extend(activity.message.iter().map(|message| format!("    {}", shown(message))));
    let said = activity.halo.as_ref().and_then(|answer| answer.said.as_deref());
    lines.extend(said.map(|said| format!("    Halo says \"{}\"", shown(said))));
    lines.extend(activity.fields.iter().map(|field| {
        let text = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), shown);
        format!("    {}: {} -> {}", shown(&field.name), text(&field.before), text(&field.after))
    }));
    lines
}

fn verdict(chain: &Chain) -> Vec<String> {
    let mut lines = Vec::new();
    let all = thousands(chain.lines);
    lines.push(if chain.breaks.is_empty() {
        format!("verified: the chain of all {all} lines is intact")
    } else {
        format!("the chain of {all} lines is broken: the trail was changed or damaged")
    });
    lines.extend(chain.breaks.iter().map(|broken| format!("line {}: {}", broken.line, broken.why)));
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
        Some(false) => {
            lines.push("the expected hash was not found: lines were cut off, or the trail was recreated".to_owned())
        }
        None => {
            let what = "not verified: whether both files were recreated; keep this hash elsewhere, for --expect";
            lines.push(what.to_owned());
        }
    }
    lines.push(format!("hash {}", chain.head));
    lines
}
