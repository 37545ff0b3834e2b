//! Who has what half typed: each session keeps its draft in a file of its own, finds again what its person left, and
//! knows who else is changing a configuration.

use std::sync::{MutexGuard, PoisonError};

use jiff::Timestamp;

use super::Workspace;
use super::workspace::ChosenDraft;
use crate::coordination::{Hold, Lock, LockError};
use crate::domain::configuration::ConfigurationId;
use crate::domain::draft::Draft;
use crate::domain::failure::{Failure, FailureKind};
use crate::settings::private_file::FileError;
use crate::settings::{Settings, SettingsError};

fn lock_name(place: usize) -> String {
    format!("draft-{place}")
}

fn is_free(workspace: &Workspace, place: usize) -> bool {
    Lock::holder(&workspace.settings.paths().lock(&lock_name(place))).is_none()
}

fn chosen(workspace: &Workspace) -> MutexGuard<'_, ChosenDraft> {
    workspace.draft().lock().unwrap_or_else(PoisonError::into_inner)
}

/// The draft of this session or, before it has one, the first that this person left and nobody is at. Makes nothing.
pub fn load(workspace: &Workspace) -> Result<Option<Draft>, Failure> {
    let mut chosen = chosen(workspace);
    if let Some((place, _)) = *chosen {
        return Ok(workspace.settings.load_draft(place)?.map(nameless));
    }
    for place in Settings::DRAFTS.filter(|place| is_free(workspace, *place)) {
        let draft = match workspace.settings.load_draft(place) {
            // It is in the way of nobody.
            Err(_) if place > 1 => None,
            Err(SettingsError::File(error @ (FileError::NotOurs { .. } | FileError::OthersWrite { .. }))) => {
                tracing::warn!(%error, "a draft that others could have written is not read");
                None
            }
            read => read?,
        };
        let Some(draft) = draft else { continue };
        if draft.who.as_ref().is_none_or(|who| *who == workspace.actor().user) {
            *chosen = Some((place, None));
            return Ok(Some(nameless(draft)));
        }
    }
    Ok(None)
}

/// When the draft of this session was kept.
pub fn kept_at(workspace: &Workspace) -> Option<Timestamp> {
    let place = chosen(workspace).as_ref().map(|(place, _)| *place)?;
    workspace.settings.draft_kept_at(place)
}

// Within a session a draft is its own.
fn nameless(draft: Draft) -> Draft {
    Draft { who: None, ..draft }
}

/// Keeps what was typed so far.
pub fn save(workspace: &Workspace, draft: &Draft) -> Result<(), Failure> {
    let mut chosen = chosen(workspace);
    let take = |place: usize| workspace.lock_here(&lock_name(place), "a draft");
    let (place, lock) = match chosen.take() {
        Some((place, Some(lock))) => (place, lock),
        // Another session may have taken up the same draft: from here on each has its own.
        Some((place, None)) => match take(place) {
            Ok(lock) => (place, lock),
            Err(LockError::Held(_) | LockError::Foreign { .. }) => free_place(workspace)?,
            Err(error) => return Err(error.into()),
        },
        None => free_place(workspace)?,
    };
    *chosen = Some((place, Some(lock)));
    let draft = Draft { who: Some(workspace.actor().user.clone()), ..draft.clone() };
    Ok(workspace.settings.save_draft(place, &draft)?)
}

/// A place where nobody keeps anything.
fn free_place(workspace: &Workspace) -> Result<(usize, Lock), Failure> {
    for place in Settings::DRAFTS.filter(|place| is_free(workspace, *place)) {
        match workspace.lock_here(&lock_name(place), "a draft") {
            Ok(lock) if !workspace.settings.has_draft(place)? => return Ok((place, lock)),
            Ok(_) | Err(LockError::Held(_) | LockError::Foreign { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let message = format!("{} drafts are kept already", Settings::DRAFTS.end());
    Err(Failure::new(FailureKind::Busy, message).hint("continue one of them, or discard it"))
}

/// Forgets the draft of this session.
pub fn discard(workspace: &Workspace) -> Result<(), Failure> {
    // A draft that cannot be read belongs to nobody: the first file is the one that is in the way.
    let place = chosen(workspace).as_ref().map_or(1, |(place, _)| *place);
    let is_mine = chosen(workspace).is_some() || workspace.settings.load_draft(place).is_err();
    if is_mine { Ok(workspace.settings.discard_draft(place)?) } else { Ok(()) }
}

fn edit_lock(id: &ConfigurationId) -> String {
    format!("edit-{id}")
}

/// Says that this session changes a configuration, for as long as the lock is held; `Err` with whoever does already.
/// Nobody is kept from anything by it.
pub fn edit(workspace: &Workspace, id: &ConfigurationId) -> Result<Hold, Option<String>> {
    workspace.lock(&edit_lock(id), "being changed").map_err(|error| match error {
        LockError::Held(holder) => holder.map(|holder| holder.to_string()),
        // It is only a help.
        LockError::Foreign { .. } | LockError::File(_) | LockError::Server(_) => None,
    })
}

/// Who changes a configuration now, in words.
pub fn editor(workspace: &Workspace, id: &ConfigurationId) -> Option<String> {
    let holder = workspace.holder(&edit_lock(id)).ok().flatten()?.0?;
    Some(format!("{id} is {holder}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::fields::FieldId;
    use crate::ops::SystemClock;
    use crate::settings::{Environment, Paths};

    fn session(folder: &tempfile::TempDir, user: &str) -> Workspace {
        let paths = Paths::below(folder.path());
        Workspace::open(paths, Environment::default(), Arc::new(SystemClock)).unwrap().acted_by(user)
    }

    fn of(name: &str) -> Draft {
        Draft::default().with(FieldId::Name, name)
    }

    fn loaded(workspace: &Workspace) -> String {
        load(workspace).unwrap().map_or("none".to_owned(), |draft| draft.name().to_owned())
    }

    /// It would fill in somebody else's Url beside the stored Client Secret.
    #[test]
    fn draft_that_others_could_have_written_fills_no_form() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        save(&session(&folder, "dana"), &of("Dana's")).unwrap();
        let (path, again) = (Paths::below(folder.path()).draft(), || loaded(&session(&folder, "dana")));
        for (mode, is) in [(0o666, "none"), (0o620, "none"), (0o600, "Dana's")] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(again(), is, "{mode:o}");
        }
    }

    /// Dana's and Fox's, on one profile: neither sees, overwrites or discards the other's.
    #[test]
    fn each_person_has_draft_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let (dana, fox) = (session(&folder, "dana"), session(&folder, "fox"));
        save(&dana, &of("Dana's")).unwrap();
        assert_eq!(loaded(&fox), "none");
        save(&fox, &of("Fox's")).unwrap();
        assert_eq!((loaded(&dana), loaded(&fox)), ("Dana's".to_owned(), "Fox's".to_owned()));
        drop((dana, fox));
        let (dana, fox) = (session(&folder, "dana"), session(&folder, "fox"));
        assert_eq!((loaded(&dana), loaded(&fox)), ("Dana's".to_owned(), "Fox's".to_owned()));
        discard(&fox).unwrap();
        assert_eq!(loaded(&session(&folder, "dana")), "Dana's");
        discard(&session(&folder, "fox")).unwrap();
        assert_eq!(loaded(&session(&folder, "dana")), "Dana's", "nothing of fox's is left to discard");
    }

    #[test]
    fn two_sessions_of_one_person_do_not_overwrite_each_other() {
        let folder = tempfile::tempdir().unwrap();
        save(&session(&folder, "dana"), &of("before the line dropped")).unwrap();
        let (one, other) = (session(&folder, "dana"), session(&folder, "dana"));
        assert_eq!(loaded(&one), loaded(&other));
        save(&one, &of("one")).unwrap();
        save(&other, &of("other")).unwrap();
        assert_eq!((loaded(&one), loaded(&other)), ("one".to_owned(), "other".to_owned()));
    }

    #[test]
    fn whoever_changes_configuration_is_named_to_next() {
        let folder = tempfile::tempdir().unwrap();
        let (dana, fox) = (session(&folder, "dana"), session(&folder, "fox"));
        let id = ConfigurationId::parse("acme").unwrap();
        assert_eq!(editor(&fox, &id), None);
        let held = edit(&dana, &id).unwrap();
        assert!(edit(&fox, &id).unwrap_err().unwrap().starts_with("being changed by dana on "));
        assert!(editor(&fox, &id).unwrap().starts_with("acme is being changed by dana on "));
        drop(held);
        assert!(edit(&fox, &id).is_ok());
    }
}
