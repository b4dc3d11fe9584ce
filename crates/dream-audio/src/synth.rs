//! Synthesis: the building blocks and the recipes of the starter kit.
//!
//! A recipe is a function from a patch (seed, note, knobs) to a sound; it is written as the formula it is,
//! from oscillators, envelopes, filters and spaces. `kit` lists what there is and renders it; everything
//! else in here serves it. All sound is `f32` at 44.1 kHz, filter states and phases are `f64`; times are seconds,
//! frequencies Hz, decays T60. Rendering is a pure function of name and seed: no clock, no global state.

pub mod kit;

mod characters;
mod curve;
mod drive;
mod dynamics;
mod filter;
mod finish;
mod loops;
mod metal;
mod noise;
mod osc;
mod patch;
mod pluck;
mod recipes;
mod sound;
mod space;
mod voice;
