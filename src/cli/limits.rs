//! What the program needs of the machine before it begins: said in words, where a library would panic.

use std::fs::File;
use std::io;
use std::sync::mpsc::channel;
use std::thread;

/// Files and sockets that are open at once in the smallest command.
const FILES: usize = 24;

/// Threads of the smallest command beside the first one.
const THREADS: usize = 6;

/// Makes sure that there is room for files and threads.
pub(super) fn require() -> Result<(), String> {
    let files: io::Result<Vec<File>> = (0..FILES).map(|_| File::open("/dev/null")).collect();
    files.map_err(|why| format!("too few files may be open at once ({why}); raise the limit: ulimit -n 1024"))?;
    require_threads(|work| thread::Builder::new().spawn(work).map(drop))
}

type Work = Box<dyn FnOnce() + Send>;

/// All of them at once: one that has ended makes room for the next.
fn require_threads(mut spawn: impl FnMut(Work) -> io::Result<()>) -> Result<(), String> {
    let mut waiting = Vec::new();
    for begun in 0..THREADS {
        let (go, wait) = channel::<()>();
        // Ends when `go` is dropped.
        spawn(Box::new(move || _ = wait.recv())).map_err(|why| {
            format!("only {begun} of {THREADS} threads can be started ({why}); raise the limit: ulimit -u, or TasksMax")
        })?;
        waiting.push(go);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_threads_are_said_in_words() {
        assert!(require().is_ok());
        for most in [0, 1, 3, THREADS - 1] {
            let mut begun = 0;
            let said = require_threads(|_| {
                begun += 1;
                if begun > most { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            });
            assert!(said.unwrap_err().starts_with(&format!("only {most} of")), "{most}");
        }
    }
}
