//! Waiting for a moment of the wall clock.

use std::future::Future;

use jiff::Timestamp;

use crate::ops::{Clock, SystemClock};

/// Something that waits for moments. A test gives its own.
pub trait Moments: Send + Sync + 'static {
    /// Waits until the wall clock shows this moment, or until the clock was set: whoever waits looks at it again.
    fn until(&self, moment: Timestamp) -> impl Future<Output = ()> + Send;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock;

#[cfg(target_os = "linux")]
impl Moments for WallClock {
    /// By a timer of the kernel that knows the wall clock: it is right after the machine slept, it ends when the clock is
    /// set, and nothing wakes up before.
    async fn until(&self, moment: Timestamp) {
        if wait_on_timer(moment).await.is_err() {
            wait_a_while(moment).await;
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Moments for WallClock {
    async fn until(&self, moment: Timestamp) {
        wait_a_while(moment).await;
    }
}

#[cfg(target_os = "linux")]
async fn wait_on_timer(moment: Timestamp) -> std::io::Result<()> {
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    // A zero would switch the timer off.
    let seconds = moment.as_second().max(1);
    let value = Timespec { tv_sec: seconds, tv_nsec: i64::from(moment.subsec_nanosecond().max(0)) };
    let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
    timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET, &once)?;
    #[expect(deprecated, reason = "its successor is unsafe, and an owned descriptor stays what it is")]
    let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
    // Readable when the moment has come and when the clock was set: either way there is something to look at.
    let _ready = timer.readable().await?;
    Ok(())
}

/// Where the kernel has no such timer: looking at the clock every minute finds a clock that was set, too.
async fn wait_a_while(moment: Timestamp) {
    let ahead = std::time::Duration::try_from(moment.duration_since(SystemClock.now())).unwrap_or_default();
    tokio::time::sleep(ahead.min(std::time::Duration::from_secs(60))).await;
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[tokio::test]
    async fn moment_is_waited_for_and_one_that_has_passed_is_not() {
        let ahead = SystemClock.now() + SignedDuration::from_millis(120);
        WallClock.until(ahead).await;
        assert!(SystemClock.now() >= ahead);
        for past in [ahead, Timestamp::UNIX_EPOCH, Timestamp::MIN] {
            WallClock.until(past).await;
        }
    }
}
