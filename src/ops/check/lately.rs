//! A test that has just passed: between a plan and the yes to it, Halo is not asked the same questions twice.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use super::passed::Passed;
use crate::domain::check::CheckReport;
use crate::domain::configuration::ConfigurationId;
use crate::domain::plan::Basis;
use crate::halo::HaloApi;
use crate::ops::Workspace;

/// For how long it counts. What Halo holds is read anew before each write all the same.
const LATELY: Duration = Duration::from_secs(60);

/// What a test is about: whose it is, with what it signs in, and what is asked for.
pub(in crate::ops) fn about(id: &ConfigurationId, halo: &HaloApi, asked: &str) -> Basis {
    Basis::of(&(id, halo.signs_in_with(), asked))
}

/// Keeps a test that has passed for the plan which it was made for.
pub(in crate::ops) fn keep(workspace: &Workspace, about: Basis, report: &CheckReport) {
    let passed = report.ok.then(|| Passed { about, report: report.clone(), at: Instant::now() });
    *workspace.passed.lock().unwrap_or_else(PoisonError::into_inner) = passed;
}

/// The same test, where it passed less than a minute ago. It counts once.
pub(in crate::ops) fn take(workspace: &Workspace, about: Basis) -> Option<CheckReport> {
    let passed = workspace.passed.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    (passed.about == about && passed.at.elapsed() < LATELY).then_some(passed.report)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::configuration::ApiCredentials;
    use crate::domain::secret::Secret;
    use crate::ops::SystemClock;
    use crate::settings::{Environment, Paths};

    /// A test counts once, for a minute, for the same login and the same questions, and only where it passed.
    #[tokio::test(start_paused = true)]
    async fn passed_test_counts_once_for_minute_and_for_same_login() {
        let folder = tempfile::tempdir().unwrap();
        let workspace =
            Workspace::open(Paths::below(folder.path()), Environment::default(), Arc::new(SystemClock)).unwrap();
        let id: ConfigurationId = "acme".parse().unwrap();
        let mut api = crate::app::testing::configuration("Acme").api;
        let of = |api: &ApiCredentials, secret: &str, asked: &str| {
            about(&id, &workspace.connect(Some(&id), api, Secret::new(secret)).unwrap(), asked)
        };
        let report = crate::app::testing::passed();
        let same = of(&api, "secret", "all");
        keep(&workspace, same, &report);
        assert_eq!(take(&workspace, of(&api, "secret", "all")), Some(report.clone()));
        assert_eq!(take(&workspace, same), None, "once");
        keep(&workspace, same, &report);
        assert_eq!(take(&workspace, of(&api, "another", "all")), None);
        keep(&workspace, same, &report);
        assert_eq!(take(&workspace, of(&api, "secret", "webhooks")), None);
        keep(&workspace, same, &report);
        api.client_id.push('x');
        assert_eq!(take(&workspace, of(&api, "secret", "all")), None);
        keep(&workspace, same, &report);
        tokio::time::advance(LATELY).await;
        assert_eq!(take(&workspace, same), None, "a minute is over");
        keep(&workspace, same, &crate::app::testing::failed());
        assert_eq!(take(&workspace, same), None, "it did not pass");
    }
}
