//! A disk that loses its power: what programs did to the files below a folder, as strace saw it, and what a power cut may
//! leave of that.
//!
//! Certain is only what was followed by a sync of the same file; a name, only once its folder was synced. Everything since
//! is kept, lost or torn, each change by itself, in whatever order a disk may like. That is harsher than most file systems
//! are. What was there before the first recorded program is taken for safe.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Ran, files, run};

/// Calls that could change a file. One of these on a file of ours that is not understood below ends the test.
const CALLS: &str = "openat,open,creat,close,dup,dup2,dup3,write,writev,pwrite64,pwritev,pwritev2,truncate,ftruncate,\
                     fallocate,copy_file_range,sendfile,splice,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,\
                     unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat";

/// A sequence of numbers that a seed decides.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.roll(100) < chance
    }
}

enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Cut { length: usize },
}

/// A file, whatever it is called: what it held at first, what was done to it, and when it was synced.
#[derive(Default)]
struct File {
    before: Vec<u8>,
    length: usize,
    changes: Vec<(usize, Change)>,
    syncs: Vec<usize>,
}

enum Naming {
    Given(PathBuf, usize),
    Taken(PathBuf),
    Moved(PathBuf, PathBuf),
    /// A folder. Without it, whatever is in it is lost.
    Made(PathBuf),
}

impl Naming {
    fn folder(&self) -> &Path {
        let (Self::Given(path, _) | Self::Taken(path) | Self::Moved(path, _) | Self::Made(path)) = self;
        path.parent().unwrap()
    }
}

/// What a file descriptor of a recorded program stands for.
enum Open {
    File { file: usize, appends: bool, at: usize },
    Folder(PathBuf),
}

/// A recorded program: from when on it could do anything, and when it said how it went.
struct Program {
    began: usize,
    said: Option<usize>,
}

pub struct Disk {
    root: PathBuf,
    files: Vec<File>,
    /// The names before the first program, and now.
    first: BTreeMap<PathBuf, usize>,
    now: BTreeMap<PathBuf, usize>,
    namings: Vec<(usize, Naming)>,
    folder_syncs: BTreeMap<PathBuf, Vec<usize>>,
    /// Changes and syncs so far.
    time: usize,
    programs: Vec<Program>,
    /// Whether a sync makes anything certain. A disk that lies is what shows that the checks can fail.
    pub lies: bool,
}

/// What a power cut has left.
pub struct Left {
    /// When it came, in changes and syncs.
    pub at: usize,
    /// Programs that had begun, and those that had said their report.
    pub begun: usize,
    pub said: usize,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

/// Whether strace is here and may trace.
pub fn may_trace() -> bool {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let may = tried.is_ok_and(|status| status.success());
    if !may {
        _ = writeln!(std::io::stdout(), "SKIPPED: there is no strace here, or it may not trace, so no call was seen");
    }
    may
}

/// A program under strace, with the environment that was meant for it.
pub fn traced(program: &Command, options: &[&str]) -> Command {
    let mut traced = Command::new("strace");
    traced.args(["-f", "-q"]).args(options);
    traced.arg(program.get_program()).args(program.get_args()).env_clear();
    traced.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    traced.stdout(Stdio::piped()).stderr(Stdio::piped());
    traced
}

impl Disk {
    /// The files below a folder, as they are now.
    pub fn of(root: &Path) -> Self {
        let mut disk = Self {
            root: root.to_owned(),
            files: Vec::new(),
            first: BTreeMap::new(),
            now: BTreeMap::new(),
            namings: Vec::new(),
            folder_syncs: BTreeMap::new(),
            time: 0,
            programs: Vec::new(),
            lies: false,
        };
        // By a copy, which another process makes: closing a database here would take the locks of this process with it.
        let copies = tempfile::tempdir().unwrap();
        let copied = Command::new("cp").arg("-a").arg(root.join(".")).arg(copies.path()).status().unwrap();
        assert!(copied.success());
        for path in files(copies.path()) {
            let before = std::fs::read(&path).unwrap();
            disk.first.insert(root.join(path.strip_prefix(copies.path()).unwrap()), disk.files.len());
            disk.files.push(File { length: before.len(), before, ..File::default() });
        }
        disk.now = disk.first.clone();
        disk
    }

    /// Runs a program and writes down what it does to the disk.
    pub async fn record(&mut self, program: &Command, stdin: &str) -> Ran {
        let log = tempfile::NamedTempFile::new().unwrap();
        let (calls, path) = (format!("trace={CALLS}"), log.path().to_str().unwrap());
        let options = ["-xx", "-s", "10000000", "-e", "signal=none", "-e", &calls, "-o", path];
        let ran = run(traced(program, &options), stdin.to_owned()).await;
        self.programs.push(Program { began: self.time, said: None });
        self.replay(&std::fs::read_to_string(log.path()).unwrap());
        ran
    }

    /// Changes and syncs that were recorded.
    pub fn len(&self) -> usize {
        self.time
    }

    fn replay(&mut self, log: &str) {
        let mut open = BTreeMap::new();
        let mut unfinished: BTreeMap<&str, &str> = BTreeMap::new();
        for line in log.lines() {
            let (process, call) = line.split_once(' ').unwrap();
            let call = call.trim_start();
            if let Some(begun) = call.strip_suffix(" <unfinished ...>") {
                unfinished.insert(process, begun);
                // Its number may be given to another file before this line is ended.
                if let Some(fd) = begun.strip_prefix("close(") {
                    open.remove(fd);
                }
                continue;
            }
            let whole = match call.strip_prefix("<... ") {
                Some(rest) => {
                    let rest = rest.split_once(" resumed>").unwrap().1;
                    unfinished.remove(process).map(|begun| format!("{begun}{rest}"))
                }
                None => Some(call.to_owned()),
            };
            let Some(whole) = whole else { continue };
            let (Some((name, rest)), Some(equals)) = (whole.split_once('('), whole.rfind(" = ")) else { continue };
            let result = whole[equals + 3..].split(' ').next().unwrap().parse::<i64>();
            let arguments = rest[..equals - name.len() - 1].trim_end().strip_suffix(')').unwrap_or_default();
            if let Ok(result @ 0..) = result {
                let arguments: Vec<&str> = arguments.split(", ").collect();
                self.call(name, &arguments, usize::try_from(result).unwrap(), &mut open);
            }
        }
    }

    fn call(&mut self, name: &str, arguments: &[&str], result: usize, open: &mut BTreeMap<String, Open>) {
        let text = |index: usize| unescaped(arguments[index]);
        let path = |index: usize| {
            let path = PathBuf::from(std::ffi::OsString::from_vec(text(index)?));
            path.starts_with(&self.root).then_some(path)
        };
        match name {
            "openat" => {
                if let Some(path) = path(1) {
                    let file = self.opened(path, arguments[2]);
                    open.insert(result.to_string(), file);
                }
            }
            "close" => _ = open.remove(arguments[0]),
            "write" | "pwrite64" | "ftruncate" | "fsync" | "fdatasync" => {
                let is_said = name == "write" && arguments[0] == "1";
                match open.get_mut(arguments[0]) {
                    Some(Open::File { file, appends, at }) => match name {
                        "write" => {
                            let from = if *appends { self.files[*file].length } else { *at };
                            *at = from + result;
                            let bytes = text(1).unwrap()[..result].to_owned();
                            let file = *file;
                            self.change(file, Change::Write { at: from, bytes });
                        }
                        "pwrite64" => {
                            let (at, file) = (arguments[3].parse().unwrap(), *file);
                            let bytes = text(1).unwrap()[..result].to_owned();
                            self.change(file, Change::Write { at, bytes });
                        }
                        "ftruncate" => {
                            let (length, file) = (arguments[1].parse().unwrap(), *file);
                            self.change(file, Change::Cut { length });
                        }
                        _ => {
                            self.files[*file].syncs.push(self.time);
                            self.time += 1;
                        }
                    },
                    Some(Open::Folder(folder)) => {
                        self.folder_syncs.entry(folder.clone()).or_default().push(self.time);
                        self.time += 1;
                    }
                    None if is_said => {
                        let said = &mut self.programs.last_mut().unwrap().said;
                        said.get_or_insert(self.time);
                    }
                    None => {}
                }
            }
            "unlink" => {
                if let Some(path) = path(0) {
                    self.now.remove(&path);
                    self.name(Naming::Taken(path));
                }
            }
            "rename" => {
                if let (Some(from), Some(to)) = (path(0), path(1)) {
                    let file = self.now.remove(&from).unwrap();
                    self.now.insert(to.clone(), file);
                    self.name(Naming::Moved(from, to));
                }
            }
            "mkdir" => {
                if let Some(path) = path(0) {
                    self.name(Naming::Made(path));
                }
            }
            _ => {
                let ours = open.contains_key(arguments[0]) || (0..arguments.len()).any(|index| path(index).is_some());
                assert!(!ours, "{name} is not understood: {arguments:?}");
            }
        }
    }

    fn opened(&mut self, path: PathBuf, flags: &str) -> Open {
        if path.is_dir() {
            return Open::Folder(path);
        }
        let file = if let Some(file) = self.now.get(&path) {
            *file
        } else {
            let file = self.files.len();
            self.files.push(File::default());
            self.now.insert(path.clone(), file);
            self.name(Naming::Given(path, file));
            file
        };
        if flags.contains("O_TRUNC") && self.files[file].length > 0 {
            self.change(file, Change::Cut { length: 0 });
        }
        Open::File { file, appends: flags.contains("O_APPEND"), at: 0 }
    }

    fn change(&mut self, file: usize, change: Change) {
        let length = &mut self.files[file].length;
        *length = match &change {
            Change::Write { at, bytes } => (*length).max(at + bytes.len()),
            Change::Cut { length } => *length,
        };
        self.files[file].changes.push((self.time, change));
        self.time += 1;
    }

    fn name(&mut self, naming: Naming) {
        self.namings.push((self.time, naming));
        self.time += 1;
    }

    /// What a power cut leaves, at a moment and in a way that the seed decides.
    pub fn cut(&self, seed: u64) -> Left {
        let mut dice = Dice::new(seed);
        let mut at = dice.roll(self.time + 1);
        // Every second one comes right before a sync takes hold, when the most is at stake.
        if dice.percent(50) {
            let syncs = self.files.iter().map(|file| &file.syncs).chain(self.folder_syncs.values()).flatten();
            at = syncs.copied().filter(|sync| *sync >= at).min().unwrap_or(at);
        }
        let how = Way::of(&mut dice);
        let mut names = self.first.clone();
        let (mut lost_one, mut lost_folders) = (false, Vec::new());
        for (when, naming) in self.namings.iter().filter(|(when, _)| *when < at) {
            let synced = self.folder_syncs.get(naming.folder());
            let safe = self.is_safe(*when, synced.map_or(&[], Vec::as_slice), at);
            // A file system with a journal loses the last names only; another one whichever it likes.
            if safe || (how.keeps(&mut dice) && !(how.in_order && lost_one)) {
                apply(naming, &mut names, self);
            } else {
                lost_one = true;
                if let Naming::Made(folder) = naming {
                    lost_folders.push(folder);
                }
            }
        }
        names.retain(|path, _| !lost_folders.iter().any(|folder| path.starts_with(folder)));
        let contents = |file: usize, dice: &mut Dice| self.content(&self.files[file], at, &how, dice);
        let kept = names.into_iter().filter(|(path, _)| !path.to_string_lossy().ends_with("-shm"));
        let kept =
            kept.map(|(path, file)| (path.strip_prefix(&self.root).unwrap().to_owned(), contents(file, &mut dice)));
        let (begun, said) = self.programs.iter().fold((0, 0), |(begun, said), program| {
            let has_said = program.said.is_some_and(|said| said <= at);
            (begun + usize::from(program.began < at), said + usize::from(has_said))
        });
        Left { at, begun, said, files: kept.collect() }
    }

    fn is_safe(&self, when: usize, syncs: &[usize], at: usize) -> bool {
        !self.lies && syncs.iter().any(|sync| when < *sync && *sync < at)
    }

    fn content(&self, file: &File, at: usize, how: &Way, dice: &mut Dice) -> Vec<u8> {
        let mut content = file.before.clone();
        let mut lost_one = false;
        for (when, change) in file.changes.iter().filter(|(when, _)| *when < at) {
            let whole = self.is_safe(*when, &file.syncs, at) || (how.keeps(dice) && !(how.in_order && lost_one));
            match change {
                Change::Cut { length } if whole => content.resize(*length, how.filler),
                Change::Cut { .. } => lost_one = true,
                Change::Write { at, bytes } if whole => put(&mut content, *at, bytes, how.filler),
                Change::Write { at, bytes } => {
                    // The new length can reach the disk without what was written there.
                    if how.grows && !(how.in_order && lost_one) {
                        let length = content.len().max(at + bytes.len());
                        content.resize(length, how.filler);
                    }
                    if dice.percent(how.tears) && !(how.in_order && lost_one) {
                        torn(*at, bytes, how.sector, dice, |at, part| put(&mut content, at, part, how.filler));
                    }
                    lost_one = true;
                }
            }
        }
        content
    }
}

fn apply(naming: &Naming, names: &mut BTreeMap<PathBuf, usize>, disk: &Disk) {
    match naming {
        Naming::Given(path, file) => _ = names.insert(path.clone(), *file),
        Naming::Taken(path) => _ = names.remove(path),
        Naming::Moved(from, to) => {
            // Where the first name was lost, the file still comes by its second one.
            let mut given = disk.namings.iter().filter_map(|(_, naming)| match naming {
                Naming::Given(path, file) if path == from => Some(*file),
                _ => None,
            });
            if let Some(file) = names.remove(from).or_else(|| given.next_back()) {
                names.insert(to.clone(), file);
            }
        }
        Naming::Made(_) => {}
    }
}

/// In which way a disk loses things.
struct Way {
    keeps: usize,
    tears: usize,
    sector: usize,
    in_order: bool,
    grows: bool,
    filler: u8,
}

impl Way {
    fn of(dice: &mut Dice) -> Self {
        Self {
            keeps: [0, 10, 50, 50, 90, 97, 100][dice.roll(7)],
            tears: [0, 30, 100][dice.roll(3)],
            sector: [512, 4096][dice.roll(2)],
            in_order: dice.percent(40),
            grows: dice.percent(50),
            filler: [0, 0xdb][dice.roll(2)],
        }
    }

    fn keeps(&self, dice: &mut Dice) -> bool {
        dice.percent(self.keeps)
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8], filler: u8) {
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), filler);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Those sectors of a write that came through.
fn torn(at: usize, bytes: &[u8], sector: usize, dice: &mut Dice, mut came: impl FnMut(usize, &[u8])) {
    let mut from = 0;
    while from < bytes.len() {
        let to = bytes.len().min(((at + from) / sector + 1) * sector - at);
        if dice.percent(50) {
            came(at + from, &bytes[from..to]);
        }
        from = to;
    }
}

impl Left {
    /// Writes what is left below another folder.
    pub fn lay_out(&self, folder: &Path) {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        for (path, content) in &self.files {
            let path = folder.join(path);
            let parent = path.parent().unwrap();
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).unwrap();
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
            file.write_all(content).unwrap();
        }
    }
}

/// The bytes of a string as `strace -xx` prints it.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let bytes = inner.split("\\x").skip(1).map(|byte| u8::from_str_radix(byte, 16));
    Some(bytes.collect::<Result<_, _>>().unwrap())
}

#[test]
fn what_was_synced_is_left_and_what_was_not_may_be_lost_or_torn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "old").unwrap();
    let mut disk = Disk::of(folder.path());
    disk.programs.push(Program { began: 0, said: None });
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let name = hex(path.as_os_str().as_encoded_bytes());
    let one = "\\x6e".repeat(2_000);
    disk.replay(&format!(
        "7 openat(AT_FDCWD, \"{name}\", O_RDWR|O_CREAT, 0600) = 3\n\
         7 pwrite64(3, \"{one}\", 2000, 0 <unfinished ...>\n\
         8 write(1, \"\\x64\", 1) = 1\n\
         7 <... pwrite64 resumed>)          = 2000\n\
         7 fsync(3)                         = 0\n\
         7 pwrite64(3, \"{}\", 2000, 2000) = 2000\n\
         7 unlink(\"{name}\")               = 0\n",
        "\\x6d".repeat(2_000)
    ));
    assert_eq!((disk.len(), disk.programs[0].said), (4, Some(0)));
    let (whole, half) = ([b'n'; 2_000], [[b'n'; 2_000], [b'm'; 2_000]].concat());
    let mut seen = [0; 6];
    for seed in 0..2_000 {
        let left = disk.cut(seed);
        let content = left.files.get(Path::new("file"));
        assert!(left.at < 2 || content.is_none_or(|content| content.starts_with(&whole)), "{seed}: {}", left.at);
        let kind = match content {
            None => 0,
            Some(content) if content == b"old" => 1,
            Some(content) if content == &whole => 2,
            Some(content) if content == &half => 3,
            Some(content) if left.at < 2 && content.len() > 3 => 4,
            Some(_) => 5,
        };
        seen[kind] += 1;
    }
    assert!(seen.iter().all(|times| *times > 10), "{seen:?}");
}

/// Kills a program by the kernel at the k-th time that it makes a call, for every k until it gets through. `play` runs it
/// with the options of strace for that, looks at what is left, and gives back how it ended.
pub async fn at_every_call(calls: &[(&str, usize)], mut play: impl AsyncFnMut(&str, [&str; 6]) -> i32) {
    for (call, step) in calls {
        // By the command each of them; where a call is made often without a file of ours, one in `step` by default.
        let step = if std::env::var_os("PIA_HALO_KILLS").is_some() { 1 } else { *step };
        for k in (1..).step_by(step) {
            let what = format!("killed at {call} {k}");
            let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal=KILL:when={k}"));
            if play(&what, ["-o", "/dev/null", "-e", &trace, "-e", &inject]).await == 0 {
                assert!(k > 1, "{call} was never called");
                break;
            }
        }
    }
}
