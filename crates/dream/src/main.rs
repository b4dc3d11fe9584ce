//! The `dream` command.
//!
//! Reads its arguments, opens the engine, calls it, reports. Exit codes: 0 done, 1 failed, 2 wrong usage, 130
//! cancelled.

mod analyse;
mod args;
mod care;
mod commands;
mod compose;
mod cycle;
mod eval;
mod generate;
mod jobs;
mod models;
mod report;
mod search;
mod separate;
mod serve;
mod train;
mod view;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use dream_core::Progress;
use dream_engine::config::Flags;
use dream_engine::{Clock, Config, Engine, Kind, runner};

use args::{Args, Command};
use report::Report;

/// A server renders for months on many threads: what they free has to go back, which glibc's arenas do not do.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Something could not be done.
const FAILED: u8 = 1;

/// The work was stopped on request.
const CANCELLED: u8 = 130;

fn main() -> ExitCode {
    let args = match Args::try_parse().and_then(Args::checked) {
        Ok(args) => args,
        Err(usage) => {
            report::usage(&usage);
            return ExitCode::from(usage.exit_code() as u8);
        }
    };
    let report = Report::new(&args.global);
    match run(&args, &report) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => {
            report.error(&error);
            let kind = error.downcast_ref::<dream_engine::Error>().map(dream_engine::Error::kind);
            ExitCode::from(if kind == Some(Kind::Cancelled) { CANCELLED } else { FAILED })
        }
    }
}

/// Runs the command; whether all of it could be done.
fn run(args: &Args, report: &Report) -> anyhow::Result<bool> {
    let flags = Flags {
        home: args.global.home.clone(),
        config: args.global.config.clone(),
        threads: args.threads(),
        starter: args.command.starter(),
        bind: args.command.bind(),
        api_key: args.command.api_key(),
    };
    let config = Config::load(&flags).map_err(dream_engine::Error::from)?;
    let progress = report.progress();
    stop_on_signal(progress.clone())?;
    if let Command::Serve(what) = &args.command {
        return serve::serve(open(config)?, what, &progress, report);
    }
    if let Command::Restore(what) = &args.command {
        // Not opened: that would make the home.
        return care::restore(&config.home, what, &progress, report);
    }
    let threads = config.threads;
    runner::in_pool(threads, || match &args.command {
        Command::Compose(what) => compose::compose(&open(config)?, what, &progress, report),
        Command::Render(what) => compose::render(&open(config)?, what, &progress, report),
        Command::Analyse(what) => analyse::analyse(&config, what, &progress, report),
        Command::Ingest(what) if what.separate => {
            separate::ingest(&open(config)?, what, &progress, report)
        }
        Command::Ingest(what) => commands::ingest(&open(config)?, what, &progress, report),
        Command::Separate(what) => separate::separate(&open(config)?, what, &progress, report),
        Command::Train(what) => train::train(&open(config)?, what, &progress, report),
        Command::Generate(what) => generate::generate(&open(config)?, what, &progress, report),
        Command::Cycle(what) => cycle::cycle(&open(config)?, what, &progress, report),
        Command::Eval(what) => eval::eval(&open(config)?, what, &progress, report),
        Command::Stems(what) => commands::stems(&open(config)?, what, &progress, report),
        Command::Models(what) => models::models(&open(config)?, what, &progress, report),
        Command::Jobs(what) => jobs::jobs(&open(config)?, what, &progress, report),
        Command::Search(what) => search::search(&open(config)?, what, report),
        Command::Serve(_) | Command::Restore(_) => unreachable!("it has no pool of its own"),
        Command::Fsck(what) => care::fsck(&open(config)?, what, &progress, report),
        Command::Backup(what) => care::backup(&open(config)?, what, &progress, report),
        Command::Stats => commands::stats(&open(config)?, report),
        Command::Doctor => commands::doctor(&open(config)?, report),
    })?
}

fn open(config: Config) -> anyhow::Result<Engine> {
    Ok(Engine::open(config, Clock::System)?)
}

/// The first signal asks the work to stop, the second does not wait for it.
fn stop_on_signal(progress: Progress) -> anyhow::Result<()> {
    ctrlc::set_handler(move || {
        if progress.check().is_err() {
            #[expect(clippy::exit, reason = "the user asked twice; what is written stays whole")]
            std::process::exit(i32::from(CANCELLED));
        }
        progress.cancel();
    })
    .context("watch for signals")
}
