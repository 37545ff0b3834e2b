//! `audit`: who did what, and whether the trail is whole.

use serde_json::{Value, json};

use super::Call;
use super::args::Audit;
use crate::domain::activity::{Chain, HostChain, Record};
use crate::domain::calendar::whole;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::untrusted::Untrusted;
use crate::words::{self, Tone};

pub(super) fn run(call: &mut Call, options: &Audit) -> Result<u8, Failure> {
    let workspace = call.look()?;
    let chain = workspace.verify_trail(options.expect.as_deref())?;
    // The trail is read from its end; a person reads it downwards.
    let limit = if options.verify { 0 } else { options.limit };
    let mut records = workspace.trail(limit)?;
    records.reverse();
    // The file has them to the nanosecond, which no other time that is printed has.
    records.iter_mut().for_each(|record| record.activity.at = whole(record.activity.at));
    let output = &mut call.output;
    if output.json {
        let of = |host: &HostChain| json!({ "host": host.host, "chain": of_chain(&host.chain) });
        let hosts: Vec<Value> = chain.hosts.iter().map(of).collect();
        let told = json!({ "ok": chain.whole, "chain": of_chain(&chain), "hosts": hosts, "entries": records });
        let failure = words::audit::broken(&chain).map(|why| Failure::new(FailureKind::Declined, why));
        output.report(&told, failure.as_ref())?;
    } else {
        for record in &records {
            lines(record).iter().for_each(|line| output.line(line));
        }
        let mark = output.sign(if chain.whole { Tone::Good } else { Tone::Bad });
        words::audit::verdict(&chain).iter().enumerate().for_each(|(at, line)| {
            output.line(if at == 0 { format!("{mark} {line}") } else { format!("  {line}") });
        });
    }
    Ok(u8::from(!chain.whole))
}

fn of_chain(chain: &Chain) -> Value {
    let breaks =
        chain.breaks.iter().map(|broken| json!({ "line": broken.line, "why": words::audit::why(&broken.why) }));
    let mut told = json!(chain);
    told["breaks"] = breaks.collect();
    told
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
