//! Judging, for development only: signals, timbre, pitch and rhythm measured on plain slices.
//!
//! Shares no code with what it judges: everything here is written out from its definition, slow and plain.

pub mod fft;
pub mod pitch;
pub mod rhythm;
pub mod signal;
pub mod timbre;

/// Whether slow tests were asked for with `DREAM_SLOW=1`; says so on stderr when they were not.
pub fn slow(test: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "a switch of the test run, not configuration")]
    let asked = std::env::var("DREAM_SLOW").is_ok_and(|value| value == "1");
    if !asked {
        #[expect(clippy::print_stderr, reason = "a test that was left out must say so")]
        {
            eprintln!("{test}: left out, set DREAM_SLOW=1 to run it");
        }
    }
    asked
}
