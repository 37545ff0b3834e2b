//! `draft.toml`: the wizard that was left unfinished.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::Serialize;

use super::Settings;
use super::document::{self, Discretion, VERSION};
use super::error::SettingsError;
use super::private_file::{self, Exclusive};
use crate::domain::draft::Draft;

#[derive(Serialize)]
struct Document<'a> {
    version: i64,
    #[serde(flatten)]
    draft: &'a Draft,
}

impl Settings {
    /// The places for drafts, one for each session that has something half typed.
    pub const DRAFTS: RangeInclusive<usize> = 1..=9;

    /// Whether something is kept in this place.
    ///
    /// # Errors
    ///
    /// What keeps it from being found out.
    pub fn has_draft(&self, place: usize) -> Result<bool, SettingsError> {
        Ok(private_file::resolve(&self.paths.draft_at(place))?.is_some())
    }

    /// Reads the unfinished wizard; none where there is none. Makes nothing.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] where the file is there but cannot be used. It may be discarded then: it is only a help.
    pub fn load_draft(&self, place: usize) -> Result<Option<Draft>, SettingsError> {
        let path = self.paths.draft_at(place);
        // What somebody else has put there would be saved as this person's own words.
        self.require_trusted(&path)?;
        let Some(contents) = private_file::read(&path)? else { return Ok(None) };
        let table = document::parse(&path, &contents, Discretion::Plain)?;
        match table.try_into() {
            Ok(draft) => Ok(Some(draft)),
            Err(error) => {
                let why = document::words(&error);
                Err(SettingsError::Invalid { path, key: "a field".to_owned(), why })
            }
        }
    }

    /// When the unfinished wizard was kept.
    pub fn draft_kept_at(&self, place: usize) -> Option<Timestamp> {
        let kept = std::fs::metadata(self.paths.draft_at(place)).and_then(|file| file.modified()).ok()?;
        Timestamp::try_from(kept).ok()
    }

    /// Keeps the unfinished wizard, in place of the one kept before.
    ///
    /// # Errors
    ///
    /// What keeps the file from being saved; it is then as it was.
    pub fn save_draft(&self, place: usize, draft: &Draft) -> Result<(), SettingsError> {
        let file = Exclusive::take(&self.paths.draft_at(place))?;
        let text = toml::to_string_pretty(&Document { version: VERSION, draft }).map_err(|error| {
            SettingsError::NotSaveable { key: "draft.toml".to_owned(), why: document::one_line(&error.to_string()) }
        })?;
        Ok(file.replace(text.as_bytes())?)
    }

    /// Forgets the unfinished wizard, whatever its file holds.
    ///
    /// # Errors
    ///
    /// What keeps the file from being removed.
    pub fn discard_draft(&self, place: usize) -> Result<(), SettingsError> {
        let path = self.paths.draft_at(place);
        if private_file::resolve(&path)?.is_none() {
            return Ok(());
        }
        Ok(Exclusive::take(&path)?.remove()?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::configuration::EscalateTo;
    use crate::domain::draft::Step;
    use crate::domain::fields::FieldId;
    use crate::settings::Paths;

    fn settings() -> (tempfile::TempDir, Settings) {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::new(Paths::below(folder.path()));
        (folder, settings)
    }

    #[test]
    fn every_field_of_draft_comes_back_as_it_was_typed() {
        let (_folder, settings) = settings();
        let draft = Draft {
            step: Step::CompanySync,
            secret_entered: true,
            escalate_to: Some(EscalateTo { agent_id: 7, name: "Dana\u{1b}Scully".to_owned() }),
            ..Draft::default()
        }
        .with(FieldId::Name, "Ünïcode \"MSP\" = [x] # 北京")
        .with(FieldId::Url, "half an addre")
        .with(FieldId::DailySyncTime, "4:3");
        settings.save_draft(1, &draft).unwrap();
        assert_eq!(settings.load_draft(1).unwrap(), Some(draft));
        assert!(fs::read_to_string(settings.paths().draft()).unwrap().starts_with("version = 1\n"));
    }

    #[test]
    fn no_draft_before_first_save_or_after_discard() {
        let (folder, settings) = settings();
        assert_eq!(settings.load_draft(1).unwrap(), None);
        settings.discard_draft(1).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "asking makes nothing");
        settings.save_draft(1, &Draft::default()).unwrap();
        settings.discard_draft(1).unwrap();
        assert_eq!(settings.load_draft(1).unwrap(), None);
    }

    #[test]
    fn draft_that_is_not_understood_is_refused_and_can_be_discarded() {
        let (_folder, settings) = settings();
        settings.save_draft(1, &Draft::default()).unwrap();
        for (text, told) in [
            ("version = 2\nstep = \"checklist\"\n", "version 2"),
            ("version = 1\nstep = \"no-such-step\"\n", "unknown variant"),
            ("version = 1\nname = [", "line 2, column"),
            ("", "version = 1"),
        ] {
            fs::write(settings.paths().draft(), text).unwrap();
            let error = settings.load_draft(1).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains("draft.toml"), "{text}: {error}");
            assert_eq!(fs::read_to_string(settings.paths().draft()).unwrap(), text);
        }
        settings.discard_draft(1).unwrap();
        assert_eq!(settings.load_draft(1).unwrap(), None);
    }
}
