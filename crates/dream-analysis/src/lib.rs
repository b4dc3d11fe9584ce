//! Listening: facts from a clip.
