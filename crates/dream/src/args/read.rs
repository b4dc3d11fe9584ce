//! How what is typed is read.

use dream_core::{Bpm, Category, Form, Key, Source};
use dream_engine::{Sort, Status};

/// A value, or the word `none`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maybe<T>(pub(crate) Option<T>);

/// A range of tempos in bpm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BpmRange {
    pub(crate) min: f64,
    pub(crate) max: f64,
}

pub(super) fn category(text: &str) -> Result<Category, String> {
    Category::parse(text).ok_or_else(|| one_of(Category::ALL))
}

pub(super) fn source(text: &str) -> Result<Source, String> {
    Source::parse(text).ok_or_else(|| one_of(Source::ALL))
}

pub(super) fn status(text: &str) -> Result<Status, String> {
    let names: Vec<&str> = Status::ALL.iter().map(|status| status.name()).collect();
    let found = Status::ALL.iter().find(|status| status.name() == text);
    found.copied().ok_or_else(|| one_of(&names))
}

pub(super) fn form(text: &str) -> Result<Form, String> {
    Form::ALL.iter().find(|form| form.name() == text).copied().ok_or_else(|| one_of(Form::ALL))
}

pub(super) fn learned(text: &str) -> Result<Form, String> {
    match form(&text.replace('-', "_")) {
        Ok(form @ (Form::OneShot | Form::Loop)) => Ok(form),
        Ok(Form::Free) | Err(_) => Err("one-shot or loop".to_owned()),
    }
}

pub(super) fn sort(text: &str) -> Result<Sort, String> {
    let found = Sort::ALL.iter().find(|(name, _)| *name == text).map(|(_, sort)| *sort);
    let names: Vec<&str> = Sort::ALL.iter().map(|(name, _)| *name).collect();
    found.ok_or_else(|| one_of(&names))
}

pub(super) fn one_of(values: &[impl ToString]) -> String {
    let names: Vec<String> = values.iter().map(ToString::to_string).collect();
    format!("one of {}", names.join(", "))
}

pub(super) fn unit(text: &str) -> Result<f32, String> {
    let value = text.parse().ok().filter(|value| (0.0..=1.0).contains(value));
    value.ok_or_else(|| "a number from 0 to 1".to_owned())
}

pub(super) fn tempo(text: &str) -> Result<Bpm, String> {
    let bpm = text.parse().map_err(|_| "a tempo in bpm".to_owned())?;
    Bpm::new(bpm).map_err(|error| error.to_string())
}

pub(super) fn minutes(text: &str) -> Result<f64, String> {
    let minutes = text.parse().ok().filter(|minutes| (0.5..=30.0).contains(minutes));
    minutes.ok_or_else(|| "a number of minutes from 0.5 to 30".to_owned())
}

pub(super) fn preview(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (1.0..=600.0).contains(seconds));
    seconds.ok_or_else(|| "a number of seconds from 1 to 600".to_owned())
}

pub(super) fn loudness(text: &str) -> Result<f64, String> {
    match text {
        "club" => Ok(-8.5),
        "default" => Ok(-10.0),
        "streaming" => Ok(-14.0),
        number => number
            .parse()
            .ok()
            .filter(|lufs| (-40.0..=-5.0).contains(lufs))
            .ok_or_else(|| "one of club, default, streaming, or -40 to -5 LUFS".to_owned()),
    }
}

pub(super) fn rating(text: &str) -> Result<i32, String> {
    match text {
        "+1" | "1" => Ok(1),
        "0" => Ok(0),
        "-1" => Ok(-1),
        _ => Err("one of +1, 0, -1".to_owned()),
    }
}

pub(super) fn learning_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| *rate > 0.0 && *rate <= 0.1);
    rate.ok_or_else(|| "a number above 0 and at most 0.1".to_owned())
}

pub(super) fn temperature(text: &str) -> Result<f32, String> {
    let value = text.parse::<f32>().ok().filter(|value| *value > 0.0 && *value <= 2.0);
    value.ok_or_else(|| "a number above 0 and at most 2".to_owned())
}

pub(super) fn overlap(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=0.9).contains(share));
    share.ok_or_else(|| "a number from 0 to 0.9".to_owned())
}

pub(super) fn bpm_range(text: &str) -> Result<BpmRange, String> {
    let number = |text: &str, open: f64| match text.trim() {
        "" => Some(open),
        text => text.parse::<f64>().ok().filter(|bpm| bpm.is_finite() && *bpm >= 0.0),
    };
    let range = match text.split_once("..") {
        Some((min, max)) => number(min, 0.0).zip(number(max.trim_start_matches('='), 1_000.0)),
        None => number(text, f64::NAN).map(|bpm| (bpm - 0.5, bpm + 0.5)),
    };
    let range = range.filter(|(min, max)| min <= max).map(|(min, max)| BpmRange { min, max });
    range.ok_or_else(|| "a range such as 120..140".to_owned())
}

pub(super) fn maybe_bpm(text: &str) -> Result<Maybe<Bpm>, String> {
    if text == "none" {
        return Ok(Maybe(None));
    }
    tempo(text).map(|bpm| Maybe(Some(bpm)))
}

pub(super) fn maybe_key(text: &str) -> Result<Maybe<Key>, String> {
    if text == "none" {
        return Ok(Maybe(None));
    }
    Key::parse(text).map(|key| Maybe(Some(key))).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tempo_ranges_are_read_in_every_form() {
        let check = |text: &str, min: f64, max: f64| {
            assert_eq!(bpm_range(text), Ok(BpmRange { min, max }), "{text}");
        };
        check("120..140", 120.0, 140.0);
        check("120..", 120.0, 1_000.0);
        check("..140.5", 0.0, 140.5);
        check("138", 137.5, 138.5);
        for bad in ["", "fast", "140..120", "1..x", "nan"] {
            assert!(bpm_range(bad).is_err(), "{bad:?}");
        }
    }
}
