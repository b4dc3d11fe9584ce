//! The genres that a prompt may name.

use std::sync::{Arc, OnceLock};

use super::{FILES, Genre};

/// The built-in genres, and those of a user over them.
#[derive(Debug, Clone)]
pub struct Genres(Vec<Arc<Genre>>);

impl Genres {
    /// The built-in ones, in the order of the documentation.
    pub fn builtin() -> &'static Self {
        static GENRES: OnceLock<Genres> = OnceLock::new();
        GENRES.get_or_init(|| {
            let read = |(file, text): &(&str, &str)| Genre::parse(file, text).map(Arc::new);
            let genres = FILES.iter().map(read).collect::<Result<_, _>>();
            Self(genres.expect("the tests read the same text"))
        })
    }

    /// Adds a genre, in place of one of the same name.
    pub fn add(&mut self, genre: Genre) {
        match self.0.iter_mut().find(|other| other.name == genre.name) {
            Some(other) => *other = Arc::new(genre),
            None => self.0.push(Arc::new(genre)),
        }
    }

    /// All of them; never none.
    pub fn all(&self) -> &[Arc<Genre>] {
        &self.0
    }

    /// The genre of that name.
    pub fn named(&self, name: &str) -> Option<&Arc<Genre>> {
        self.0.iter().find(|genre| genre.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Prompt;

    #[test]
    fn a_genre_of_a_user_is_added_or_replaces_one() {
        let (file, text) = FILES[1];
        let mut genres = Genres::builtin().clone();
        let gabber = text.replace("name = \"techno\"", "name = \"gabber\"").replacen(
            "\"techno\",",
            "\"gabber\",",
            1,
        );
        genres.add(Genre::parse("gabber.toml", &gabber).unwrap());
        genres.add(Genre::parse(file, &text.replace("132]", "135]")).unwrap());
        assert_eq!(genres.all().len(), 13);
        assert_eq!(Prompt::parse_among("dark gabber", &genres).genre.name, "gabber");
        let techno = Prompt::parse_among("techno", &genres);
        assert!((techno.genre.bpm[2] - 135.0).abs() < 1e-9);
        assert!((Prompt::parse("techno").genre.bpm[2] - 132.0).abs() < 1e-9);
    }
}
