//! How far runs are, while they go on: a line each on a terminal, a log line now and then elsewhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::task::AbortHandle;

use super::summary::count;
use crate::model::Progress;
use crate::sync::Gauge;

const REDRAW_EVERY: Duration = Duration::from_millis(200);
const LOG_EVERY: Duration = Duration::from_secs(10);

/// A run that is watched, until this is dropped.
pub(super) struct Watch {
    task: AbortHandle,
    line: Option<ProgressBar>,
}

impl Watch {
    /// Shows how far a run is.
    pub(super) fn start(name: &str, gauge: Arc<Gauge>, screen: Option<&MultiProgress>) -> Watch {
        let line = screen.map(|screen| screen.add(new_line(name)));
        let (bar, name, clock) = (line.clone(), name.to_owned(), Instant::now());
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(if bar.is_some() { REDRAW_EVERY } else { LOG_EVERY });
            ticks.tick().await;
            loop {
                ticks.tick().await;
                let progress = gauge.snapshot();
                match &bar {
                    Some(line) => {
                        line.set_message(sentence(progress, clock.elapsed()));
                        line.tick();
                    }
                    None => log(&name, progress),
                }
            }
        });
        Watch { task: task.abort_handle(), line }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }
}

/// A line for one run.
pub(super) fn new_line(name: &str) -> ProgressBar {
    let line = ProgressBar::new_spinner().with_prefix(name.to_owned()).with_message("starting");
    match ProgressStyle::with_template("{spinner} {prefix}  {msg}") {
        Ok(style) => line.with_style(style),
        Err(_) => line,
    }
}

/// How far a run is.
pub(super) fn sentence(progress: Progress, elapsed: Duration) -> String {
    let rate = progress.rows_read as f64 / elapsed.as_secs_f64().max(0.001);
    format!(
        "{} requests · {} rows · {} rows/s · checkpoint {}",
        count(progress.requests),
        count(progress.rows_read),
        count(rate as u64),
        count(progress.committed.checkpoints),
    )
}

fn log(name: &str, progress: Progress) {
    tracing::info!(
        connection = name,
        requests = progress.requests,
        rows = progress.rows_read,
        checkpoints = progress.committed.checkpoints,
        "running"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Counts;

    #[test]
    fn a_progress_line_has_requests_rows_their_rate_and_the_checkpoint() {
        let committed = Counts { checkpoints: 3, ..Counts::default() };
        let progress = Progress { requests: 12, rows_read: 3_400, committed, ..Progress::default() };
        let expected = "12 requests · 3,400 rows · 1,700 rows/s · checkpoint 3";
        assert_eq!(sentence(progress, Duration::from_secs(2)), expected);
    }
}
