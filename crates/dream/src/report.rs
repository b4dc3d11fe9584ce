//! The only place that prints: results to standard output, everything else to standard error.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use dream_core::Progress;
use dream_engine::{Error, Kind};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::json;
use tracing::Level;

use crate::args::Global;

/// How and how much to say.
pub(crate) struct Report {
    json: bool,
    quiet: bool,
    verbose: bool,
    bar: ProgressBar,
}

impl Report {
    /// Sets up logs and progress.
    pub(crate) fn new(global: &Global) -> Self {
        let level = match (global.quiet, global.verbose) {
            (true, _) => Level::ERROR,
            (_, 0) => Level::WARN,
            (_, 1) => Level::INFO,
            _ => Level::DEBUG,
        };
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .without_time()
            .init();
        let show = io::stderr().is_terminal() && !global.quiet;
        let target = if show { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} {eta}")
            .expect("the template is a constant that a test draws");
        bar.set_style(style);
        Self { json: global.json, quiet: global.quiet, verbose: global.verbose > 0, bar }
    }

    /// A handle for work to report to; draws a bar on a terminal only.
    pub(crate) fn progress(&self) -> Progress {
        let bar = self.bar.clone();
        Progress::new(move |done, total, what| {
            if bar.length() != Some(total) {
                bar.set_length(total);
            }
            if bar.message() != what {
                bar.set_message(what.to_owned());
            }
            bar.set_position(done);
        })
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Whether results are printed as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether details were asked for.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Prints a JSON document, on one line.
    pub(crate) fn document(&self, value: &impl Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string(value)?;
        self.print(&text);
        Ok(())
    }

    /// Ends the JSON of a command that goes item by item: its counts, and why it ended early if it did.
    pub(crate) fn totals(
        &self,
        counts: &impl Serialize,
        elapsed_s: f64,
        error: Option<&Error>,
    ) -> anyhow::Result<()> {
        if !self.json {
            return Ok(());
        }
        let mut summary = serde_json::to_value(counts)?;
        summary["summary"] = json!(true);
        summary["elapsed_s"] = json!(elapsed_s);
        summary["cancelled"] = json!(error.is_some_and(|error| error.kind() == Kind::Cancelled));
        if let Some(error) = error {
            summary["error"] = json!(dream_core::chain(error));
        }
        self.document(&summary)
    }

    /// Prints a line for a human.
    pub(crate) fn line(&self, text: &str) {
        if !self.json && !self.quiet {
            self.print(text);
        }
    }

    /// Prints what was asked for as such, even when quiet.
    pub(crate) fn answer(&self, text: &str) {
        if !self.json {
            self.print(text);
        }
    }

    /// Prints a text that is itself the result, whatever the format asked for.
    pub(crate) fn verbatim(&self, text: &str) {
        self.print(text);
    }

    /// Prints rows under a header, columns aligned.
    pub(crate) fn table(&self, header: &[&str], rows: &[Vec<String>]) {
        self.answer(table(header, rows).trim_end());
    }

    /// Says on standard error what went wrong.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        let chain = dream_core::chain(error.as_ref());
        self.complain(&chain);
    }

    /// Says on standard error what is not as it should be.
    pub(crate) fn complain(&self, text: &str) {
        self.bar.suspend(|| {
            // Nobody is left to tell when this fails.
            let _ = writeln!(io::stderr(), "dream: {}", escaped(text));
        });
    }

    fn print(&self, text: &str) {
        self.bar.suspend(|| {
            let mut out = io::stdout().lock();
            // A reader that has seen enough closes the pipe; the work goes on without it.
            let _ = writeln!(out, "{text}").and_then(|()| out.flush());
        });
    }
}

/// Prints help, the version, or what was wrong with the arguments.
pub(crate) fn usage(message: &clap::Error) {
    // A reader that has seen enough closes the pipe.
    let _ = message.print();
}

/// The text with control characters and changes of writing direction made visible: names of files come from
/// anywhere and must neither move the cursor nor reorder what stands beside them.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if c.is_control() || hidden {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Rows under a header, columns aligned.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(ToString::to_string).collect();
    let rows: Vec<Vec<String>> = std::iter::once(&header)
        .chain(rows)
        .map(|row| row.iter().map(|cell| escaped(cell)).collect())
        .collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..header.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_move_the_cursor_or_turn_the_text() {
        assert_eq!(escaped("new\nline\t\u{1b}[2J"), "new\\nline\\t\\u{1b}[2J");
        assert_eq!(escaped("rtl\u{202e}gpj.wav"), "rtl\\u{202e}gpj.wav");
        assert_eq!(escaped("ünï 日本 🔥.wav"), "ünï 日本 🔥.wav");
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["1".to_owned(), "kick".to_owned()], vec!["10".to_owned(), "x".to_owned()]];
        assert_eq!(table(&["id", "name"], &rows), "id  name\n1   kick\n10  x\n");
    }
}
