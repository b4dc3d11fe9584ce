//! Decodes files and prints one line for each: what it is, or why not. With `--to FOLDER` it also writes what it
//! decoded, as WAV of 32-bit floats, for comparison with another decoder.

#![expect(clippy::print_stdout, reason = "printing is all this does")]

use std::ffi::OsString;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use dream_audio::Error;
use dream_audio::decode::{Decoded, Limits, decode_file};
use dream_audio::encode::{Bits, write_wav};
use dream_core::Seed;

fn main() {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let folder = arguments.iter().position(|argument| argument == "--to").map(|option| {
        arguments.remove(option);
        PathBuf::from(arguments.remove(option))
    });
    for path in arguments.iter().map(Path::new) {
        let name = path.file_name().unwrap_or(path.as_os_str()).display();
        let decoded = decode_file(path, &Limits::default()).and_then(|decoded| {
            folder.iter().try_for_each(|to| save(&decoded, path, to)).map(|()| decoded)
        });
        match decoded {
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

fn save(decoded: &Decoded, path: &Path, folder: &Path) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".wav");
    let file = BufWriter::new(File::create(folder.join(name))?);
    write_wav(file, &decoded.clip, Bits::Float32, Seed(0))
}
