//! `netc bench --serve`: measuring when asked, line by line.

use std::io::{self, BufRead, Read};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::console::{self, Failure};
use super::super::engine::Engine;
use super::memory;
use crate::diagnostic::{Diagnostic, codes};
use crate::runtime::Tensor;

/// Bytes of a line: a number of seconds takes fewer.
const MAX_LINE: u64 = 256;
/// Seconds of a turn.
const MAX_BUDGET: f64 = 3600.0;
/// Runs of a turn, so that its times fit the memory.
const MAX_RUNS: usize = 1_000_000;

/// Says that the net is ready, then measures once for each line of the standard input until it ends.
pub fn serve(engine: &Engine, inputs: &[Tensor]) -> Result<(), Failure> {
    say(&json!({
        "ready": true,
        "compile_ms": rounded(1e3 * engine.compile_seconds),
        "bind_ms": rounded(1e3 * engine.bind_seconds),
        "peak_rss_mb": memory::peak().map(|bytes| bytes >> 20),
    }))?;
    let mut stdin = io::stdin().lock();
    while let Some(budget) = next_budget(&mut stdin)? {
        let begin = Instant::now();
        let mut times = Vec::new();
        loop {
            let start = Instant::now();
            engine.run_tensors(inputs)?;
            times.push(rounded(1e3 * start.elapsed().as_secs_f64()));
            if begin.elapsed() >= budget || times.len() >= MAX_RUNS {
                break;
            }
        }
        say(&json!({ "ms": times }))?;
    }
    Ok(())
}

/// The number of seconds on the next line.
fn next_budget(input: &mut impl BufRead) -> Result<Option<Duration>, Diagnostic> {
    let mut line = Vec::new();
    let fail = |reason: String| {
        let message = format!("cannot use the standard input: {reason}");
        Diagnostic::without_place(codes::INPUT_FILE, message)
    };
    input
        .by_ref()
        .take(MAX_LINE)
        .read_until(b'\n', &mut line)
        .map_err(|error| fail(error.to_string()))?;
    if line.is_empty() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&line);
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=MAX_BUDGET).contains(&seconds) => {
            Ok(Some(Duration::from_secs_f64(seconds)))
        }
        _ => {
            let text = console::visible(text);
            let reason = format!("`{text}` is not a number of seconds from 0 to {MAX_BUDGET}");
            Err(fail(reason))
        }
    }
}

/// One line. Unlike for other commands it is a fault if nobody is left to read it: the times were asked for.
fn say(value: &Value) -> Result<(), Failure> {
    console::print(&format!("{value}\n")).map_err(|failure| match failure {
        Failure::ClosedPipe => Diagnostic::without_place(
            codes::OUTPUT_FILE,
            "nobody reads the standard output any more, but there are times to tell",
        )
        .into(),
        failure => failure,
    })
}

/// To four decimals, a tenth of a microsecond.
fn rounded(ms: f64) -> f64 {
    (1e4 * ms).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(text: &str) -> Result<Option<Duration>, String> {
        next_budget(&mut text.as_bytes()).map_err(|diagnostic| diagnostic.message)
    }

    #[test]
    fn a_line_is_a_number_of_seconds() {
        assert_eq!(budget("0.25\n1\n"), Ok(Some(Duration::from_millis(250))));
        assert_eq!(budget("1"), Ok(Some(Duration::from_secs(1))));
        assert_eq!(budget(""), Ok(None));
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "1".repeat(10_000);
        for line in [
            "\n",
            "soon\n",
            "-1\n",
            "inf\n",
            "NaN\n",
            "1e9\n",
            "\u{1b}[2J\n",
            &long,
        ] {
            let said = budget(line).expect_err(line);
            assert!(said.contains("is not a number of seconds"), "{said}");
            assert!(said.len() < 1000 && !said.contains('\u{1b}'), "{said}");
        }
    }
}
