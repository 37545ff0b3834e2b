//! `setup`: a configuration saved from an answers file, or asked for line by line.

use std::io::ErrorKind;
use std::path::Path;

use serde_json::json;

use super::args::Setup;
use super::{Call, activate, check, interactive, prompt};
use crate::domain::address::Note;
use crate::domain::check::CheckId;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::merge::{Clash, Conflict};
use crate::domain::next::{Hint, Next};
use crate::domain::request::{SaveReport, SaveRequest, SecretChoice, VerifyRequest};
use crate::ops::activate::Replacing;
use crate::ops::{self, Workspace};
use crate::settings::private_file::require_trusted;
use crate::settings::{FoundSecret, SecretSource, SettingsError, answers, given_secret, names_file, read_named};
use crate::tui::plain::Goal;
use crate::tui::session;

pub(super) async fn run(call: &mut Call, options: Setup) -> Result<u8, Failure> {
    if options.print_template {
        call.output.line(answers::template().trim_end());
        return Ok(0);
    }
    let file = options.answers.as_deref();
    if file.is_none() && options.set.is_empty() {
        let is_alone = !options.activate && !options.test && !options.yes;
        return match options.client_secret_file.as_deref().filter(|_| is_alone) {
            Some(file) => renew_secret(call, file).await,
            None => by_questions(call, &options).await,
        };
    }
    let workspace = call.workspace()?;
    let secret = options.client_secret_file.as_deref();
    if file == Some(Path::new("-")) && secret == Some(Path::new("-")) {
        return Err(Failure::new(FailureKind::Usage, "answers and Client Secret cannot both come from standard input"));
    }
    let text = file.map(read_answers).transpose()?.unwrap_or_default();
    let answers = answers::parse_with(&text, &options.set)?;
    if let Some(file) = file {
        require_own_command(file, &answers.configuration, &workspace)?;
    }
    for (key, note) in &answers.notes {
        if note.is_warning() {
            call.output.warn(format!("{key}: {note}"))
        } else {
            call.output.say(format!("{key}: {note}"))
        }
    }
    let mut configuration = answers.configuration;
    let (id, read) = choose_id(call, &workspace, answers.id, &configuration)?;
    if let Some(editor) = ops::drafts::editor(&workspace, &id) {
        call.output.warn(editor);
    }
    let secret = choose_secret(call, &workspace, &id, &configuration, secret)?;
    let contact = answers.escalate_to;
    let contact =
        ops::setup::find_escalate_to(&workspace, &id, &configuration.api, &secret, contact, call.cancel.clone());
    configuration.pia_screen.escalate_to = contact.await?;

    let replacing =
        if options.activate { agree_to_switch(call, &workspace, &id, options.yes)? } else { Replacing::Nobody };
    if options.test {
        let request = VerifyRequest {
            id: Some(id.clone()),
            api: configuration.api.clone(),
            secret: secret.clone(),
            pia_screen: Some(configuration.pia_screen.clone()),
        };
        let code = test(call, &workspace, &request).await?;
        if code != 0 {
            return Ok(code);
        }
    }
    if !configuration.company_sync.include.takes_all() {
        let preview = ops::clients::preview(&workspace, &id, &configuration.company_sync.include)?;
        call.output.say(format!("Clients Served: {preview}"));
    }
    let is_new = read.is_none();
    let request = SaveRequest { id: Some(id), read, configuration, secret, verified: options.test };
    let mut report = ops::setup::save(&workspace, &request)?.map_err(refuse_clash)?;
    if options.activate && !report.active {
        activate::make_active(call, &workspace, &report.id, replacing)?;
        report.active = true;
    }
    tell(call, &report, is_new, &answers.notes)?;
    Ok(0)
}

/// A new Client Secret for a saved configuration. The old one stays until Halo has taken the new one.
async fn renew_secret(call: &mut Call, file: &Path) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let (id, configuration, _) = call.chosen(&workspace)?;
    let secret = choose_secret(call, &workspace, &id, &configuration, Some(file))?;
    let request = VerifyRequest {
        id: Some(id.clone()),
        api: configuration.api.clone(),
        secret: secret.clone(),
        pia_screen: None,
    };
    let mut report = ops::check::verify(&workspace, &request, call.cancel.clone(), |_| {}).await?;
    // Rights that are missing are no reason to keep a secret that may be revoked.
    report.checks.retain(|check| matches!(check.id, CheckId::Address | CheckId::Token));
    let code = check::refuse(&mut call.output, &report, "the old Client Secret stays")?;
    if code != 0 {
        return Ok(code);
    }
    let command = configuration.api.client_secret_command.clone();
    let read = Some(configuration.clone());
    let request = SaveRequest { id: Some(id.clone()), read, configuration, secret, verified: report.ok };
    let report = ops::setup::save(&workspace, &request)?.map_err(refuse_clash)?;
    match workspace.secret_source(Some(&id), command.as_deref())? {
        None | Some(SecretSource::Stored(_)) => {}
        Some(other) => call.output.warn(format!("saved, but the Client Secret from {other} takes precedence")),
    }
    tell(call, &report, false, &[])?;
    Ok(0)
}

/// Without answers: the wizard's questions, where there is a terminal and somebody asked for lines.
async fn by_questions(call: &mut Call, options: &Setup) -> Result<u8, Failure> {
    let answers = Hint::from("Without a terminal: ").next(Next::SetupAnswers);
    if options.activate || options.test || options.yes {
        return Err(Failure::new(FailureKind::Usage, "--activate, --test and --yes go with --answers or --set")
            .hint("without answers the wizard asks for each of them"));
    }
    if !session::has_terminal() || call.output.json {
        return Err(Failure::new(FailureKind::Usage, "the questions of setup need a terminal").hint(answers));
    }
    if !call.plain {
        return Err(Failure::new(FailureKind::Usage, "the answers are missing").hint(
            answers.text("; with questions: ").next(Next::SetupPlain).text("; with screens: ").next(Next::Wizard),
        ));
    }
    let workspace = call.workspace()?;
    if call.configuration.is_some() {
        // An unknown one is refused by name, before anything is asked.
        call.chosen(&workspace)?;
    }
    interactive::in_lines(workspace, None, Goal::SetUp(call.configuration.clone())).await
}

/// An answers file has a few hundred bytes.
const LONGEST_ANSWERS: usize = 256 << 10;

fn read_answers(path: &Path) -> Result<String, Failure> {
    let unreadable = |why: String| {
        Failure::new(FailureKind::Usage, format!("the answers cannot be read from {}: {why}", path.display()))
    };
    let bytes = read_named(path, LONGEST_ANSWERS).map_err(|error| match error.kind() {
        ErrorKind::TimedOut => unreadable("the pipe was empty".to_owned()),
        _ => unreadable(error.to_string()),
    })?;
    if bytes.len() > LONGEST_ANSWERS {
        return Err(unreadable("too large".to_owned()));
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| unreadable("not text in UTF-8".to_owned()))
}

/// A command in an answers file is run in the person's name: nobody else may have written it.
fn require_own_command(file: &Path, configuration: &Configuration, workspace: &Workspace) -> Result<(), Failure> {
    if configuration.api.client_secret_command.is_some() && names_file(file) {
        let home = workspace.paths().home.as_deref();
        require_trusted(file, home).map_err(SettingsError::from)?;
    }
    Ok(())
}

/// Somebody else was first, and nobody is there to decide.
fn refuse_clash(clash: Box<Clash>) -> Failure {
    let lines: Vec<String> = clash.conflicts.iter().map(Conflict::line).collect();
    let message = format!("not saved: someone else changed the same in the meantime: {}", lines.join("; "));
    Failure::new(FailureKind::Busy, message)
        .hint("run setup again to overwrite it, or put their values into the answers")
}

/// Which configuration is meant, and how it is saved now. The same answers saved twice are one configuration.
fn choose_id(
    call: &Call,
    workspace: &Workspace,
    given: Option<ConfigurationId>,
    configuration: &Configuration,
) -> Result<(ConfigurationId, Option<Configuration>), Failure> {
    if let (Some(id), Some(asked)) = (&given, &call.configuration)
        && id != asked
    {
        return Err(Failure::new(
            FailureKind::Usage,
            format!("the answers are for {id}, but --configuration is {asked}"),
        ));
    }
    let given = given.or_else(|| call.configuration.clone());
    let mut saved = workspace.config()?.configurations;
    if let Some(id) = given {
        let read = saved.remove(&id);
        return Ok((id, read));
    }
    let id = ConfigurationId::suggest(&configuration.name, Some(&configuration.api.url), |_| false);
    match saved.remove(&id) {
        None => Ok((id, None)),
        Some(saved) if saved.api.url == configuration.api.url => Ok((id, Some(saved))),
        Some(saved) => {
            let message = format!("{id} is saved already, for {}", saved.api.url);
            Err(Failure::new(FailureKind::Usage, message)
                .hint("Choose another id for this one in the answers: id = \"…\""))
        }
    }
}

fn choose_secret(
    call: &mut Call,
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    file: Option<&Path>,
) -> Result<SecretChoice, Failure> {
    match file {
        // Typed by a person, not piped: without showing it.
        Some(file) if file == Path::new("-") && prompt::is_possible() => {
            return Ok(SecretChoice::Typed(prompt::secret()?));
        }
        Some(file) => return Ok(typed(call, given_secret(file)?)),
        None => {}
    }
    let command = configuration.api.client_secret_command.as_deref();
    match workspace.secret_source(Some(id), command)? {
        // A variable is gone the next time: setup is where it is kept.
        Some(SecretSource::Environment | SecretSource::EnvironmentFile(_)) => {
            if let Some(found) = workspace.find_secret(Some(id), command)? {
                return Ok(typed(call, found));
            }
        }
        Some(_) => return Ok(SecretChoice::Stored),
        None => {}
    }
    if prompt::is_possible() {
        return Ok(SecretChoice::Typed(prompt::secret()?));
    }
    Err(Failure::new(FailureKind::Usage, "the Client Secret is missing; nothing was saved").hint(
        "give it with --client-secret-file FILE (or - for standard input), PIA_HALO_CLIENT_SECRET_FILE, \
         PIA_HALO_CLIENT_SECRET, or client_secret_command in the answers",
    ))
}

/// What a place gave, with a word on what was left out of it.
fn typed(call: &mut Call, found: FoundSecret) -> SecretChoice {
    if let Some(note) = found.note() {
        call.output.warn(note);
    }
    SecretChoice::Typed(found.secret)
}

/// `--activate` with another configuration active needs a yes, before anything is saved. Says whose place may be taken.
fn agree_to_switch(
    call: &mut Call,
    workspace: &Workspace,
    id: &ConfigurationId,
    yes: bool,
) -> Result<Replacing, Failure> {
    let config = workspace.config()?;
    let Some(active) = config.active.filter(|active| active != id) else { return Ok(Replacing::Nobody) };
    if yes {
        return Ok(Replacing::Anybody);
    }
    let name = config.configurations.get(&active).map(Configuration::title).unwrap_or_default();
    let message = format!("{}; nothing was saved", activate::taken(&active, &name));
    if call.can_ask() {
        call.output.warn(&message);
        if prompt::yes(&format!("Save {id} and switch to it?")) {
            return Ok(Replacing::Only(active));
        }
    }
    Err(Failure::new(FailureKind::NeedsYes, message).hint("switch in one step with --yes"))
}

/// The connection test before the save: nothing is saved when it fails.
async fn test(call: &mut Call, workspace: &Workspace, request: &VerifyRequest) -> Result<u8, Failure> {
    let output = &mut call.output;
    let json = output.json;
    let report = ops::check::verify(workspace, request, call.cancel.clone(), |verdict| {
        if !json {
            check::print(output, verdict);
        }
    })
    .await?;
    check::refuse(output, &report, "nothing was saved")
}

/// `notes` are what was made of the answers, already told where no JSON is wanted.
fn tell(call: &mut Call, report: &SaveReport, is_new: bool, notes: &[(String, Note)]) -> Result<(), Failure> {
    if call.output.json {
        let notes: Vec<_> = notes.iter().map(|(key, note)| json!({ "key": key, "note": note.to_string() })).collect();
        let callbacks: Vec<_> =
            report.callbacks.iter().map(|(group, url)| json!({ "group": group.slug(), "url": url.masked() })).collect();
        return call.output.object(&json!({
            "status": "saved",
            "configuration": report.id,
            "created": is_new,
            "active": report.active,
            "changed": report.changed,
            "kept": report.kept,
            "callback_urls": callbacks,
            "notes": notes,
        }));
    }
    let what = match (is_new, report.changed.as_slice()) {
        (true, _) => "saved".to_owned(),
        (false, []) => "saved; nothing changed".to_owned(),
        (false, changed) => format!("saved; changed: {}", changed.join(", ")),
    };
    if report.moved {
        call.output.warn(SaveReport::MOVED);
    }
    if let Some(kept) = report.kept_words() {
        call.output.warn(kept);
    }
    let active = if report.active { ", active" } else { "" };
    call.output.line(format!("{} {what}{active}", report.id));
    for (_, url) in &report.callbacks {
        call.output.line(format!("  Callback URL  {}", url.masked()));
    }
    if !report.tested {
        call.output.say(format!("Not tested yet. Test it: {}", Next::Check.command(Some(&report.id))));
    }
    Ok(())
}
