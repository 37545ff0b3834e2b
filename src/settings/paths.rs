//! Where every file is.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::SettingsError;

/// The folder of this program inside each of the three base folders.
const OWN: &str = "pia-halo";

/// The variable of each base folder, and where it usually is below the home.
const USUAL: [(&str, &str); 3] =
    [("XDG_CONFIG_HOME", ".config"), ("XDG_DATA_HOME", ".local/share"), ("XDG_STATE_HOME", ".local/state")];

/// The three folders that belong to this program. Naming them creates nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Settings and credentials.
    pub config_dir: PathBuf,
    /// The store and its locks.
    pub data_dir: PathBuf,
    /// The draft, the log and the audit trail.
    pub state_dir: PathBuf,
    /// What the person owns begins here: no folder above it is asked whether others can write.
    pub home: Option<PathBuf>,
}

impl Paths {
    /// The usual folders of the person: the XDG variables, each only where it is an absolute path, and otherwise the
    /// usual places below `HOME`.
    ///
    /// # Errors
    ///
    /// [`SettingsError::NoHome`] where a folder can be told neither from its variable nor from `HOME`.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingsError> {
        let absolute = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = absolute("HOME");
        let folder = |(variable, usual): (&'static str, &str)| {
            absolute(variable)
                .or_else(|| home.as_ref().map(|home| home.join(usual)))
                .map(|base| base.join(OWN))
                .ok_or(SettingsError::NoHome { variable })
        };
        let [config, data, state] = USUAL.map(folder);
        Ok(Self { config_dir: config?, data_dir: data?, state_dir: state?, home: home.clone() })
    }

    /// The usual folders, as a person writes them.
    pub fn usual() -> Self {
        let folder = |usual: &str| Path::new("~").join(usual).join(OWN);
        let [config_dir, data_dir, state_dir] = USUAL.map(|(_, usual)| folder(usual));
        Self { config_dir, data_dir, state_dir, home: None }
    }

    /// Every file that a person may meet: its name in JSON, what it is, and where.
    pub fn named(&self) -> [(&'static str, &'static str, PathBuf); 6] {
        [
            ("config", "settings", self.config()),
            ("credentials", "secrets", self.credentials()),
            ("store", "store", self.store()),
            ("draft", "draft", self.draft()),
            ("log", "log", self.log()),
            ("audit", "audit trail", self.audit()),
        ]
    }

    /// The folders that hold them and everything else of this program.
    pub fn folders(&self) -> [&Path; 3] {
        [&self.config_dir, &self.data_dir, &self.state_dir]
    }

    /// Folders below one root: a profile that can be thrown away whole.
    pub fn below(root: &Path) -> Self {
        Self {
            config_dir: root.join("config"),
            data_dir: root.join("data"),
            state_dir: root.join("state"),
            home: Some(root.to_owned()),
        }
    }

    /// The settings.
    pub fn config(&self) -> PathBuf {
        self.config_dir.join("config.toml")
    }

    /// Where the secrets are, apart from the settings: private to the account.
    pub fn credentials(&self) -> PathBuf {
        self.config_dir.join("credentials.toml")
    }

    /// The key that the secrets are sealed with which hosts have in common.
    pub fn store_key(&self) -> PathBuf {
        self.config_dir.join("store.key")
    }

    /// The database.
    pub fn store(&self) -> PathBuf {
        self.data_dir.join("pia-halo.db")
    }

    /// What Halo has sent while the store on a server was away, or was on its way there.
    pub fn spool(&self) -> PathBuf {
        self.data_dir.join("spool.db")
    }

    /// The unfinished wizard; further sessions at the same time keep theirs beside it.
    pub fn draft(&self) -> PathBuf {
        self.draft_at(1)
    }

    pub(super) fn draft_at(&self, place: usize) -> PathBuf {
        self.state_dir.join(if place == 1 { "draft.toml".to_owned() } else { format!("draft-{place}.toml") })
    }

    /// The log.
    pub fn log(&self) -> PathBuf {
        self.state_dir.join("pia-halo.log")
    }

    /// Comes and goes when somebody wants events forwarded again: the service, another process, sees it.
    pub fn send_again(&self) -> PathBuf {
        self.state_dir.join("send-again")
    }

    /// What tells this profile from all others that share a store.
    pub fn installation(&self) -> PathBuf {
        self.state_dir.join("installation")
    }

    /// What the programs hold that work with a store on a server.
    pub fn running(&self) -> PathBuf {
        self.data_dir.join("running")
    }

    /// The audit trail.
    pub fn audit(&self) -> PathBuf {
        self.state_dir.join("audit.jsonl")
    }

    /// What shows that the end of the audit trail is missing: not where the trail is.
    pub fn anchor(&self) -> PathBuf {
        self.data_dir.join("audit.anchor")
    }

    /// A backup that counts and is not in its place yet.
    pub fn restored(&self) -> PathBuf {
        self.data_dir.join("restored")
    }

    /// The file of a lock such as `sync-acme`. Locks stand beside the store, because that is what they protect.
    pub fn lock(&self, name: &str) -> PathBuf {
        self.data_dir.join(format!("{name}.lock"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Paths, SettingsError> {
        Paths::from_environment(&Environment::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn usual_places_below_home_hold_where_nothing_is_set() {
        let paths = of(&[("HOME", "/home/ada")]).unwrap();
        assert_eq!(paths.config(), Path::new("/home/ada/.config/pia-halo/config.toml"));
        assert_eq!(paths.credentials(), Path::new("/home/ada/.config/pia-halo/credentials.toml"));
        assert_eq!(paths.store(), Path::new("/home/ada/.local/share/pia-halo/pia-halo.db"));
        assert_eq!(paths.lock("sync-acme"), Path::new("/home/ada/.local/share/pia-halo/sync-acme.lock"));
        assert_eq!(paths.draft(), Path::new("/home/ada/.local/state/pia-halo/draft.toml"));
        assert_eq!(paths.log(), Path::new("/home/ada/.local/state/pia-halo/pia-halo.log"));
        assert_eq!(paths.audit(), Path::new("/home/ada/.local/state/pia-halo/audit.jsonl"));
    }

    #[test]
    fn variable_counts_only_where_it_is_absolute() {
        let paths =
            of(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/c"), ("XDG_DATA_HOME", "rel"), ("XDG_STATE_HOME", "")]).unwrap();
        assert_eq!(paths.config_dir, Path::new("/c/pia-halo"));
        assert_eq!(paths.data_dir, Path::new("/h/.local/share/pia-halo"));
        assert_eq!(paths.state_dir, Path::new("/h/.local/state/pia-halo"));
    }

    #[test]
    fn home_is_needed_only_for_what_is_not_set() {
        let all = [("XDG_CONFIG_HOME", "/c"), ("XDG_DATA_HOME", "/d"), ("XDG_STATE_HOME", "/s")];
        assert!(of(&all).is_ok());
        let error = of(&all[..2]).unwrap_err();
        assert!(matches!(error, SettingsError::NoHome { variable: "XDG_STATE_HOME" }), "{error}");
        assert!(of(&[("HOME", "relative")]).is_err());
    }
}
