//! Which of several services at one store leads: one that can do what has to be done, for as long as it can.

use jiff::SignedDuration;

use super::Workspace;
use super::locks::LEAD_LOCK;
use super::serving::{is_on_server, note_missed};
use crate::coordination::{Hold, LockError, Whoever};
use crate::domain::failure::Failure;
use crate::domain::untrusted::Untrusted;
use crate::store::{Seen, Service};

/// What a leader was told that died may have been lost for so long before it was there last.
const BEFORE: SignedDuration = SignedDuration::from_mins(1);

/// Who does what one service alone does.
pub enum Lead {
    /// This one.
    Here(Box<Leadership>),
    /// Another one, in words.
    Elsewhere(String),
}

/// That this service leads, for as long as it is kept and its lock is not lost.
pub struct Leadership {
    workspace: Workspace,
    /// None where the store is a file: then there is no other service.
    lock: Option<Hold>,
}

impl Leadership {
    /// Where whoever leads works: nothing is written there once another one may lead.
    pub fn workspace(&self) -> Workspace {
        self.workspace.clone()
    }

    /// Whether it leads still, as far as the server answers.
    pub fn is_held(&self) -> bool {
        self.lock.as_ref().and_then(Hold::watch).is_none_or(|lock| lock.is_held())
    }

    /// Begins to lead: what was missed from the last sign of whoever led before is looked after, and the others are told.
    ///
    /// # Errors
    ///
    /// Where the store cannot be used.
    pub fn begin(&self, own: &Service) -> Result<(), Failure> {
        let store = &self.workspace.store;
        let last = store.meet_services(own)?.iter().filter(|seen| seen.leads).filter_map(Seen::seen_at).max();
        if let Some(last) = last {
            note_missed(&self.workspace, last.checked_sub(BEFORE).unwrap_or(last))?;
        }
        store.follow_leader()?;
        self.go_on(own, false).map(drop)
    }

    /// Tells the others that it leads, and can work, or has begun to fail; hears of them. None where it leads no more.
    ///
    /// # Errors
    ///
    /// Where the store cannot be used.
    pub fn go_on(&self, own: &Service, is_failing: bool) -> Result<Option<Others>, Failure> {
        // Whoever hangs at the disk of its host does not get as far as telling.
        let own = Service { is_able: can_work(&self.workspace), ..own.clone() };
        let Some(lock) = self.lock.as_ref().and_then(Hold::watch) else { return Ok(Some(Others::default())) };
        Ok(lock.tell_lead(&own, is_failing)?.map(|seen| Others::of(&seen, &own)))
    }

    /// Gives the lead to whoever can do more.
    ///
    /// # Errors
    ///
    /// Where the store cannot be used.
    pub fn give_back(&self, own: &Service) -> Result<(), Failure> {
        Ok(self.workspace.store.tell_end(own, false)?)
    }
}

/// What the other services at the store are, as far as it counts here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// One that is there and can do more than this one: it has what it takes to work, or forwards.
    pub better: Option<String>,
    /// One that forwards, though not to where this one does, with its host.
    pub differs: Option<String>,
    /// Whether one forwards: what is to be forwarded is kept for it.
    pub forward: bool,
}

impl Others {
    fn of(seen: &[Seen], own: &Service) -> Self {
        let is_own = |seen: &&Seen| seen.run == own.run;
        let worth = seen.iter().find(is_own).map_or((own.is_able, own.forwards.is_some()), Seen::worth);
        let others = || seen.iter().filter(|seen| !is_own(seen));
        let there = || others().filter(|seen| seen.is_there);
        let host = |seen: &Seen| Untrusted::new(&seen.host).display();
        Self {
            better: there().find(|seen| seen.worth() > worth).map(host),
            differs: there().find(|seen| seen.forwards.is_some() && seen.forwards != own.forwards).map(host),
            forward: others().any(|seen| seen.forwards.is_some()),
        }
    }
}

/// What a service tells the others of itself; `forwards` is where it forwards to, with nothing in it that is secret.
pub fn service(workspace: &Workspace, forwards: Option<String>) -> Service {
    let server = workspace.place().server();
    Service {
        run: getrandom::u64().map_or_else(|_| std::process::id().to_string(), |run| format!("{run:016x}")),
        installation: server.map_or_else(String::new, |server| server.installation().to_owned()),
        host: server.map_or_else(String::new, |server| server.host().to_owned()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        forwards,
        is_able: true,
    }
}

/// Whether this host has what it takes to work: its settings, and a place that the Client Secret is from.
fn can_work(workspace: &Workspace) -> bool {
    let has_secret = || {
        let Some((id, configuration)) = workspace.active()? else { return Ok(true) };
        let command = configuration.api.client_secret_command.as_deref();
        Ok::<_, Failure>(workspace.secret_source(Some(&id), command)?.is_some())
    };
    has_secret().unwrap_or(false)
}

/// Leads, unless another service does, or can do more; `could` is whether nothing has kept it from leading lately.
///
/// # Errors
///
/// Where nobody knows whether one does.
pub fn lead(workspace: &Workspace, own: &Service, could: bool) -> Result<(Lead, Others), Failure> {
    if !is_on_server(workspace) {
        let here = Leadership { workspace: workspace.clone(), lock: None };
        return Ok((Lead::Here(Box::new(here)), Others::default()));
    }
    let own = &Service { is_able: could && can_work(workspace), ..own.clone() };
    let others = Others::of(&workspace.store.meet_services(own)?, own);
    if let Some(holder) = workspace.holder(LEAD_LOCK)? {
        if workspace.store.end_hung(LEAD_LOCK)? {
            tracing::warn!(leader = %holder, "the service that leads hangs: another one follows it");
        }
        return Ok((Lead::Elsewhere(holder.to_string()), others));
    }
    if let Some(host) = &others.better {
        return Ok((Lead::Elsewhere(format!("left to {host}, which can do more")), others));
    }
    match workspace.lock(LEAD_LOCK, "lead") {
        Ok(lock) => {
            Ok((Lead::Here(Box::new(Leadership { workspace: workspace.under(&lock), lock: Some(lock) })), others))
        }
        Err(LockError::Held(holder)) => {
            Ok((Lead::Elsewhere(Whoever(holder.map(|holder| *holder)).to_string()), others))
        }
        Err(error) => Err(error.into()),
    }
}

/// Tells the others that this service is not there any more.
///
/// # Errors
///
/// Where the store cannot be used.
pub fn end(workspace: &Workspace, own: &Service) -> Result<(), Failure> {
    Ok(workspace.store.tell_end(own, true)?)
}
