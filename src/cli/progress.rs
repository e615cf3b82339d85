//! A progress bar on standard error, for people only: none when it is not a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far a command is. Dropping it takes the bar away.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar of `total` steps (0: not known yet) with a word of what is going on.
    pub fn new(total: u64, label: &str) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(5); // hides itself where there is no terminal
        let bar = ProgressBar::with_draw_target((total > 0).then_some(total), target);
        let style = ProgressStyle::with_template(
            "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(label.to_owned());
        Self(bar)
    }

    /// So many are done.
    pub fn set(&self, done: u64) {
        self.0.set_position(done);
    }

    /// So many there are.
    pub fn set_total(&self, total: u64) {
        self.0.set_length(total);
    }

    /// What is going on now.
    pub fn label(&self, label: &str) {
        self.0.set_message(label.to_owned());
    }

    /// Prints a line above the bar; where there is no bar, plainly on standard error.
    pub fn line(&self, line: &str) {
        self.0.suspend(|| eprintln!("{line}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
