//! What every use-case works in: settings, store, audit trail, who is acting, and what time it is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use super::actor::actor_of;
use super::behind::Behind;
use super::check::passed::Passed;
use super::clock::Clock;
use super::place::{Entry, Place};
use super::sharing::Shelf;
use super::{aside, installation, restored, sharing, spooled, units};
use crate::coordination::{Holder, Lock, Watch};
use crate::domain::activity::{Activity, Actor};
use crate::domain::address::SignInPlace;
use crate::domain::configuration::{ApiCredentials, Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{Finding, Rule, State, replaced};
use crate::domain::next::{Hint, Next};
use crate::domain::secret::Secret;
use crate::domain::status::Unanswered;
use crate::domain::sync_run::{BudgetWait, Silence};
use crate::domain::untrusted::Untrusted;
use crate::halo::product::Product;
use crate::halo::{Connection, Governors, HaloApi};
use crate::settings::private_file::{quoted, require_trusted};
use crate::settings::{
    Config, Environment, FoundSecret, Paths, SecretSource, Settings, SettingsError, StoredSecrets, Text, client_secret,
    secret_source, with_variables,
};
use crate::store::{Audit, Store, Verified};

/// What the audit trail calls a look at what a killed run has left open.
pub(super) const INTERRUPTED: &str = "found after an interrupted run";

/// What was heard last of the service that is there, and when.
pub(super) type LastAnswer = Option<(Holder, Option<Unanswered>, Instant)>;

/// The file of a session's draft, by its number, and the lock that keeps others from it once it was written.
pub(super) type ChosenDraft = Option<(usize, Option<Lock>)>;

/// Asks a person for the Client Secret, where there is one to ask.
pub type Prompt = fn() -> Result<Secret, Failure>;

/// Says something to the person, beside the work.
pub type Tell = fn(&str);

/// The place that use-cases work in. Cheap to clone.
#[derive(Clone)]
pub struct Workspace {
    /// Settings, credentials and the draft.
    pub(super) settings: Settings,
    /// What hosts have in common of them, where the store is on a server.
    shelf: Option<Shelf>,
    /// The database.
    pub(super) store: Store,
    place: Place,
    /// The audit trail.
    pub audit: Audit,
    environment: Arc<Environment>,
    actor: Arc<Actor>,
    clock: Arc<dyn Clock>,
    prompt: Option<Prompt>,
    tell: Option<Tell>,
    /// Where the Client Secret is from, as it was told last, and whether it was cleaned.
    told_source: Arc<Mutex<Option<(SecretSource, bool)>>>,
    pub(super) read_secrets: Arc<Mutex<Vec<Secret>>>,
    governors: Governors,
    pub(super) answer: Arc<Mutex<LastAnswer>>,
    draft: Arc<Mutex<ChosenDraft>>,
    /// The test that the last plan came of.
    pub(super) passed: Arc<Mutex<Option<Passed>>>,
    /// The locks that are held while this works, as far as one can be lost.
    pub(super) under: Vec<Watch>,
    takes_over: bool,
    attended: bool,
    /// What is done beside all of this.
    behind: Option<Arc<Behind>>,
}

impl Workspace {
    /// Opens the workspace below `paths`; a store is made where there is none, and only read where it may not be written.
    pub fn open(paths: Paths, environment: Environment, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        Self::around(Entry::Work, paths, environment, clock)
    }

    /// The same for whoever only looks, and ends at once: it is opened on a full disk, too.
    pub fn open_to_look(paths: Paths, environment: Environment, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        Self::around(Entry::Look, paths, environment, clock)
    }

    /// The same for whoever reads for a while, or may note something beside it: on a server, nothing is written then.
    pub fn open_to_read(paths: Paths, environment: Environment, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        Self::around(Entry::Read, paths, environment, clock)
    }

    fn around(entry: Entry, paths: Paths, environment: Environment, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        restored::finish(&paths)?;
        let settings = Settings::new(paths.clone());
        let place = Place::of(&settings, &environment, entry)?;
        let store = place.open().map_err(|error| spooled::and_spooled(error.into(), &paths))?;
        let host = installation::name(&environment);
        let audit = Audit::new(paths.audit()).anchored(paths.anchor()).on_host(host, installation::of_trail(&paths));
        let actor = actor_of(&environment);
        let (configuration, store_file) = (quoted(&paths.config()), quoted(store.path()));
        tracing::info!(settings = configuration, store = store_file, acting = actor.user);
        let settings = settings.with_store(place.said().cloned());
        settings.tidy();
        let shelf = Shelf::at(&place, &environment, actor.clone(), Arc::clone(&clock));
        let settings = sharing::around(settings, shelf.clone());
        let mut workspace = Self {
            settings,
            shelf,
            store,
            governors: place.governors(),
            place,
            audit,
            environment: Arc::new(environment),
            actor: Arc::new(actor),
            clock,
            prompt: None,
            tell: None,
            told_source: Arc::default(),
            read_secrets: Arc::default(),
            answer: Arc::default(),
            draft: Arc::default(),
            passed: Arc::default(),
            under: Vec::new(),
            takes_over: false,
            attended: true,
            behind: None,
        };
        workspace.note_lost_store();
        if entry == Entry::Work {
            // What a program was killed before.
            workspace.behind = workspace.share_trail_behind().map(Arc::new);
        }
        Ok(workspace)
    }

    /// Writes down that the store was lost, for whoever looks later: nothing else shows that something is missing. Of one that
    /// was set aside, since when the new one knows anything.
    fn note_lost_store(&self) {
        let Some(is_aside) = self.was_set_aside() else { return };
        let Ok(config) = self.settings.load() else { return };
        let is_unknown = "what was synced, installed or received is unknown";
        let fact = match self.store.is_absent() {
            true => format!("the store is missing: {is_unknown}"),
            false => format!("the store was missing, so a new one was created: {is_unknown}"),
        };
        for id in config.configurations.keys() {
            let next = Hint::from("Restore a backup, or ").next(Next::Sync).text(" and ").next(Next::Configure);
            let lost = Finding::new(Rule::StoreLost, State::Broken, fact.as_str()).next(next);
            self.note_health(id, [if is_aside { replaced(self.now()) } else { lost }]);
        }
    }

    /// The same workspace, with a person to ask for a Client Secret that no place gives.
    #[must_use]
    pub fn asking_for_secrets(self, prompt: Prompt) -> Self {
        Self { prompt: Some(prompt), ..self }
    }

    /// Of a store that was made just now, whether somebody has set aside the one before it; otherwise that was deleted or
    /// emptied. None where there was none.
    fn was_set_aside(&self) -> Option<bool> {
        self.store.is_new().then(|| aside::was_set_aside(&self.audit)).flatten()
    }

    /// The same workspace for a person who has, or has not, agreed to take over what belongs to another machine.
    #[must_use]
    pub fn taking_over(self, takes_over: bool) -> Self {
        Self { takes_over, ..self }
    }

    /// Whether what belongs to another machine may be written.
    pub fn takes_over(&self) -> bool {
        self.takes_over
    }

    /// The same workspace where a person looks on, or nobody does: then no wait for Halo is cut short for one.
    #[must_use]
    pub fn attended(self, attended: bool) -> Self {
        Self { attended, ..self }
    }

    /// The same workspace, with nobody to ask.
    #[must_use]
    pub fn asking_nobody(self) -> Self {
        Self { prompt: None, ..self }
    }

    /// The same workspace, with a way to send the person side notes about the work.
    #[must_use]
    pub fn telling(self, tell: Tell) -> Self {
        let (path, is_lost) = (quoted(self.store.path()), self.was_set_aside() == Some(false));
        let has_settings = || self.settings.load().is_ok_and(|config| !config.configurations.is_empty());
        match (self.store.is_absent(), is_lost) {
            (false, true) => {
                let before = "It does not contain what was synced or received before";
                tell(&format!("There was no store at {path}: a new one was created. {before}"));
            }
            (true, true) => {
                tell(&format!("There is no store at {path} any more, and none was created to look into it"))
            }
            (true, false) if has_settings() => tell(&format!("There is no store here yet: {path}")),
            _ => {}
        }
        self.telling_by(Some(tell))
    }

    /// The same workspace without one: where a screen is drawn, nothing is written beside it.
    #[must_use]
    pub fn telling_nobody(self) -> Self {
        self.telling_by(None)
    }

    fn telling_by(self, tell: Option<Tell>) -> Self {
        Self { tell, audit: self.audit.clone().telling(tell), ..self }
    }

    /// The same workspace with a store that is written under one more lock, which can be lost where it is watched, and settings
    /// that are saved under it.
    pub(super) fn writing_under(&self, store: Store, lock: Option<Watch>) -> Self {
        let shelf = self.shelf.as_ref().map(|shelf| shelf.under(&store));
        let settings = sharing::around(self.settings.clone(), shelf.clone());
        let under = self.under.iter().cloned().chain(lock).collect();
        Self { settings, shelf, store, under, ..self.clone() }
    }

    pub(super) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The same workspace in the hands of somebody else.
    #[cfg(test)]
    pub(super) fn acted_by(self, user: &str) -> Self {
        Self { actor: Arc::new(Actor { user: user.to_owned(), ..Actor::default() }), ..self }
    }

    /// Where this session keeps its draft.
    pub(super) fn draft(&self) -> &Mutex<ChosenDraft> {
        &self.draft
    }

    /// Does what may wait for the disk, or for another program's write, off the threads that everybody else runs on.
    pub async fn run_blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, Failure> {
        let workspace = self.clone();
        tokio::task::spawn_blocking(move || work(&workspace)).await.map_err(super::lost_task)?
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Where the files are.
    pub fn paths(&self) -> &Paths {
        self.settings.paths()
    }

    /// Where the store is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The settings as they are saved.
    pub fn config(&self) -> Result<Config, Failure> {
        Ok(self.settings.load()?)
    }

    /// Who has saved what hosts have in common; none where the settings are files of this host.
    pub fn shared_settings(&self) -> Result<Option<Text>, Failure> {
        Ok(self.settings.common_saved()?)
    }

    /// The settings as they are written, with comments.
    pub fn settings_text(&self) -> Result<String, Failure> {
        let text = self.settings.text()?;
        Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default())
    }

    /// The stored secrets of a configuration.
    pub fn secrets(&self, id: &ConfigurationId) -> Result<StoredSecrets, Failure> {
        Ok(self.settings.secrets(id)?)
    }

    /// Where the Client Secret would be read.
    pub fn secret_source(
        &self,
        id: Option<&ConfigurationId>,
        command: Option<&[String]>,
    ) -> Result<Option<SecretSource>, Failure> {
        Ok(secret_source(&self.settings, &self.environment, id, command)?)
    }

    /// The Client Secret, read there. A command may take its time.
    pub fn find_secret(
        &self,
        id: Option<&ConfigurationId>,
        command: Option<&[String]>,
    ) -> Result<Option<FoundSecret>, Failure> {
        let found = client_secret(&self.settings, &self.environment, id, command)?;
        Ok(found.inspect(|found| self.watch_for(&found.secret)))
    }

    /// The environment that the program was started in.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// A saved configuration; without an id, the active one. A variable of the environment overrides what is saved.
    pub fn configuration(
        &self,
        id: Option<&ConfigurationId>,
    ) -> Result<(ConfigurationId, Configuration, bool), Failure> {
        let config = self.settings.load()?;
        let id = match id.or(config.active.as_ref()) {
            Some(id) => id.clone(),
            None if config.configurations.is_empty() => {
                return Err(units::nothing_configured_here());
            }
            None => {
                return Err(Failure::new(FailureKind::Usage, "no configuration is active")
                    .hint(Hint::from(Next::Activate(None)).text(", or --configuration ID")));
            }
        };
        let active = config.active.as_ref() == Some(&id);
        match config.configurations.get(&id) {
            Some(saved) => Ok((id, with_variables(&self.environment, saved.clone())?, active)),
            None => {
                let known: Vec<&str> = config.configurations.keys().map(ConfigurationId::as_str).collect();
                let known = if known.is_empty() { "none is saved".to_owned() } else { known.join(", ") };
                Err(Failure::new(FailureKind::Usage, format!("there is no configuration {id}"))
                    .hint(format!("saved configurations: {known}")))
            }
        }
    }

    /// A saved configuration that has to be the active one, because the work changes what Pia sees.
    pub fn active_configuration(
        &self,
        id: Option<&ConfigurationId>,
    ) -> Result<(ConfigurationId, Configuration), Failure> {
        let (id, configuration, active) = self.configuration(id)?;
        if active {
            return Ok((id, configuration));
        }
        let message = match self.settings.load()?.active {
            Some(other) => format!("{id} is not the active configuration; {other} is, and only one can be"),
            None => format!("{id} is not the active configuration"),
        };
        Err(Failure::new(FailureKind::Usage, message).hint(Next::Activate(Some(id))))
    }

    /// Refuses work that only the active configuration may do.
    pub(super) fn require_active(&self, id: &ConfigurationId) -> Result<(), Failure> {
        self.active_configuration(Some(id)).map(drop)
    }

    /// The active configuration; none where none is.
    ///
    /// # Errors
    ///
    /// Where the settings cannot be read: nothing is known of what is active then.
    pub fn active(&self) -> Result<Option<(ConfigurationId, Configuration)>, Failure> {
        let mut config = self.settings.load()?;
        let Some(id) = config.active else { return Ok(None) };
        config.configurations.remove(&id).map(|saved| Ok((id, with_variables(&self.environment, saved)?))).transpose()
    }

    /// The Client Secret, from the first place that has it; a saved configuration's may be stored.
    pub async fn client_secret(
        &self,
        id: Option<&ConfigurationId>,
        api: &ApiCredentials,
    ) -> Result<(Secret, Option<SecretSource>), Failure> {
        let (id, command) = (id.cloned(), api.client_secret_command.clone());
        let found = self.run_blocking(move |workspace| workspace.find_secret(id.as_ref(), command.as_deref())).await?;
        found.iter().for_each(|found| self.tell_source(found));
        match (found, self.prompt) {
            (Some(FoundSecret { secret, source, .. }), _) => Ok((secret, Some(source))),
            (None, Some(prompt)) => Ok((tokio::task::spawn_blocking(prompt).await.map_err(super::lost_task)??, None)),
            (None, None) => Err(Failure::new(FailureKind::Usage, "there is no Client Secret for this configuration")
                .hint(Hint::from("Enter it in the wizard, or with ").next(Next::SetupSecret))),
        }
    }

    // Once, and again where it has changed: the secret is read for each piece of work.
    fn tell_source(&self, found: &FoundSecret) {
        let told = Some((found.source.clone(), found.cleaned));
        let mut before = self.told_source.lock().unwrap_or_else(PoisonError::into_inner);
        if *before == told {
            return;
        }
        *before = told;
        tracing::info!("the Client Secret is from {}", found.source);
        if let Some(note) = found.note() {
            tracing::warn!("{note}");
            self.tell.iter().for_each(|tell| tell(&note));
        }
    }

    /// The Halo of a saved configuration. Whoever asks it from this workspace keeps to one request budget.
    pub async fn halo(&self, id: &ConfigurationId, api: &ApiCredentials) -> Result<HaloApi, Failure> {
        let (secret, _) = self.client_secret(Some(id), api).await?;
        let halo = HaloApi::behind(self.connection(Some(id), api, secret)?, &self.governors)?;
        let known = self.store.release(id)?.map(|release| Untrusted::new(release.product));
        if let Some(product) = known.as_ref().and_then(Product::named) {
            halo.call_it(product);
        }
        let under = self.under.clone();
        Ok(if under.is_empty() { halo } else { halo.writing_while(Arc::new(move || under.iter().all(Watch::is_held))) })
    }

    /// The wait for Halo's request limit that this process is in, and how long Halo has been silent.
    pub fn waiting(&self) -> (Option<BudgetWait>, Option<Silence>) {
        (self.governors.waiting(), self.governors.silence())
    }

    /// A Halo with the given secret.
    pub fn connect(
        &self,
        id: Option<&ConfigurationId>,
        api: &ApiCredentials,
        client_secret: Secret,
    ) -> Result<HaloApi, Failure> {
        Ok(HaloApi::new(self.connection(id, api, client_secret)?)?)
    }

    /// Refuses what a later connection would be refused for before anything is sent: a proxy, an authority.
    ///
    /// # Errors
    ///
    /// With the cause, as [`Self::halo`].
    pub fn require_connectable(&self, id: &ConfigurationId, api: &ApiCredentials) -> Result<(), Failure> {
        self.connect(Some(id), api, Secret::new("-")).map(drop)
    }

    fn connection(
        &self,
        id: Option<&ConfigurationId>,
        api: &ApiCredentials,
        client_secret: Secret,
    ) -> Result<Connection, Failure> {
        if !api.url.is_loopback() {
            self.require_sound_proxy()?;
        }
        self.require_own_authorities()?;
        if api.url.is_encrypted() && api.ca_file.is_none() {
            self.require_usable_authorities()?;
        }
        let stored = id.map(|id| self.settings.secrets(id)).transpose()?.unwrap_or_default();
        Ok(Connection { proxy: self.proxy(), ..connection(api, client_secret, &stored, self.attended)? })
    }

    /// Remembers that Halo has accepted these credentials, and where.
    pub(super) async fn remember_verified(
        &self,
        id: &ConfigurationId,
        api: &ApiCredentials,
        halo: &HaloApi,
    ) -> Result<(), Failure> {
        if let Some(version) = halo.version() {
            self.store.set_release(id, &halo.product().to_string(), &version.display(), self.now())?;
        }
        self.note_health(id, vec![Finding::well(Rule::Credentials, "accepted by Halo")]);
        self.note_verified(id, fingerprint(api), halo.sign_in_place().await)
    }

    /// Remembers that these credentials were tested before they were saved.
    pub(super) fn remember_tested(&self, id: &ConfigurationId, api: &ApiCredentials) -> Result<(), Failure> {
        self.note_health(id, [Finding::well(Rule::Credentials, "accepted by Halo")]);
        self.note_verified(id, fingerprint(api), None)
    }

    /// Writes down what a look has found, each with its moment: a state that has not changed keeps its age. Whatever
    /// becomes of that, the work that looked ends as it does.
    pub(crate) fn note_health(&self, id: &ConfigurationId, found: impl IntoIterator<Item = Finding>) {
        let now = self.now();
        let write = || {
            let before = self.store.health(id)?;
            let seen = |finding: Finding| {
                let known = before.iter().find(|known| (known.rule, known.state) == (finding.rule, finding.state));
                let since = finding.since.or_else(|| known.and_then(|known| known.since)).or(Some(now));
                let told = before.iter().find(|known| known.rule == finding.rule).and_then(|known| known.told);
                Finding { since, seen_at: Some(now), told, ..finding }
            };
            let found: Vec<Finding> = found.into_iter().map(seen).collect();
            if found.is_empty() { Ok(()) } else { self.store.keep_health(id, &found) }
        };
        // Whoever may only read looks all the same.
        if let Err(error) = write().map_err(Failure::from) {
            tracing::debug!(%error, "the findings could not be saved");
        }
    }

    fn note_verified(
        &self,
        id: &ConfigurationId,
        fingerprint: String,
        place: Option<SignInPlace>,
    ) -> Result<(), Failure> {
        Ok(self.store.set_verified(id, &Verified { fingerprint, at: self.now(), place })?)
    }

    /// Where these credentials signed in last.
    pub(super) fn sign_in_place(
        &self,
        id: &ConfigurationId,
        api: &ApiCredentials,
    ) -> Result<Option<SignInPlace>, Failure> {
        Ok(self.store.verified(id, &fingerprint(api))?.and_then(|verified| verified.place))
    }

    /// Whether Halo has accepted exactly these credentials.
    pub(super) fn is_verified(&self, id: &ConfigurationId, api: &ApiCredentials) -> Result<bool, Failure> {
        Ok(self.store.verified(id, &fingerprint(api))?.is_some())
    }

    /// Forgets that: something about them is different now.
    pub(super) fn forget_verified(&self, id: &ConfigurationId) -> Result<(), Failure> {
        self.note_verified(id, String::new(), None)
    }

    /// A line for the audit trail, filled with who and when.
    pub fn activity(&self, id: Option<&ConfigurationId>, action: &str, outcome: &str) -> Activity {
        Activity {
            at: self.now(),
            who: (*self.actor).clone(),
            configuration: id.map(ToString::to_string),
            action: action.to_owned(),
            object: None,
            fields: Vec::new(),
            outcome: outcome.to_owned(),
            message: None,
            halo: None,
        }
    }
}

fn connection(
    api: &ApiCredentials,
    client_secret: Secret,
    stored: &StoredSecrets,
    attended: bool,
) -> Result<Connection, Failure> {
    // Whoever can write there says who is taken for Halo. What is missing or no file is said where it is read.
    if let Some(path) = api.ca_file.as_deref().filter(|path| path.is_file()) {
        require_trusted(path, None).map_err(SettingsError::from)?;
    }
    Ok(Connection {
        url: api.url.clone(),
        auth_url: api.auth_url.clone(),
        tenant: api.tenant.clone(),
        client_id: api.client_id.clone(),
        client_secret,
        request_budget: api.request_budget,
        ca_file: api.ca_file.clone(),
        hide: stored.all().cloned().collect(),
        tokens: stored.every_callback().map(|pair| pair.token.clone()).collect(),
        attended,
        proxy: None,
    })
}

/// What a connection test was about. The secret is not part of it: saving another one forgets the test.
fn fingerprint(api: &ApiCredentials) -> String {
    let auth_url = api.auth_url.as_ref().map(ToString::to_string).unwrap_or_default();
    let ca_file = api.ca_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let tenant = api.tenant.as_deref().unwrap_or_default();
    [api.url.as_str(), &api.client_id, tenant, &auth_url, &ca_file].map(|part| part.replace(' ', "%20")).join(" ")
}
