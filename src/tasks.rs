//! Tasks that are watched: one that panics, or ends before it should, is told of, so that whoever started it ends in
//! order.

use std::sync::{Arc, OnceLock};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Tasks that live as long as their owner. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    died: Arc<Died>,
}

#[derive(Debug, Default)]
struct Died {
    name: OnceLock<String>,
    told: CancellationToken,
}

impl Tasks {
    /// Starts one. It may end at any time, but not by a panic.
    pub fn spawn(&self, name: impl Into<String>, work: impl Future<Output = ()> + Send + 'static) {
        let guard = self.guard(name.into());
        self.tracker.spawn(async move {
            work.await;
            guard.end();
        });
    }

    /// Starts one that has to go on until `stop`.
    pub fn spawn_until(
        &self,
        stop: &CancellationToken,
        name: impl Into<String>,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let (guard, stop) = (self.guard(name.into()), stop.clone());
        self.tracker.spawn(async move {
            work.await;
            if stop.is_cancelled() {
                guard.end();
            }
        });
    }

    /// Starts one on a thread of its own.
    pub fn spawn_blocking(&self, name: impl Into<String>, work: impl FnOnce() + Send + 'static) {
        let guard = self.guard(name.into());
        self.tracker.spawn_blocking(move || {
            work();
            guard.end();
        });
    }

    fn guard(&self, name: String) -> Guard {
        Guard {
            name: Some(name),
            died: self.died.clone(),
        }
    }

    /// The name of the first that died; waits until one does. Cancel safe.
    pub async fn died(&self) -> String {
        self.died.told.cancelled().await;
        self.died.name.get().cloned().unwrap_or_default()
    }

    /// Waits until all have ended.
    pub async fn end(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Tells of a task that is dropped before its end: by a panic, or because it returned too early.
struct Guard {
    name: Option<String>,
    died: Arc<Died>,
}

impl Guard {
    fn end(mut self) {
        self.name = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            _ = self.died.name.set(name);
            self.died.told.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_named() {
        let tasks = Tasks::default();
        tasks.spawn("quiet", async {});
        tasks.spawn("scheduler", async { panic!("as a test wants it") });
        assert_eq!(tasks.died().await, "scheduler");
        tasks.end().await;
    }

    #[tokio::test]
    async fn a_task_that_ends_early_is_named_and_one_that_was_stopped_is_not() {
        let (tasks, stop) = (Tasks::default(), CancellationToken::new());
        tasks.spawn_until(&stop, "desk", stop.clone().cancelled_owned());
        stop.cancel();
        tasks.end().await;
        assert!(!tasks.died.told.is_cancelled());
        tasks.spawn_until(&CancellationToken::new(), "watcher", async {});
        assert_eq!(tasks.died().await, "watcher");
    }

    #[tokio::test]
    async fn so_is_a_thread() {
        let tasks = Tasks::default();
        tasks.spawn_blocking("trace", || panic!("as a test wants it"));
        assert_eq!(tasks.died().await, "trace");
    }
}
