//! Places that requests from outside may name: in the home, and nowhere else.

use std::path::{Component, Path, PathBuf};

use crate::{Engine, Error};

impl Engine {
    /// The file or folder of that name, relative to the home or absolute, with links followed; it must lie in the home, and not
    /// among the engine's own files.
    ///
    /// # Errors
    /// `OutsideHome` when it does not, `NotFound` when nothing is there.
    pub fn place(&self, name: &str) -> Result<PathBuf, Error> {
        let outside = || Error::OutsideHome;
        let root = self.home().root();
        let path = Path::new(name);
        if name.contains('\0') || path.components().any(|part| part == Component::ParentDir) {
            return Err(outside());
        }
        let path = root.join(path);
        // Asked before the file system is: it must not tell what else there is on this machine.
        if !path.starts_with(root) {
            return Err(outside());
        }
        let missing = || Error::NotFound(format!("file or folder {name:?} in the home"));
        let real = path.canonicalize().map_err(|_| missing())?;
        let own = root.join("processed_database");
        if !real.starts_with(root) || real.starts_with(&own) || own.starts_with(&real) {
            return Err(outside());
        }
        Ok(real)
    }

    /// A path as it is told to others: relative to the home where it lies inside it, else its last name only.
    pub fn told(&self, path: &Path) -> String {
        let inside = path.strip_prefix(self.home().root()).ok();
        let name = inside.map(Path::as_os_str).or(path.file_name()).unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::Kind;
    use crate::testing::engine;

    #[test]
    fn only_what_lies_in_the_home_is_found() {
        let (home, engine) = engine();
        let kits = engine.home().raw_kits();
        std::fs::create_dir(kits.join("a")).unwrap();
        assert_eq!(engine.place("raw_construction_kits/a").unwrap(), kits.join("a"));
        assert_eq!(engine.place(kits.join("a").to_str().unwrap()).unwrap(), kits.join("a"));
        let check = |name: &str, kind: Kind| {
            assert_eq!(engine.place(name).map_err(|error| error.kind()), Err(kind), "{name}");
        };
        check("raw_construction_kits/none", Kind::NotFound);
        check(&"x".repeat(5_000), Kind::NotFound);
        for outside in [
            "../x",
            "raw_construction_kits/../../x",
            "/etc/passwd",
            "/etc/none",
            "a\0b",
            "processed_database/library.db",
            "processed_database",
            ".",
            "",
        ] {
            check(outside, Kind::Forbidden);
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/etc", kits.join("link")).unwrap();
            check("raw_construction_kits/link/passwd", Kind::Forbidden);
            check("raw_construction_kits/link", Kind::Forbidden);
        }
        drop(home);
    }
}
