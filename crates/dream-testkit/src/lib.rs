//! Judging, for development only: signals, tolerances, fingerprints.
