//! What is done behind a command.

use std::thread::JoinHandle;

/// A piece of work beside the command. Whoever has it last waits for its end.
pub(super) struct Behind(Option<JoinHandle<()>>);

impl Behind {
    /// Begins it; none where the system gives no thread.
    pub(super) fn of(name: &str, work: impl FnOnce() + Send + 'static) -> Option<Self> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        thread.ok().map(|thread| Self(Some(thread)))
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            _ = thread.join();
        }
    }
}
