//! `config edit`: a person's own editor, and settings that can be read afterwards.

use std::path::Path;

use zeroize::Zeroizing;

use super::error::SettingsError;
use super::private_file::{self, Exclusive, FileError};
use super::{Settings, config};

impl Settings {
    /// Lets an editor change a copy of `config.toml`, and puts the copy in its place if it can be read; comments and
    /// order stay as they were written. Says whether anything changed. A copy that cannot be read is kept, and named.
    ///
    /// # Errors
    ///
    /// What `edit` answers, [`SettingsError`] for what is wrong in the copy, or [`SettingsError::ChangedMeanwhile`]
    /// where another program saved while the editor was open. The settings are then as they were.
    pub fn edit<E: From<SettingsError>>(&self, edit: impl FnOnce(&Path) -> Result<(), E>) -> Result<bool, E> {
        let path = self.paths().config();
        self.require_trusted(&path).map_err(SettingsError::from)?;
        let copy = path.with_file_name("config.edit.toml");
        let before = bytes(&path).map_err(SettingsError::from)?;
        let start = before.clone().unwrap_or_else(|| Zeroizing::new(b"version = 1\n".to_vec()));
        private_file::replace(&copy, &start).map_err(SettingsError::from)?;
        edit(&copy)?;
        let changed = self.take_over(&copy, &start, before.as_ref())?;
        Exclusive::take(&copy).and_then(|copy| copy.remove()).map_err(SettingsError::from)?;
        Ok(changed)
    }

    fn take_over(&self, copy: &Path, start: &[u8], before: Option<&Zeroizing<Vec<u8>>>) -> Result<bool, SettingsError> {
        let path = self.paths().config();
        let Some(contents) = private_file::read(copy)? else { return Ok(false) };
        if *contents.bytes == start {
            return Ok(false);
        }
        config::parse(copy, &contents)?;
        let file = Exclusive::take(&path)?;
        if bytes(&path)?.as_ref() != before {
            return Err(SettingsError::ChangedMeanwhile { copy: copy.to_owned() });
        }
        file.replace(&contents.bytes)?;
        Ok(true)
    }
}

fn bytes(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
    Ok(private_file::read(path)?.map(|contents| contents.bytes))
}

#[cfg(test)]
mod tests {
    use super::super::Paths;
    use super::*;

    fn settings(folder: &tempfile::TempDir) -> Settings {
        Settings::new(Paths::below(folder.path()))
    }

    fn write(text: &'static str) -> impl Fn(&Path) -> Result<(), SettingsError> {
        move |copy| private_file::replace(copy, text.as_bytes()).map_err(SettingsError::from)
    }

    const GOOD: &str = "# mine\nversion = 1\n";

    #[test]
    fn edit_that_can_be_read_is_taken_over_with_its_comments() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder);
        assert!(settings.edit(write(GOOD)).unwrap());
        assert_eq!(std::fs::read_to_string(settings.paths().config()).unwrap(), GOOD);
        assert!(!settings.edit(|_| Ok::<_, SettingsError>(())).unwrap());
        assert!(!settings.paths().config().with_file_name("config.edit.toml").exists());
    }

    #[test]
    fn edit_that_cannot_be_read_changes_nothing_and_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder);
        settings.edit(write(GOOD)).unwrap();
        let error = settings.edit(write("version = 1\nactive = \"nobody\"\n")).unwrap_err();
        assert!(error.to_string().contains("config.edit.toml: active"), "{error}");
        assert_eq!(std::fs::read_to_string(settings.paths().config()).unwrap(), GOOD);
        assert!(settings.paths().config().with_file_name("config.edit.toml").exists());
    }

    #[test]
    fn save_by_another_program_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder);
        settings.edit(write(GOOD)).unwrap();
        let other = "# theirs\nversion = 1\n";
        let error = settings.edit(|copy| {
            private_file::replace(&settings.paths().config(), other.as_bytes())?;
            write("# later\nversion = 1\n")(copy)
        });
        assert!(matches!(error, Err(SettingsError::ChangedMeanwhile { .. })), "{error:?}");
        assert_eq!(std::fs::read_to_string(settings.paths().config()).unwrap(), other);
    }
}
