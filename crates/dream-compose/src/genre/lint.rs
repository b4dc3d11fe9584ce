//! Rules that the genre data must keep. A broken one is answered with the key and the problem.

use super::{Core, Genre, Lane, SectionKind};
use crate::pattern::Fill;

type Broken = (&'static str, String);

pub(super) fn genre(genre: &Genre) -> Result<(), Broken> {
    let [low, high, usual] = genre.bpm;
    need(
        low <= usual && usual <= high && low >= 20.0 && high <= 400.0,
        "bpm",
        "lowest, highest, usual",
    )?;
    let [low, high, usual] = genre.swing;
    need(50.0 <= low && low <= usual && usual <= high && high <= 73.0, "swing", "50 to 73")?;
    need(!genre.scales.is_empty(), "scales", "none")?;
    need((-30.0..=-6.0).contains(&genre.loudness_lufs), "loudness_lufs", "-30 to -6")?;
    need(matches!(genre.unit_bars, 4 | 8), "unit_bars", "4 or 8")?;
    need(matches!(genre.phrase_bars, 8 | 16), "phrase_bars", "8 or 16")?;
    need(matches!(genre.fill_bars, 0 | 4 | 8 | 16), "fill_bars", "0, 4, 8 or 16")?;
    drums(genre)?;
    for (key, fills, beats) in
        [("fill1", &genre.fill1, 1.0), ("fill2", &genre.fill2, 2.0), ("fill4", &genre.fill4, 4.0)]
    {
        self::fills(key, fills, beats)?;
    }
    tonal(genre)?;
    sections(genre)
}

fn drums(genre: &Genre) -> Result<(), Broken> {
    for (lane, alternatives) in &genre.drums {
        need(lane.is_drum(), lane.name(), "is no drum lane")?;
        let mut ids: Vec<char> = alternatives.iter().map(|one| one.id).collect();
        ids.sort_unstable();
        ids.dedup();
        need(ids.len() == alternatives.len(), lane.name(), "a letter is used twice")?;
        for one in alternatives {
            need(one.grid.density() > 0, lane.name(), "a kick, or any lane, needs a hit")?;
        }
    }
    if genre.fill_bars > 0 {
        let kicks = genre.drums.get(&Lane::Kick).map_or(&[][..], Vec::as_slice);
        for tenth in 2..=10 {
            let energy = f64::from(tenth) / 10.0;
            let found = kicks.iter().any(|one| !one.is_variation() && one.distance(energy) <= 0.0);
            need(found, "kick", &format!("no kick for energy {energy}"))?;
        }
    }
    Ok(())
}

fn fills(key: &'static str, fills: &[Fill], beats: f64) -> Result<(), Broken> {
    let letters: String = fills.iter().map(|fill| fill.letter).collect();
    need(letters == "ABC", key, "three fills A, B and C")?;
    for fill in fills {
        for (lane, grid) in &fill.lanes {
            need(lane.is_drum(), key, "a fill is played by drums")?;
            let whole = (beats * 4.0) as usize;
            let fits = grid.len() == whole || grid.len() * 4 == whole * 3;
            need(fits, key, &format!("{} steps of {}", grid.len(), lane.name()))?;
        }
        if fill.letter == 'C' || fill.lanes.is_empty() {
            continue;
        }
        let mut hits: Vec<_> = fill.hits(beats).flat_map(|(_, hits)| hits).collect();
        hits.sort_by(|a, b| a.beat.total_cmp(&b.beat));
        let leads = hits.last().is_some_and(|hit| hit.beat >= beats - 0.5 - 1e-9);
        need(leads, key, &format!("{} has no hit in the last two sixteenths", fill.letter))?;
    }
    Ok(())
}

fn tonal(genre: &Genre) -> Result<(), Broken> {
    for tenth in 4..=10 {
        let energy = f64::from(tenth) / 10.0;
        let found = genre.bass.iter().any(|line| line.distance(energy) <= 0.0);
        need(found, "bass", &format!("no bass for energy {energy}"))?;
    }
    let [low, high] = genre.bass_register;
    need(
        20 <= low && high <= 60 && high - low >= 10,
        "bass_register",
        "20 to 60, 10 or more apart",
    )?;
    let [low, high] = genre.hook_register;
    need(
        36 <= low && high <= 100 && high - low >= 12,
        "hook_register",
        "36 to 100, an octave apart",
    )?;
    need(genre.bass_gate.iter().all(|gate| (0.1..=1.0).contains(gate)), "bass_gate", "0.1 to 1")?;
    need(!genre.progressions.is_empty(), "progressions", "none")?;
    need(!genre.stabs.is_empty() && !genre.cells.is_empty(), "stabs", "no stab or no cell")
}

fn sections(genre: &Genre) -> Result<(), Broken> {
    need(!genre.sections.is_empty(), "sections", "none")?;
    for (section, next) in
        genre.sections.iter().zip(genre.sections.iter().skip(1).map(Some).chain([None]))
    {
        let name = &section.name;
        let whole = section.bars > 0 && section.bars % genre.unit_bars == 0;
        need(whole, "sections", &format!("{name}: {} bars", section.bars))?;
        let inside = section.energy.iter().all(|energy| (0.0..=1.0).contains(energy));
        need(inside, "sections", &format!("{name}: energy"))?;
        for spec in &section.lanes {
            let last = section.bars;
            let inside = |bar: i32| bar.unsigned_abs() <= last;
            let fits = inside(spec.from) && spec.to.is_none_or(inside);
            need(fits, "sections", &format!("{name}: {} leaves the section", spec.lane.name()))?;
            let known = !spec.lane.is_drum() || genre.drums.contains_key(&spec.lane);
            need(known, "sections", &format!("{name}: no grid for {}", spec.lane.name()))?;
        }
        for effect in &section.fx {
            let fits = effect.bars <= section.bars;
            need(fits, "sections", &format!("{name}: an effect is longer than the section"))?;
        }
        let drops = next.is_some_and(|next| next.kind == SectionKind::Drop);
        if section.kind == SectionKind::Build {
            need(drops, "sections", &format!("{name}: a build leads into a drop"))?;
        }
    }
    for lane in &genre.required {
        let used = genre.sections.iter().flat_map(|section| &section.lanes);
        let found = used.into_iter().any(|spec| spec.lane == *lane);
        need(found, "required", &format!("{} plays nowhere", lane.name()))?;
    }
    Ok(())
}

pub(super) fn core(core: &Core) -> Result<(), Broken> {
    need(core.roll.len() == 8 && core.roll_velocity.len() == 8, "roll", "eight bars")?;
    need(core.roll_soft.len() == 8, "roll_soft", "eight bars")?;
    for arp in core.arps.values() {
        let sound = arp.len() == 16 && arp.chars().all(|c| c == '.' || c.is_ascii_digit());
        need(sound, "arps", &format!("{arp:?} is not 16 digits or rests"))?;
    }
    for names in core.colours.values() {
        let known = names.iter().all(|name| core.voicings.contains_key(name));
        need(known, "colours", &format!("{names:?}"))?;
    }
    need(core.voicings.values().all(|voicing| !voicing.is_empty()), "voicings", "an empty one")?;
    need(core.colours.len() == 13, "colours", "one of thirteen is missing")?;
    need(!core.contours.is_empty() && !core.forms.is_empty(), "contours", "none")?;
    for form in core.forms.keys() {
        let units = form.chars().filter(|c| *c != '\'').collect::<String>();
        let sound = units.len() == 4 && units.chars().all(|c| matches!(c, 'A' | 'B'));
        need(sound, "forms", &format!("{form:?}"))?;
    }
    for lane in Lane::ALL {
        need(!lane.is_drum() || core.drums.contains_key(lane), "drums", lane.name())?;
        need(core.sounds.contains_key(lane), "sounds", &format!("none for {}", lane.name()))?;
    }
    Ok(())
}

fn need(ok: bool, key: &'static str, problem: &str) -> Result<(), Broken> {
    if ok { Ok(()) } else { Err((key, problem.to_owned())) }
}
