//! Loudness and true peak.
