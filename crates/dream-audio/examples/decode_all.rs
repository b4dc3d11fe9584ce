//! Decodes files and prints one line for each: what it is, or why not.

#![expect(clippy::print_stdout, reason = "printing is all this does")]

use std::path::Path;

use dream_audio::decode::{Limits, decode_file};

fn main() {
    for argument in std::env::args_os().skip(1) {
        let path = Path::new(&argument);
        let name = path.file_name().unwrap_or(path.as_os_str()).display();
        match decode_file(path, &Limits::default()) {
            Ok(decoded) => println!(
                "ok    {name}: {}, {} Hz, {} channels, {} frames{}{}",
                decoded.format,
                decoded.clip.rate().0,
                decoded.clip.channels(),
                decoded.clip.len(),
                if decoded.warnings.is_empty() { "" } else { "; " },
                decoded.warnings.join("; "),
            ),
            Err(error) => println!("error {name}: {}", dream_core::chain(&error)),
        }
    }
}
