//! Samples to WAV.
