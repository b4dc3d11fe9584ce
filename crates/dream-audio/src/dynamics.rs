//! Compressor, clipper and look-ahead true-peak limiter.
