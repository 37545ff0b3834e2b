//! The certificate at the address where Halo reaches Pia.

use jiff::{SignedDuration, Timestamp};

use crate::domain::configuration::Configuration;
use crate::domain::health::{Finding, Rule, State, needs_certificate};
use crate::halo::certificate::{Seen, look_at};
use crate::ops::Workspace;

/// A certificate that renews itself does so before.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 14);

/// What is found at the address of Pia; nothing where no certificate is needed.
pub(super) async fn look(workspace: &Workspace, configuration: &Configuration) -> Option<Finding> {
    let url = configuration.integration.pia_url.as_ref().filter(|_| needs_certificate(configuration))?;
    Some(judge(&look_at(url.as_str(), workspace.proxy().as_ref()).await, workspace.now()))
}

fn judge(seen: &Seen, now: Timestamp) -> Finding {
    let rule = Rule::Certificate;
    match seen {
        Seen::Until(until) if until.duration_since(now) < SOON => {
            let fact = format!("the certificate of the Pia Url expires on {}", until.strftime("%Y-%m-%d"));
            Finding::new(rule, State::Watch, fact).next("Renew it: Halo delivers nothing to an expired one")
        }
        Seen::Until(until) => Finding::well(rule, format!("good until {}", until.strftime("%Y-%m-%d"))),
        Seen::Good => Finding::well(rule, "accepted"),
        Seen::Refused(why) => Finding::new(rule, State::Broken, format!("the certificate of the Pia Url {why}"))
            .next("Fix it at the TLS proxy: until then, Halo delivers nothing"),
        Seen::Unreached(why) => Finding::new(rule, State::Unknown, format!("the Pia Url {why} from this machine"))
            .next("Check it from another network: Halo reaches it from outside"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_is_judged_by_its_end_and_by_who_refuses_it() {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        for (seen, state, fact) in [
            (Seen::Until(now + SignedDuration::from_hours(24 * 60)), State::Well, "good until 2027-01-28"),
            (Seen::Until(now + SOON - SignedDuration::from_secs(1)), State::Watch, "expires on 2026-12-13"),
            (Seen::Good, State::Well, "accepted"),
            (Seen::Refused("has expired".to_owned()), State::Broken, "has expired"),
            (Seen::Unreached("cannot be reached".to_owned()), State::Unknown, "from this machine"),
        ] {
            let found = judge(&seen, now);
            assert_eq!(found.state, state, "{seen:?}");
            assert!(found.fact.contains(fact), "{found:?}");
        }
    }
}
