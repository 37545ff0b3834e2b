//! Asks Halo what the [engine](super::engine) wants to know, as many questions at a time as the line and Halo take, and puts
//! what it learns on the disk as it comes: what is new at once, what is as it is stored now and then.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::LISTEN;
use super::engine::{Ask, Engine, Presence, Taken};
use crate::domain::client::Client;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{Finding, Rule, State};
use crate::domain::include::IncludeRule;
use crate::domain::people::{Agent, Team, TicketType};
use crate::domain::sync_run::{ListedPage, SideList, SyncProgress};
use crate::halo::rights::AgentRights;
use crate::halo::{ClientPage, HaloApi, HaloError};
use crate::ops::{Workspace, check, lost_task};
use crate::store::{FreshLists, Known, RunId, StagedPage, StoreError};

/// Pages with something new that wait for the disk before no more are asked for.
const UNWRITTEN: usize = 16;

/// How long is waited for who the agent is: megabytes.
const OWN_AGENT: Duration = Duration::from_secs(10);

/// How long pages without anything new are kept in memory alone: so much is read again after a kill. After any other end
/// they are on the disk.
const UNCHANGED: Duration = Duration::from_secs(20);

/// The lists that are refreshed beside the clients; one that could not be read stays as it is stored.
#[derive(Default)]
pub(super) struct SideLists {
    agents: Option<Vec<Agent>>,
    teams: Option<Vec<Team>>,
    ticket_types: Option<Vec<TicketType>>,
}

impl SideLists {
    /// What replaces the stored lists.
    pub(super) fn fresh(&self) -> FreshLists<'_> {
        FreshLists {
            agents: self.agents.as_deref(),
            teams: self.teams.as_deref(),
            ticket_types: self.ticket_types.as_deref(),
        }
    }
}

/// What has come back.
enum Answer {
    Page(u32, Result<(ListedPage, Vec<Client>), HaloError>),
    Newest(u32, Result<(ListedPage, Vec<Client>), HaloError>),
    Client(i64, Result<Option<Client>, HaloError>),
    /// None where no answer came in time.
    Rights(Option<Result<AgentRights, HaloError>>),
    Agents(Result<Vec<Agent>, HaloError>),
    Teams(Result<Vec<Team>, HaloError>),
    TicketTypes(Result<Vec<TicketType>, HaloError>),
    Staged(Result<(), StoreError>),
}

/// The reading of everything that a sync needs.
pub(super) struct Reading<'a> {
    pub workspace: &'a Workspace,
    pub halo: HaloApi,
    pub run: RunId,
    pub known: Arc<Known>,
    rule: Arc<IncludeRule>,
    pub engine: Engine,
    pub lists: SideLists,
    pub warnings: Vec<String>,
    /// The lists that Halo has refused, and the titles of those that it gave.
    pub refused: Vec<Finding>,
    pub given: Vec<&'static str>,
    pub progress: SyncProgress,
    pub on_progress: &'a mut (dyn FnMut(&SyncProgress) + Send),
    /// Pages that are read and not yet on the disk.
    unwritten: Vec<StagedPage>,
    /// How many of them have to be there before anything is published.
    needed: usize,
    /// When the others have to be there.
    due: Option<Instant>,
    drop_first: bool,
    writing: bool,
    /// A write has failed: what comes after it must not be staged among what it was to take away.
    broken: bool,
    /// Pages of an interrupted run are on the disk: what has changed back since has to be written over them.
    resumes: bool,
    /// Clients that were asked for one by one in this look, and are there.
    found: Vec<Client>,
    asked_rights: bool,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        workspace: &'a Workspace,
        halo: HaloApi,
        run: RunId,
        known: Arc<Known>,
        rule: &IncludeRule,
        engine: Engine,
        on_progress: &'a mut (dyn FnMut(&SyncProgress) + Send),
    ) -> Self {
        let resumes = engine.resumes();
        Self {
            workspace,
            halo,
            run,
            known,
            rule: Arc::new(rule.clone()),
            engine,
            lists: SideLists::default(),
            warnings: Vec::new(),
            refused: Vec::new(),
            given: Vec::new(),
            progress: SyncProgress::default(),
            on_progress,
            unwritten: Vec::new(),
            needed: 0,
            due: None,
            drop_first: false,
            writing: false,
            broken: false,
            resumes,
            found: Vec::new(),
            asked_rights: false,
        }
    }

    /// Reads until the engine has its verdict; then everything that can be published is on the disk. Where it fails, all
    /// pages read before are.
    pub(super) async fn run(&mut self) -> Result<(), Failure> {
        let mut air = JoinSet::new();
        let read = self.read(&mut air).await;
        if read.is_err() {
            // Whatever is in the air is let go. A page that is being written is not: it is waited for.
            air.abort_all();
            while let Some(joined) = air.join_next().await {
                if let Ok(Answer::Staged(staged)) = joined {
                    self.writing = false;
                    self.broken |= staged.is_err();
                }
            }
            if !self.writing && !self.broken && (self.drop_first || !self.unwritten.is_empty()) {
                self.write(&mut air);
                _ = air.join_next().await;
            }
        }
        read
    }

    async fn read(&mut self, air: &mut JoinSet<Answer>) -> Result<(), Failure> {
        let mut waits = self.halo.waits();
        let mut lists = VecDeque::from([SideList::Agents, SideList::Teams, SideList::TicketTypes]);
        loop {
            while air.len() - usize::from(self.writing) < self.halo.pace() && self.needed < UNWRITTEN {
                if let Some(ask) = self.engine.ask() {
                    self.send(air, ask);
                } else if let Some(list) = lists.pop_front() {
                    self.send_list(air, list);
                } else if !self.asked_rights && self.engine.read() > 0 {
                    self.asked_rights = true;
                    self.send_rights(air);
                } else {
                    break;
                }
            }
            if air.is_empty() {
                return Ok(());
            }
            let due = self.due.filter(|_| !self.writing);
            tokio::select! {
                biased;
                Some(joined) = air.join_next() => self.take(air, joined)?,
                Ok(()) = waits.changed() => {}
                () = until(due) => self.write(air),
                () = tokio::time::sleep(LISTEN) => {
                    if self.halo.usage().silence == self.progress.silence {
                        continue;
                    }
                }
            }
            self.tell();
        }
    }

    fn send(&self, air: &mut JoinSet<Answer>, ask: Ask) {
        let (halo, known, rule) = (self.halo.clone(), Arc::clone(&self.known), Arc::clone(&self.rule));
        match ask {
            Ask::Page { pass, page } => air.spawn(async move {
                let answer = whole(&halo, &rule, halo.clients_page(page).await).await;
                Answer::Page(pass, answer.map(|answer| listed(page, answer, &known)))
            }),
            Ask::Newest { pass } => air.spawn(async move {
                let answer = whole(&halo, &rule, halo.newest_clients().await).await;
                Answer::Newest(pass, answer.map(|answer| listed(1, answer, &known)))
            }),
            Ask::Client(id) => air.spawn(async move {
                let answer = async {
                    let mut client = halo.client(id).await?;
                    add_custom_fields(&halo, &rule, client.as_mut_slice()).await?;
                    Ok(client)
                };
                Answer::Client(id, answer.await)
            }),
        };
    }

    fn send_list(&self, air: &mut JoinSet<Answer>, list: SideList) {
        let halo = self.halo.clone();
        match list {
            SideList::Agents => air.spawn(async move { Answer::Agents(halo.agents().await) }),
            SideList::Teams => air.spawn(async move { Answer::Teams(halo.teams().await) }),
            SideList::TicketTypes => air.spawn(async move { Answer::TicketTypes(halo.ticket_types().await) }),
        };
    }

    /// Asks whether the agent sees all clients: a list that is complete for it may not be all of Halo's. What is not told
    /// in time is not known. A 401 may come from a token that has run out: that one is renewed, and a second 401 is Halo's
    /// word.
    fn send_rights(&self, air: &mut JoinSet<Answer>) {
        let halo = self.halo.clone();
        air.spawn(async move { Answer::Rights(tokio::time::timeout(OWN_AGENT, halo.own_agent()).await.ok()) });
    }

    fn take(&mut self, air: &mut JoinSet<Answer>, joined: Result<Answer, JoinError>) -> Result<(), Failure> {
        match joined.map_err(lost_task)? {
            Answer::Page(pass, answer) => {
                let (page, differing) = answer?;
                match self.engine.page(&page) {
                    Taken::In => self.keep(StagedPage { look: pass, page, differing }),
                    Taken::Probe => {}
                    Taken::ForNothing => self.drop_first = true,
                }
                if pass != self.engine.pass() {
                    self.found.clear();
                }
            }
            Answer::Newest(pass, answer) => {
                let (mut page, differing) = answer?;
                if self.engine.newest(&mut page) == Taken::In {
                    self.keep(StagedPage { look: pass, page, differing });
                }
            }
            Answer::Client(id, answer) => self.take_client(id, answer)?,
            Answer::Rights(told) => {
                self.warnings.extend(check::sight(told.as_ref()).warning().map(str::to_owned));
            }
            Answer::Agents(answer) => self.lists.agents = self.note(SideList::Agents, answer)?,
            Answer::Teams(answer) => self.lists.teams = self.note(SideList::Teams, answer)?,
            Answer::TicketTypes(answer) => self.lists.ticket_types = self.note(SideList::TicketTypes, answer)?,
            Answer::Staged(staged) => {
                self.writing = false;
                self.broken = staged.is_err();
                staged?;
            }
        }
        if !self.writing && (self.needed > 0 || self.drop_first) {
            self.write(air);
        }
        Ok(())
    }

    /// Keeps a page until it is written.
    fn keep(&mut self, mut staged: StagedPage) {
        staged.page.newest = self.engine.newest_id();
        self.needed += usize::from(self.resumes || !staged.differing.is_empty());
        self.unwritten.push(staged);
        self.due.get_or_insert_with(|| Instant::now() + UNCHANGED);
    }

    /// Puts what was read on the disk, in one step, while the next pages are on their way.
    fn write(&mut self, air: &mut JoinSet<Answer>) {
        let (store, run, now) = (self.workspace.store.clone(), self.run, self.workspace.now());
        let pages = std::mem::take(&mut self.unwritten);
        let drop_first = std::mem::take(&mut self.drop_first);
        (self.writing, self.needed, self.due) = (true, 0, None);
        air.spawn_blocking(move || {
            let dropped = if drop_first { store.drop_pages(run) } else { Ok(()) };
            Answer::Staged(dropped.and_then(|()| store.stage(run, &pages, now)))
        });
    }

    fn take_client(&mut self, id: i64, answer: Result<Option<Client>, HaloError>) -> Result<(), Failure> {
        let pass = self.engine.pass();
        let presence = match answer {
            Ok(None) => Presence::Gone,
            Ok(Some(client)) => {
                self.found.push(client);
                let page =
                    ListedPage { ids: self.found.iter().map(|client| client.id).collect(), ..Default::default() };
                let differing = differing(self.found.iter().cloned(), &self.known);
                self.keep(StagedPage { look: pass, page, differing });
                Presence::There
            }
            Err(error) => match Failure::from(error) {
                failure if failure.kind == FailureKind::Interrupted => return Err(failure),
                // The next question would wait as long for as little: up to two hundred of them.
                failure if matches!(failure.kind, FailureKind::NotReached | FailureKind::RateLimited(_)) => {
                    return Err(failure);
                }
                failure => Presence::Unclear(failure.to_string()),
            },
        };
        self.engine.client(id, presence);
        if pass != self.engine.pass() {
            self.found.clear();
        }
        Ok(())
    }

    /// A list that cannot be read is a warning, whatever the cause: the clients do not depend on it, and the stored list
    /// stands. Where nothing works, the pages of the clients say so.
    fn note<T>(&mut self, list: SideList, answer: Result<Vec<T>, HaloError>) -> Result<Option<Vec<T>>, Failure> {
        match answer.map_err(Failure::from) {
            Ok(rows) => {
                self.progress.lists.insert(list, rows.len() as u64);
                self.given.push(list.title());
                Ok(Some(rows))
            }
            Err(failure) if failure.kind == FailureKind::Interrupted => Err(failure),
            Err(failure) => {
                let told = format!("{} could not be read: {failure}", list.title());
                if failure.kind == FailureKind::MissingRight {
                    // The clients are read without it: it needs a look, and stops nothing.
                    let refused = Finding::new(Rule::Rights, State::Watch, told.clone()).about(list.title());
                    self.refused.push(Finding { next: failure.hint.clone(), ..refused });
                }
                self.warnings.push(told);
                Ok(None)
            }
        }
    }

    /// Says how far it is.
    pub(super) fn tell(&mut self) {
        let usage = self.halo.usage();
        let progress = &mut self.progress;
        progress.clients_read = self.engine.read();
        progress.clients_total = self.engine.count();
        progress.pages = self.engine.pages();
        progress.resumed_pages = self.engine.resumed();
        progress.requests = usage.requests;
        progress.retries = usage.retries;
        progress.waiting = usage.waiting;
        progress.budget = usage.budget;
        progress.silence = usage.silence;
        (self.on_progress)(progress);
    }
}

/// Waits for a moment, or for ever.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// A page with everything that the rule asks for.
async fn whole(
    halo: &HaloApi,
    rule: &IncludeRule,
    answer: Result<ClientPage, HaloError>,
) -> Result<ClientPage, HaloError> {
    let mut page = answer?;
    add_custom_fields(halo, rule, &mut page.clients).await?;
    Ok(page)
}

async fn add_custom_fields(halo: &HaloApi, rule: &IncludeRule, clients: &mut [Client]) -> Result<(), HaloError> {
    let names = rule.custom_fields();
    if names.is_empty() { Ok(()) } else { halo.add_custom_fields(clients, &names).await }
}

/// What a page says, and which of its clients are not stored just so.
fn listed(number: u32, answer: ClientPage, known: &Known) -> (ListedPage, Vec<Client>) {
    let mut page = ListedPage { page: number, record_count: answer.record_count, ..ListedPage::default() };
    page.ids = answer.clients.iter().map(|client| client.id).collect();
    let in_order = page.ids.is_sorted();
    for bad in answer.bad_rows {
        match bad.id {
            Some(id) => {
                page.ids.push(id);
                page.unread.push((id, bad.why));
            }
            None => page.nameless += 1,
        }
    }
    let unnamed = answer.clients.iter().filter(|client| known.lacks_name(client));
    page.unread.extend(unnamed.map(|client| (client.id, "its name is missing".to_owned())));
    if in_order {
        // A row that cannot be read stands where its id belongs, like the others.
        page.ids.sort_unstable();
    }
    (page, differing(answer.clients, known))
}

/// Those of the clients that are to be stored. One whose name is missing stays as it is known.
fn differing(clients: impl IntoIterator<Item = Client>, known: &Known) -> Vec<Client> {
    let is_news = |client: &Client| !known.has(client) && !known.lacks_name(client);
    let mut differing: Vec<Client> = clients.into_iter().filter(is_news).collect();
    // The page may be kept for a while, and the room of all its clients with it.
    differing.shrink_to_fit();
    differing
}
