//! The tables: every sound with its category, words, roots and relatives.

use dream_core::{Category, Form, Mode};

use super::{LoopSheet, Sheet};
use crate::synth::characters::Character::{
    self, Bright, Dark, Deep, Distorted, Lofi, Metallic, Soft, Wet, Wide,
};
use crate::synth::loops::{Score, drums, tonal};
use crate::synth::patch::Patch;
use crate::synth::recipes::{atmo, bass, fx, hat, kick, lead, pad, percussion, snare, stab, vocal};
use crate::synth::sound::Sound;

type Make = fn(&Patch) -> Sound;

/// An unpitched hit.
const fn hit(
    name: &'static str,
    category: Category,
    sound: Make,
    tags: &'static str,
    variations: u32,
    characters: &'static [Character],
) -> Sheet {
    let (notes, chord) = (&[], &[0]);
    let form = Form::OneShot;
    Sheet { name, category, form, sound, tags, notes, chord, variations, characters }
}

/// A long sound without pitch.
const fn bed(name: &'static str, category: Category, sound: Make, tags: &'static str) -> Sheet {
    Sheet { form: Form::Free, ..hit(name, category, sound, tags, 0, &[]) }
}

/// A note or a chord, once per root.
const fn tone(
    name: &'static str,
    category: Category,
    sound: Make,
    tags: &'static str,
    notes: &'static [u8],
    chord: &'static [i8],
) -> Sheet {
    Sheet { notes, chord, ..hit(name, category, sound, tags, 0, &[]) }
}

/// A loop; tempo in bpm, length in bars.
const fn groove(
    name: &'static str,
    category: Category,
    sound: fn(&Score) -> Sound,
    (bpm, bars): (u32, u32),
    key: Option<(i32, Mode)>,
    tags: &'static str,
) -> LoopSheet {
    LoopSheet { name, category, sound, tags, bpm, bars, key }
}

/// A single note.
const NOTE: &[i8] = &[0];
const MINOR: &[i8] = &[0, 3, 7];
const MINOR_OCTAVE: &[i8] = &[0, 3, 7, 12];
const MINOR_WIDE: &[i8] = &[0, 3, 7, 12, 15];
const MINOR_7: &[i8] = &[0, 3, 7, 10];
const MINOR_9: &[i8] = &[0, 3, 7, 10, 14];
const MAJOR_9: &[i8] = &[0, 4, 7, 11, 14];
const MAJOR_OCTAVE: &[i8] = &[0, 4, 7, 12];
const SUSPENDED: &[i8] = &[0, 5, 7, 12];
const POWER: &[i8] = &[0, 7, 12];
const POWER_WIDE: &[i8] = &[0, 7, 12, 19, 24];

use Category::{
    Atmo, Bass, Clap, Drums, Fx, Hihat, Kick, Lead, Pad, Percussion, Snare, Synth, Vocals,
};

/// Every one-shot and texture.
#[rustfmt::skip]
pub(super) const ONE_SHOTS: &[Sheet] = &[
    hit("kick_909", Kick, kick::kick_909, "punchy techno house", 2, &[Dark, Distorted]),
    hit("kick_808_deep", Kick, kick::kick_808_deep, "deep sub long lofi dnb", 1, &[]),
    hit("kick_808_short", Kick, kick::kick_808_short, "tight minimal house", 1, &[]),
    hit("kick_industrial", Kick, kick::kick_industrial, "distorted industrial hard techno", 2, &[Metallic]),
    hit("kick_hard_clip", Kick, kick::kick_hard_clip, "hard rave distorted industrial", 1, &[]),
    hit("kick_soft_deep", Kick, kick::kick_soft_deep, "soft deep warm dub ambient", 1, &[]),
    hit("kick_rumble", Kick, kick::kick_rumble, "rumble dark industrial techno", 0, &[]),
    hit("kick_lofi", Kick, kick::kick_lofi, "dusty lofi dark", 1, &[]),
    hit("kick_dnb", Kick, kick::kick_dnb, "tight punchy dnb", 1, &[Bright]),
    hit("kick_trance", Kick, kick::kick_trance, "clicky bright trance", 1, &[]),

    hit("snare_909", Snare, snare::snare_909, "crisp punchy techno trance", 1, &[Bright, Distorted]),
    hit("snare_808", Snare, snare::snare_808, "soft electro house", 1, &[Lofi]),
    hit("snare_dnb", Snare, snare::snare_dnb, "tight bright punchy dnb", 2, &[Metallic, Dark]),
    hit("snare_industrial", Snare, snare::snare_industrial, "distorted metallic industrial hard", 1, &[]),
    hit("snare_lofi", Snare, snare::snare_lofi, "dusty lofi dark", 1, &[Wet]),
    hit("snare_rim_brush", Snare, snare::snare_rim_brush, "soft brush lofi ambient", 1, &[]),

    hit("clap_808", Clap, snare::clap_808, "classic dry house electro", 1, &[]),
    hit("clap_909", Clap, snare::clap_909, "room techno house trance dub", 1, &[Dark, Wet]),
    hit("clap_industrial", Clap, snare::clap_industrial, "distorted hard industrial", 1, &[Metallic]),
    hit("clap_house_layer", Clap, snare::clap_house_layer, "tight bright house", 1, &[]),
    hit("snap_lofi", Clap, snare::snap_lofi, "snap soft lofi", 1, &[]),

    hit("hat_closed_808", Hihat, hat::hat_closed_808, "closed metallic house electro", 1, &[Soft]),
    hit("hat_closed_909", Hihat, hat::hat_closed_909, "closed crisp bright techno house trance dnb", 1, &[Dark, Distorted]),
    hit("hat_tick", Hihat, hat::hat_tick, "closed minimal soft dub", 1, &[]),
    hit("hat_industrial", Hihat, hat::hat_industrial, "closed metallic distorted industrial", 1, &[Wide]),
    hit("hat_lofi", Hihat, hat::hat_lofi, "closed lofi dark", 1, &[]),
    hit("hat_open_808", Hihat, hat::hat_open_808, "open metallic house electro", 1, &[]),
    hit("hat_open_909", Hihat, hat::hat_open_909, "open bright house techno trance", 1, &[Dark, Distorted]),
    hit("hat_open_noise", Hihat, hat::hat_open_noise, "open airy soft ambient", 1, &[]),

    hit("ride_909", Percussion, percussion::ride_909, "ride bright techno dnb", 0, &[]),
    hit("ride_bell_dark", Percussion, percussion::ride_bell_dark, "ride dark metallic industrial", 0, &[]),
    hit("crash_909", Percussion, percussion::crash_909, "crash bright techno trance", 0, &[]),
    hit("splash_dark", Percussion, percussion::splash_dark, "crash splash dark short", 0, &[]),
    hit("rim_808", Percussion, percussion::rim_808, "rim tight techno dub", 1, &[]),
    hit("clave", Percussion, percussion::clave, "clave wood bright house", 0, &[]),
    hit("woodblock", Percussion, percussion::woodblock, "woodblock wood lofi", 0, &[]),
    hit("tom_low", Percussion, percussion::tom_low, "tom deep tribal", 0, &[Distorted]),
    hit("tom_mid", Percussion, percussion::tom_mid, "tom tribal dnb", 0, &[]),
    hit("tom_high", Percussion, percussion::tom_high, "tom tribal", 0, &[]),
    hit("conga_fm", Percussion, percussion::conga_fm, "conga warm house tribal", 1, &[]),
    hit("perc_zap_fm", Percussion, percussion::perc_zap_fm, "zap techno industrial", 1, &[]),
    hit("tabla_bend", Percussion, percussion::tabla_bend, "tabla warm dub dnb", 0, &[]),
    hit("shaker", Percussion, percussion::shaker, "shaker soft house dub dnb", 0, &[Dark]),
    hit("tambourine", Percussion, percussion::tambourine, "tambourine shaker bright trance house", 0, &[]),
    hit("cowbell_808", Percussion, percussion::cowbell_808, "cowbell metallic house", 0, &[]),
    hit("anvil", Percussion, percussion::anvil, "metal metallic hard industrial", 0, &[Deep, Lofi]),
    hit("metal_pipe", Percussion, percussion::metal_pipe, "metal metallic industrial", 0, &[]),
    hit("triangle_fm", Percussion, percussion::triangle_fm, "metal bell glassy bright ambient", 0, &[]),

    tone("bass_sub_sine", Bass, bass::bass_sub_sine, "sub deep clean dub ambient lofi", &[29, 35], NOTE),
    tone("bass_reese", Bass, bass::bass_reese, "reese dark wide dnb", &[29, 35], NOTE),
    tone("bass_acid_saw", Bass, bass::bass_acid_saw, "acid resonant techno", &[33, 39], NOTE),
    tone("bass_acid_square", Bass, bass::bass_acid_square, "acid hollow techno", &[33, 39], NOTE),
    tone("bass_rolling", Bass, bass::bass_rolling, "rolling driving trance techno", &[31, 37], NOTE),
    tone("bass_fm_donk", Bass, bass::bass_fm_donk, "fm plucky bright house", &[33, 39], NOTE),
    tone("bass_fm_growl", Bass, bass::bass_fm_growl, "growl fm distorted dnb", &[29, 35], NOTE),
    tone("bass_house_organ", Bass, bass::bass_house_organ, "organ warm house", &[36, 30], NOTE),
    tone("bass_industrial", Bass, bass::bass_industrial, "distorted hard industrial techno", &[28, 34], NOTE),
    tone("bass_808_glide", Bass, bass::bass_808_glide, "sub deep 808 dnb lofi", &[29, 35], NOTE),

    tone("stab_dub_chord", Synth, stab::stab_dub_chord, "stab chord deep wet dub techno", &[53, 58], MINOR_7),
    tone("stab_dub_sus", Synth, stab::stab_dub_chord, "stab chord sus neutral deep wet dub techno", &[50], SUSPENDED),
    tone("stab_organ_house", Synth, stab::stab_organ_house, "stab chord organ warm house", &[57, 50], MINOR_OCTAVE),
    tone("stab_organ_major", Synth, stab::stab_organ_house, "stab chord organ major warm house", &[53], MAJOR_OCTAVE),
    tone("stab_piano_house", Synth, stab::stab_piano_house, "stab chord keys piano bright house rave", &[60, 65], &[-12, 0, 3, 7, 10]),
    tone("stab_supersaw", Synth, stab::stab_supersaw, "stab chord supersaw bright wide trance", &[57, 52], MINOR_WIDE),
    tone("stab_supersaw_power", Synth, stab::stab_supersaw, "stab chord power neutral supersaw bright wide trance", &[54], POWER),
    tone("stab_rave", Synth, stab::stab_rave, "stab chord rave hard bright dnb techno", &[50, 55], &[0, 7, 12, 15, 19]),
    tone("stab_rave_power", Synth, stab::stab_rave, "stab chord power neutral rave hard industrial", &[52], POWER_WIDE),
    tone("stab_techno_minor", Synth, stab::stab_techno_minor, "stab chord dark hypnotic techno", &[52, 57], MINOR),
    tone("stab_techno_power", Synth, stab::stab_techno_minor, "stab chord power neutral dark techno industrial", &[54], POWER),
    tone("stab_metal_fm", Synth, stab::stab_metal_fm, "stab metallic fm distorted industrial", &[50, 56], NOTE),
    tone("keys_lofi_ep", Synth, stab::keys_lofi_ep, "keys chord warm jazzy lofi", &[53, 58], MAJOR_9),
    tone("keys_lofi_minor", Synth, stab::keys_lofi_ep, "keys chord warm jazzy lofi deep house", &[50, 55], MINOR_9),
    tone("pluck_ks", Synth, lead::pluck_ks, "pluck acoustic warm ambient", &[57, 51], NOTE),
    tone("pluck_trance", Synth, lead::pluck_trance, "pluck arp bright trance", &[69, 63], NOTE),
    tone("pluck_fm_bell", Synth, lead::pluck_fm_bell, "pluck bell glassy bright ambient", &[64, 58], NOTE),
    tone("pluck_kalimba", Synth, lead::pluck_kalimba, "pluck wooden soft warm ambient lofi", &[62, 68], NOTE),

    tone("lead_hoover", Lead, lead::lead_hoover, "hoover rave aggressive hard techno dnb", &[57, 51], NOTE),
    tone("lead_saw_trance", Lead, lead::lead_saw_trance, "supersaw bright euphoric trance", &[69, 63], NOTE),
    tone("lead_square_lofi", Lead, lead::lead_square_lofi, "square soft warm lofi", &[64, 58], NOTE),
    tone("lead_acid_high", Lead, lead::lead_acid_high, "acid distorted techno", &[57, 51], NOTE),
    tone("lead_screech", Lead, lead::lead_screech, "screech hard distorted industrial", &[62, 56], NOTE),

    tone("pad_warm", Pad, pad::pad_warm, "chord warm deep house dub lofi", &[41, 46], &[0, 7, 12, 15, 19, 22]),
    tone("pad_dark", Pad, pad::pad_dark, "chord dark techno dnb industrial", &[38, 43], &[0, 7, 12, 15]),
    tone("pad_glass", Pad, pad::pad_glass, "sus neutral glassy bright ambient", &[57, 52], &[0, 7, 12, 14, 19]),
    tone("pad_strings", Pad, pad::pad_strings, "chord strings lush bright trance dnb", &[45, 40], &[0, 7, 12, 15, 19]),
    tone("pad_choir", Pad, pad::pad_choir, "chord choir vocal dark ambient", &[50, 55], &[-12, 0, 3, 7]),

    tone("drone_low", Atmo, pad::drone_low, "drone deep dark ambient", &[28, 33], NOTE),
    bed("drone_metal", Atmo, pad::drone_metal, "drone metallic industrial"),
    bed("atmo_noise_bed", Atmo, atmo::atmo_noise_bed, "noise texture dark techno"),
    bed("atmo_vinyl", Atmo, atmo::atmo_vinyl, "noise texture vinyl dusty lofi"),
    bed("atmo_machine_room", Atmo, atmo::atmo_machine_room, "noise texture mechanical industrial"),
    bed("atmo_rain_field", Atmo, atmo::atmo_rain_field, "noise texture rain bright ambient dub"),

    bed("fx_riser", Fx, fx::fx_riser, "riser tension build bright techno trance"),
    bed("fx_riser_short", Fx, fx::fx_riser_short, "riser tension build bright techno dnb"),
    bed("fx_downlifter", Fx, fx::fx_downlifter, "downlifter release bright techno trance"),
    bed("fx_impact", Fx, fx::fx_impact, "impact deep cinematic techno"),
    bed("fx_reverse_crash", Fx, fx::fx_reverse_crash, "reverse crash transition techno house"),
    bed("fx_noise_sweep", Fx, fx::fx_noise_sweep, "sweep noise techno house"),
    bed("fx_siren", Fx, fx::fx_siren, "siren rave dub dnb"),
    bed("fx_laser", Fx, fx::fx_laser, "zap laser rave"),
    bed("fx_sub_drop", Fx, fx::fx_sub_drop, "sub_drop sub deep dnb"),
    bed("fx_scrape", Fx, fx::fx_scrape, "scrape metallic industrial"),

    tone("vox_ah", Vocals, vocal::vox_ah, "vox ah bright house", &[57, 51], NOTE),
    tone("vox_oh_eh", Vocals, vocal::vox_oh_eh, "vox dark techno", &[50, 56], NOTE),
    tone("vox_chop_pitched", Vocals, vocal::vox_chop_pitched, "vox chop bright dnb", &[69, 63], NOTE),
    tone("vox_stutter", Vocals, vocal::vox_stutter, "vox stutter techno", &[53, 59], NOTE),
    tone("vox_choir_dark", Vocals, vocal::vox_choir_dark, "vox choir dark ambient", &[45], &[0, 7]),
];

/// The key of a minor loop, by the semitones of its tonic above C.
macro_rules! minor {
    ($tonic:literal) => {
        Some(($tonic, Mode::Minor))
    };
}

/// Every loop.
#[rustfmt::skip]
pub(super) const LOOPS: &[LoopSheet] = &[
    groove("drums_industrial", Drums, drums::industrial, (138, 4), None, "loop distorted hard dark industrial techno"),
    groove("drums_techno", Drums, drums::techno, (130, 4), None, "loop driving punchy techno"),
    groove("drums_house", Drums, drums::house, (124, 4), None, "loop groovy bright house"),
    groove("drums_dub", Drums, drums::dub, (122, 4), None, "loop deep soft dub techno"),
    groove("drums_dnb", Drums, drums::dnb, (174, 4), None, "loop break tight dnb"),
    groove("drums_trance", Drums, drums::trance, (138, 4), None, "loop driving bright trance"),
    groove("drums_lofi", Drums, drums::lofi, (84, 4), None, "loop dusty dark lofi"),
    groove("drums_breaks", Drums, drums::breaks, (140, 4), None, "loop break breakbeat"),
    groove("kick_rumble", Drums, drums::rumble, (132, 2), None, "loop kick rumble dark techno industrial"),
    groove("hats_techno", Hihat, drums::hats_techno, (130, 2), None, "loop closed open bright techno"),
    groove("ride_drive", Hihat, drums::ride_drive, (138, 2), None, "loop ride bright driving techno industrial"),
    groove("perc_metal", Percussion, drums::metal, (132, 4), None, "loop metal metallic industrial techno"),
    groove("perc_tribal", Percussion, drums::tribal, (124, 4), None, "loop tribal conga warm house"),
    groove("bass_rolling", Bass, tonal::bass_rolling, (138, 2), minor!(7), "loop rolling driving trance techno"),
    groove("bass_acid", Bass, tonal::bass_acid, (130, 4), minor!(9), "loop acid resonant techno"),
    groove("bass_reese", Bass, tonal::bass_reese, (174, 4), minor!(5), "loop reese dark dnb"),
    groove("bass_house", Bass, tonal::bass_house, (124, 4), minor!(0), "loop organ warm groovy house"),
    groove("bass_industrial", Bass, tonal::bass_industrial, (138, 2), minor!(4), "loop distorted hard industrial techno"),
    groove("dub_chords", Synth, tonal::dub_chords, (122, 4), minor!(5), "loop stab chord wet deep dub techno"),
    groove("arp_trance", Synth, tonal::arp_trance, (138, 4), minor!(9), "loop arp pluck bright trance"),
    groove("stab_techno", Synth, tonal::stab_techno, (132, 2), minor!(4), "loop stab chord dark hypnotic techno"),
    groove("keys_lofi", Synth, tonal::keys_lofi, (84, 4), Some((5, Mode::Major)), "loop keys chord warm jazzy lofi"),
    groove("pad_dark", Pad, tonal::pad_dark, (124, 8), minor!(2), "loop chord dark techno"),
    groove("snare_roll", Fx, drums::snare_roll, (132, 2), None, "loop snare_roll build tension techno trance"),
];
