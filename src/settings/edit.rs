//! `config edit`: a person's own editor, and settings that can be read afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::{Table, Value};
use zeroize::Zeroizing;

use super::error::SettingsError;
use super::private_file::{self, Exclusive, FileError};
use super::shared::{self, Part};
use super::{Config, Settings, config};
use crate::domain::merge::Conflict;
use crate::domain::untrusted::Untrusted;

/// So many editors at a time.
const EDITORS: u32 = 99;

impl Settings {
    /// Lets an editor change a copy of `config.toml`, each editor its own, and puts the copy in its place if it can be
    /// read; comments and order stay as they were written. Says whether anything changed. A copy that cannot be taken over
    /// is kept and named, and the next edit goes on with it: `edit` is told the copy, and whether it was kept.
    ///
    /// # Errors
    ///
    /// What `edit` answers, [`SettingsError`] for what is wrong in the copy, or [`SettingsError::ChangedMeanwhile`]
    /// where another program saved while the editor was open. The settings are then as they were.
    pub fn edit<E: From<SettingsError>>(&self, edit: impl FnOnce(&Path, bool) -> Result<(), E>) -> Result<bool, E> {
        self.require_trusted(&self.paths().config()).map_err(SettingsError::from)?;
        let session = self.session()?;
        let is_kept = session.begin()?;
        let edited = edit(&session.copy, is_kept);
        let changed = match edited {
            Ok(()) => session.take_over()?,
            Err(error) => {
                if !session.has_changed().map_err(SettingsError::from)? {
                    session.end()?;
                }
                return Err(error);
            }
        };
        session.end()?;
        Ok(changed)
    }

    /// The first copy that an earlier edit has left, otherwise the first that nobody has open. One that was made while only what
    /// is this host's own could be read goes on as such a one.
    fn session(&self) -> Result<Session, SettingsError> {
        let alone = Self { shared: None, ..self.clone() };
        let is_alone = self.shared.is_none() && Self::new(self.paths().clone()).store()?.is_some();
        let (mut free, config) = (None, self.paths().config());
        for (settings, name) in [(&alone, "config.edit.own"), (self, "config.edit")] {
            for number in 1..=EDITORS {
                let name = if number == 1 { name.to_owned() } else { format!("{name}.{number}") };
                let [copy, base] = ["toml", "base"].map(|ending| config.with_file_name(format!("{name}.{ending}")));
                let is_there = std::fs::symlink_metadata(&copy).is_ok();
                let is_own = name.starts_with("config.edit.own");
                if (is_there || (free.is_none() && is_own == is_alone))
                    && let Some(base) = Exclusive::take_now(&base)?
                {
                    let session = Session { settings: settings.clone(), is_own, config: config.clone(), copy, base };
                    if is_there {
                        return Ok(session);
                    }
                    free = Some(session);
                }
            }
        }
        Ok(free.ok_or(FileError::Locked { path: config, holder: None })?)
    }
}

/// One editor: its copy of the settings, and the settings as they were when the copy was made.
struct Session {
    settings: Settings,
    /// Whether the copy is only of what is this host's own, while the rest is in a store.
    is_own: bool,
    config: PathBuf,
    copy: PathBuf,
    /// Held as long as the editor is open.
    base: Exclusive,
}

impl Session {
    /// Makes the copy, unless an earlier edit has left one with changes: says whether it did.
    fn begin(&self) -> Result<bool, SettingsError> {
        if private_file::read(&self.copy)?.is_some() && self.has_changed()? {
            return Ok(true);
        }
        let now = self.settings.text()?;
        self.base.replace(now.as_ref().map_or(&[], |now| now))?;
        private_file::replace(&self.copy, now.as_ref().map_or(EMPTY, |now| now))?;
        Ok(false)
    }

    /// The settings as they were when the copy was made; none where there were none.
    fn before(&self) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
        match private_file::read(self.base.path())? {
            Some(before) => Ok(Some(before).filter(|before| !before.is_empty())),
            // A copy of an earlier version, which kept no base.
            None => private_file::read(&self.config),
        }
    }

    fn has_changed(&self) -> Result<bool, FileError> {
        let before = self.before()?;
        Ok(private_file::read(&self.copy)?
            .is_some_and(|copy| **copy != *before.as_ref().map_or(EMPTY, |before| before)))
    }

    fn take_over(&self) -> Result<bool, SettingsError> {
        let Some(contents) = private_file::read(&self.copy)? else { return Ok(false) };
        if !self.has_changed()? {
            return Ok(false);
        }
        let (edited, mine) = config::read_whole(&self.copy, &contents)?;
        self.require_place(&edited)?;
        let file = Exclusive::take(&self.config)?;
        let _turn = self.settings.take_turn(Part::Configurations)?;
        let common = self.settings.common_saved()?;
        let (before, now) = (self.before()?, self.settings.text()?);
        if now != before {
            let read = |text: &Option<Zeroizing<Vec<u8>>>| match text {
                None => Some(Table::new()),
                Some(text) => config::read_whole(&self.config, text).ok().map(|(_, table)| table),
            };
            // A file that cannot be read may hold anything, a secret too: no value of it is told.
            let told = read(&before).zip(read(&now));
            let changes = told.map(|(before, now)| differences(before, now, mine)).unwrap_or_default();
            // Said once: whoever goes on with the copy knows it.
            self.base.replace(now.as_ref().map_or(&[], |now| now))?;
            return Err(SettingsError::ChangedMeanwhile {
                copy: self.copy.clone(),
                config: if common.is_some() { self.settings.common_place() } else { self.config.clone() },
                changes,
            });
        }
        let Some(text) = common else {
            file.replace(&contents)?;
            return Ok(true);
        };
        let parted = |text: &[u8]| shared::parted(std::str::from_utf8(text).unwrap_or_default());
        let (for_all, own) = parted(&contents);
        let (_, own_before) = parted(before.as_ref().map_or(EMPTY, |before| before));
        if for_all.trim() != text.content.trim() {
            self.settings.save_common(Part::Configurations, for_all.as_bytes(), &text)?;
        }
        if own.trim() != own_before.trim() {
            file.replace(own.as_bytes())?;
        }
        Ok(true)
    }

    /// Refuses what would be lost: configurations in the part of a host whose configurations are in a store, and that part
    /// without the store.
    fn require_place(&self, edited: &Config) -> Result<(), SettingsError> {
        let not_editable = |why: &str| SettingsError::NotEditable { copy: self.copy.clone(), why: why.to_owned() };
        if self.is_own && edited.store.is_some() && (edited.active.is_some() || !edited.configurations.is_empty()) {
            let why = "the configurations are in the store, which cannot be read now; only [store] and [keys] are edited here";
            return Err(not_editable(why));
        }
        if self.settings.has_common()? && edited.store.is_none() {
            let why = "[store] is missing; to bring the store and the settings back to this machine: store copy --from --switch";
            return Err(not_editable(why));
        }
        Ok(())
    }

    fn end(&self) -> Result<(), SettingsError> {
        Exclusive::take(&self.copy).and_then(|copy| copy.remove())?;
        Ok(self.base.remove()?)
    }
}

/// Settings that say nothing.
const EMPTY: &[u8] = b"version = 1\n";

/// What another program has saved while a copy was open, setting by setting, beside what the copy says.
fn differences(read: Table, theirs: Table, mine: Table) -> Vec<Conflict> {
    let [read, theirs, mine] = [read, theirs, mine].map(leaves);
    let keys: BTreeSet<&String> =
        read.keys().chain(theirs.keys()).filter(|key| read.get(*key) != theirs.get(*key)).collect();
    let told = |key: &String| {
        let [was, theirs, mine] = [&read, &theirs, &mine].map(|settings| shown(key, settings.get(key)));
        Conflict { key: key.clone(), label: key.clone(), was, theirs, mine }
    };
    keys.into_iter().map(told).collect()
}

/// Every value by its key, with its tables before it.
fn leaves(table: Table) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    collect("", Value::Table(table), &mut values);
    values
}

fn collect(key: &str, value: Value, values: &mut BTreeMap<String, Value>) {
    match value {
        Value::Table(table) if key.is_empty() || !table.is_empty() => {
            for (name, value) in table {
                collect(&if key.is_empty() { name } else { format!("{key}.{name}") }, value, values);
            }
        }
        value => _ = values.insert(key.to_owned(), value),
    }
}

/// A value for people. What a command is made of is nobody's business.
fn shown(key: &str, value: Option<&Value>) -> String {
    match value {
        // What is left out is not blank: it has its default.
        None if key.starts_with("keys.") => "the default".to_owned(),
        None => "not set".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "blank".to_owned(),
        Some(Value::String(text)) => Untrusted::new(text.as_str()).display(),
        Some(_) if key.ends_with("_command") => "a command".to_owned(),
        Some(value) => Untrusted::new(value.to_string()).display(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Paths;
    use super::*;

    fn settings(folder: &tempfile::TempDir) -> Settings {
        Settings::new(Paths::below(folder.path()))
    }

    fn write(text: &'static str) -> impl Fn(&Path, bool) -> Result<(), SettingsError> {
        move |copy, _| private_file::replace(copy, text.as_bytes()).map_err(SettingsError::from)
    }

    /// What is left beside the settings, apart from locks.
    fn left(settings: &Settings) -> Vec<String> {
        let folder = settings.paths().config();
        let names = std::fs::read_dir(folder.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| name.starts_with("config.edit"));
        names.sort();
        names
    }

    const GOOD: &str = "# mine\nversion = 1\n";

    #[test]
    fn edit_that_can_be_read_is_taken_over_with_its_comments() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder);
        assert!(settings.edit(write(GOOD)).unwrap());
        assert_eq!(std::fs::read_to_string(settings.paths().config()).unwrap(), GOOD);
        assert!(!settings.edit(|_, _| Ok::<_, SettingsError>(())).unwrap());
        assert_eq!(left(&settings), [""; 0]);
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
        let error = settings.edit(|copy, _| {
            private_file::replace(&settings.paths().config(), other.as_bytes())?;
            write("# later\nversion = 1\n")(copy, false)
        });
        assert!(matches!(error, Err(SettingsError::ChangedMeanwhile { .. })), "{error:?}");
        assert_eq!(std::fs::read_to_string(settings.paths().config()).unwrap(), other);
    }

    /// Dana opens, Fox opens; Dana writes, Fox saves and leaves, Dana leaves.
    #[test]
    fn two_editors_have_copies_of_their_own_and_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder);
        settings.edit(write(GOOD)).unwrap();
        let (danas, foxes) = ("# dana\nversion = 1\n", "version = 1\n[keys]\nquit = [\"ctrl-q\"]\n");
        let error = settings.edit(|danas_copy, _| {
            write(danas)(danas_copy, false)?;
            let saved = settings.edit(|foxes_copy, is_kept| {
                assert!(foxes_copy != danas_copy && !is_kept);
                let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(foxes_copy).unwrap());
                assert_eq!(mode & 0o777, 0o600);
                assert_eq!(std::fs::read_to_string(foxes_copy).unwrap(), GOOD);
                write(foxes)(foxes_copy, false)
            });
            assert!(saved?);
            Ok::<_, SettingsError>(())
        });
        let error = error.unwrap_err();
        let told = format!("{error}; {}", error.hint().unwrap());
        let change = "keys.quit (was the default; they saved [\"ctrl-q\"])";
        for words in [change, "config.edit.toml", "config.toml"] {
            assert!(told.contains(words), "{told}");
        }
        assert_eq!(std::fs::read_to_string(settings.paths().config()).unwrap(), foxes);
        // What Dana wrote is there, and goes on.
        let both = "# dana\nversion = 1\n[keys]\nquit = [\"ctrl-q\"]\n";
        let saved = settings.edit(|copy, is_kept| {
            assert!(is_kept);
            assert_eq!(std::fs::read_to_string(copy).unwrap(), danas);
            write(both)(copy, true)
        });
        assert!(saved.unwrap());
        assert_eq!(std::fs::read_to_string(settings.paths().config()).unwrap(), both);
        assert_eq!(left(&settings), [""; 0]);
    }

    /// As at every other save: what it was, what they saved and what is to be saved, of each setting that they changed.
    #[test]
    fn edit_that_comes_second_is_told_what_other_one_saved() {
        let own = |name: &str, board: &str, command: &str| {
            let text = format!(
                "[configurations.a]\nname = \"{name}\"\nboard = \"{board}\"\nsecret_command = [\"{command}\"]\n"
            );
            text.parse::<Table>().unwrap()
        };
        let mut theirs = own("B\\u001b", "Desk", "hunter2");
        theirs.insert("active".to_owned(), Value::String("a".to_owned()));
        let mine = own("C", "Pia", "x");
        let told: Vec<String> =
            differences(own("A", "Pia", "x"), theirs, mine.clone()).iter().map(Conflict::line).collect();
        assert_eq!(
            told,
            [
                "active (was not set; they saved a)",
                "configurations.a.board (was Pia; they saved Desk)",
                "configurations.a.name (was A; they saved B^[, you have C)",
                "configurations.a.secret_command (was a command; they saved a command)",
            ]
        );
        assert_eq!(differences(Table::new(), Table::new(), mine), []);
    }

    /// A key that nobody knows may hold a secret.
    #[test]
    fn no_value_is_told_of_settings_that_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder);
        settings.edit(write(GOOD)).unwrap();
        let theirs = b"version = 1\nclient_secret = \"hunter2-hunter2\"\n";
        let second = settings.edit(|copy, _| {
            private_file::replace(&settings.paths().config(), theirs)?;
            write("# later\nversion = 1\n")(copy, false)
        });
        let error = second.unwrap_err();
        assert!(matches!(error, SettingsError::ChangedMeanwhile { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }

    #[test]
    fn kept_copy_is_gone_on_with_and_taken_once_it_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder);
        settings.edit(write(GOOD)).unwrap();
        let bad = "version = 1\nactive = \"nobody\"\n";
        settings.edit(write(bad)).unwrap_err();
        let leave = |copy: &Path, is_kept: bool| {
            assert!(is_kept && std::fs::read_to_string(copy).unwrap() == bad);
            Ok::<_, SettingsError>(())
        };
        let error = settings.edit(leave).unwrap_err();
        assert!(error.hint().unwrap().contains("pia-halo config edit"), "{error}");
        // Mended by hand, and left as it is.
        let copy = settings.paths().config().with_file_name("config.edit.toml");
        std::fs::write(&copy, "# mended\nversion = 1\n").unwrap();
        assert!(settings.edit(|_, _| Ok::<_, SettingsError>(())).unwrap());
        assert_eq!(std::fs::read_to_string(settings.paths().config()).unwrap(), "# mended\nversion = 1\n");
        // An editor that fails without a change leaves nothing, and one that fails with one leaves it.
        let fail = |text: Option<&'static str>| {
            settings.edit(|copy, _| {
                text.map(|text| write(text)(copy, false)).transpose()?;
                Err::<(), _>(SettingsError::NoRandom("no".to_owned()))
            })
        };
        fail(None).unwrap_err();
        assert_eq!(left(&settings), [""; 0]);
        fail(Some(GOOD)).unwrap_err();
        assert_eq!(left(&settings), ["config.edit.base", "config.edit.toml"]);
    }
}
