//! The use cases, the job runner, configuration.
