//! The `dream` command.
fn main() {}
